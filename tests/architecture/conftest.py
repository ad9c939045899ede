"""What the architecture tests look at: the committed tree, and the syntax of its sources."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

SOURCES = ("core", "providers", "payments", "plugins", "migrations")
HERE = Path(__file__).resolve()


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return HERE.parents[2]


@pytest.fixture(scope="session")
def sources(root: Path) -> list[Path]:
    """Every Python module that is shipped."""
    found = [path for folder in SOURCES for path in sorted((root / folder).rglob("*.py"))]
    assert found
    return found


@pytest.fixture(scope="session")
def plugin_modules(root: Path) -> list[Path]:
    """Every module of the plugin families that holds code; empty package markers are left out."""
    families = ("providers", "payments", "plugins")
    found = [path for family in families for path in sorted((root / family).rglob("*.py"))]
    return [path for path in found if ast.parse(path.read_text(encoding="utf-8")).body[1:]]


@pytest.fixture(scope="session")
def committed(root: Path) -> list[Path]:
    """Every file under version control that is still there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    return [path for name in listed.stdout.split("\0") if name and (path := root / name).is_file()]


@pytest.fixture(scope="session")
def syntax() -> Callable[[Path], ast.Module]:
    """The parsed syntax of a module, read once."""

    @cache
    def parse(path: Path) -> ast.Module:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))

    return parse
