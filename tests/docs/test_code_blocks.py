"""Code in the documentation is right: TOML loads, Python compiles, commands and their options exist."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from pixapi.cli import main
from pixapi.config.load import load_settings
from pixapi.pluginhost.catalog import available
from pixapi.pluginhost.host import PluginHost

if TYPE_CHECKING:
    from conftest import Block

_FILE = re.compile(r'file = "[^"]+"')
_ENV = re.compile(r'env = "([^"]+)"')
_STUB = '\n[providers.{name}]\nuse = "echo"\n'


def _of(blocks: list[Block], *languages: str) -> list[Block]:
    found = [block for block in blocks if block.language in languages]
    assert found
    return found


def test_python_compiles(blocks: list[Block]) -> None:
    for block in _of(blocks, "python"):
        compile(block.text, str(block), "exec")


def test_json_parses(blocks: list[Block]) -> None:
    for block in _of(blocks, "json"):
        json.loads(block.text)


def test_toml_is_a_configuration(blocks: list[Block], tmp_path: Path) -> None:
    """Each block loads as (part of) a pixapi.toml, the settings of its plugins included."""
    shipped = {
        item.use for item in available(None) if item.distribution and item.distribution.startswith("pixapi ")
    }
    (tmp_path / "secret").write_text("postgresql://a@b/c")
    for number, block in enumerate(_of(blocks, "toml")):
        data = tomllib.loads(block.text)
        if block.mark == "not pixapi.toml":
            continue
        file = tmp_path / f"{number}.toml"
        file.write_text(_FILE.sub('file = "secret"', block.text) + _missing_providers(data))
        loaded = load_settings(file, dict.fromkeys(_ENV.findall(block.text), "a value"))
        settings = loaded.settings
        tables = [*settings.providers.values(), *settings.guards.values(), *settings.prices.values()]
        if {table.use for table in tables} <= shipped:
            PluginHost.load(loaded)


def _missing_providers(data: dict[str, Any]) -> str:
    wanted = {route["provider"] for model in data.get("models", []) for route in model["routes"]}
    return "".join(_STUB.format(name=name) for name in sorted(wanted - set(data.get("providers", {}))))


def test_commands_and_their_options_exist(blocks: list[Block]) -> None:
    lines = [(block, line) for block in _of(blocks, "sh") for line in _command_lines(block.text)]
    assert len(lines) > 20
    wrong = [f"{block}: {problem}: {line}" for block, line in lines if (problem := _problem(line))]
    assert not wrong, "\n".join(wrong)


def test_commands_in_prose_exist(pages: list[Path]) -> None:
    wrong = []
    for page in pages:
        for text in re.findall(r"`(pixapi [^`]+)`", page.read_text(encoding="utf-8")):
            if problem := _problem(text, whole=False):
                wrong.append(f"{page.name}: {problem}: {text}")
    assert not wrong, "\n".join(wrong)


def _command_lines(text: str) -> list[str]:
    """The calls of `pixapi` in a shell block, each with what belongs to it."""
    joined = text.replace("\\\n", " ")
    return re.findall(r"(?:^|\$\(|\| |&& |(?<=  ))(?:/\S+/)?(pixapi (?!pixapi\b)[^|&)\n]+)", joined, re.M)


def _problem(line: str, *, whole: bool = True) -> str | None:
    """What is wrong with a call of the command line; nothing is run. ``whole``: arguments are given too."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = main
    context = click.Context(main, info_name="pixapi")
    while isinstance(command, click.Group):
        if not words:
            return "no command is named" if whole else None
        if words[0].startswith("-"):
            return None if words[0] in ("--help", "--version", "-h") else f"no option {words[0]}"
        found = command.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    known = {
        name: option for option in command.params for name in option.opts if isinstance(option, click.Option)
    }
    missing = [
        word for word in words if word.startswith("--") and word.split("=")[0] not in {*known, "--help"}
    ]
    if missing:
        return f"no option {missing[0]}"
    if not whole:
        return None
    try:
        command.make_parser(click.Context(command, **command.context_settings)).parse_args(list(words))
    except click.UsageError as error:
        return error.format_message()
    return None


@pytest.mark.parametrize(
    ("line", "is_right"),
    [
        ("pixapi ledger verify", True),
        ("pixapi ledger verify --json", True),
        ("pixapi ledger prove", False),
        ("pixapi credits grant ada@example.com 5 --because x", False),
        ("pixapi nothing", False),
    ],
)
def test_the_check_of_commands_finds_what_is_wrong(line: str, is_right: bool) -> None:
    assert (_problem(line) is None) == is_right
