"""The reference says everything that the code has, and nothing that it has not."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any

import click
import pytest
from pydantic import BaseModel

import pixapi
from pixapi import errors, hookspecs, interfaces
from pixapi.cli import main
from pixapi.config.settings import Settings
from pixapi.pluginhost.catalog import available
from pixapi.telemetry.metrics import Metrics


@pytest.fixture(scope="module")
def reference(root: Path) -> dict[str, str]:
    """The pages by name."""
    return {page.stem: page.read_text(encoding="utf-8") for page in (root / "docs/reference").glob("*.md")}


def test_the_pages_are_what_the_generator_writes(root: Path) -> None:
    command = [sys.executable, "docs/generate.py", "--check"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    if typing.get_origin(annotation) in (UnionType, typing.Union, list, dict, typing.Annotated):
        for argument in typing.get_args(annotation):
            yield from _models(argument)


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for inner in _models(field.annotation):
            yield from _keys(inner)


def test_every_setting_is_there(reference: dict[str, str]) -> None:
    sections = set(Settings.model_fields)
    missing = [name for name in sections if not re.search(rf"^## `\[+{name}\b", reference["settings"], re.M)]
    missing += [
        name for name in set(_keys(Settings)) - sections if f"| `{name}` |" not in reference["settings"]
    ]
    assert not missing


def test_every_setting_is_described() -> None:
    def undescribed(model: type[BaseModel]) -> Iterator[str]:
        for name, field in model.model_fields.items():
            inner = list(_models(field.annotation))
            for other in inner:
                yield from undescribed(other)
            if not inner and not field.description:
                yield f"{model.__name__}.{name}"

    assert not list(undescribed(Settings))


def _leaves(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_every_command_and_option_is_there(reference: dict[str, str]) -> None:
    sections = dict(re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", reference["commands"], re.M | re.S))
    commands = dict(_leaves(main, "pixapi"))
    assert set(sections) == set(commands)
    missing = [
        f"{name} {option}"
        for name, command in commands.items()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if f"`{option}" not in sections[name] and f", {option}" not in sections[name]
    ]
    assert not missing


def test_every_option_has_a_help() -> None:
    silent = [
        f"{name} {parameter.opts[0]}"
        for name, command in _leaves(main, "pixapi")
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert not silent


def test_every_hook_and_interface_is_there(reference: dict[str, str]) -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("pixapi_")]
    assert hooks
    missing = [name for name in (*hooks, *interfaces.__all__) if f"### `{name}`" not in reference["hooks"]]
    assert not missing


def test_every_error_is_there(reference: dict[str, str]) -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.PixapiError)]
    missing = [
        c.__name__
        for c in classes
        if f"| `{c.__name__}` | {c.status} | `{c.code}`" not in reference["errors"]
    ]
    assert not missing


def test_every_code_that_the_core_gives_is_there(reference: dict[str, str]) -> None:
    missing = {code for code in _given_codes() if f"| `{code}` |" not in reference["errors"]}
    assert not missing


def _given_codes() -> Iterator[str]:
    for file in Path(pixapi.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield from _codes(node, node.func.id)


def _codes(node: ast.Call, name: str) -> Iterator[str]:
    given: list[ast.expr] = []
    if isinstance(vars(errors).get(name), type):
        given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    elif name == "VoidOrder":
        given = node.args
    for value in given:
        # A condition is not looked into: `"a" if x == "b" else "c"` gives a and c.
        chosen = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        for one in chosen:
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield one.value


def test_every_plugin_and_its_settings_are_there(reference: dict[str, str]) -> None:
    shipped = [item for item in available(None) if (item.distribution or "").split(" ")[0] == "pixapi"]
    assert shipped
    for item in shipped:
        assert item.problem is None
        assert item.config is not None
        section = re.search(rf"^## `{item.use}` .*?(?=^## |\Z)", reference["plugins"], re.M | re.S)
        assert section is not None, item.use
        missing = [name for name in item.config.model_fields if f"| `{name}` |" not in section[0]]
        assert not missing, item.use
        assert f"| `{item.use}` | {item.family} | {item.evidence or ''}".rstrip() in reference["plugins"]


def test_every_metric_is_there(reference: dict[str, str]) -> None:
    names = re.findall(r"^# TYPE (pixapi_\w+) (?!.*_created)", Metrics().render().decode(), re.M)
    assert names
    missing = [
        name for name in names if not name.endswith("_created") and f"`{name}`" not in reference["metrics"]
    ]
    assert not missing
