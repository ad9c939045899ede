"""Built-in plugins come in by the door that strangers use: an entry point."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

GROUP = "pixapi.plugins"
FAMILIES = ("providers/pixapi_providers", "payments/pixapi_payments", "plugins/pixapi_plugins")


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_what_is_installed_is_what_the_project_declares(project: dict[str, Any]) -> None:
    """Entry points freeze when a distribution is installed: after a change, `make dev` refreshes them."""
    installed = metadata.distribution("pixapi").entry_points
    declared = {
        **{(GROUP, name): value for name, value in project["entry-points"][GROUP].items()},
        **{("pytest11", name): value for name, value in project["entry-points"]["pytest11"].items()},
        **{("console_scripts", name): value for name, value in project["scripts"].items()},
    }
    assert {(point.group, point.name): point.value for point in installed} == declared


def test_every_plugin_module_is_an_entry_point_of_its_name(project: dict[str, Any], root: Path) -> None:
    found = {}
    for family in FAMILIES:
        for path in (root / family).glob("*"):
            is_package = path.is_dir() and (path / "__init__.py").exists()
            if (is_package or path.suffix == ".py") and not path.name.startswith("_"):
                found[path.stem] = f"{Path(family).name}.{path.stem}"
    assert found == project["entry-points"][GROUP]


def test_every_entry_point_loads_and_names_its_interface(project: dict[str, Any]) -> None:
    for point in metadata.entry_points(group=GROUP):
        if point.name in project["entry-points"][GROUP]:
            module = point.load()
            assert isinstance(module.PIXAPI_INTERFACE, int), point.value
            assert module.__doc__, point.value
