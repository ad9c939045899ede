"""Budgets: what grows past them is split while that is still easy."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from statistics import median

MODULE_LINES = 300
FUNCTION_LINES = 50
PLUGIN_LINES = 250
PLUGIN_MEDIAN_LINES = 150
HOOKSPEC_LINES = 200

Parse = Callable[[Path], ast.Module]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def too_long(paths: list[Path], root: Path, most: int) -> list[str]:
    sizes = [(lines(path), path.relative_to(root)) for path in paths]
    return [f"{path}: {size} lines, at most {most}" for size, path in sorted(sizes) if size > most]


def test_no_module_is_longer_than_its_budget(sources: list[Path], root: Path) -> None:
    """A migration is a record of what was done, in one piece; everything else is kept short."""
    more = [*(root / "benchmarks").glob("*.py"), *(root / "deploy").glob("*.py")]
    kept_short = [path for path in sources if "versions" not in path.parts]
    assert too_long([*kept_short, *more], root, MODULE_LINES) == []


def test_no_function_is_longer_than_its_budget(sources: list[Path], root: Path, syntax: Parse) -> None:
    found: list[str] = []
    for path in sources:
        if "versions" in path.parts:
            continue
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > FUNCTION_LINES:
                    where = f"{path.relative_to(root)}:{node.lineno}"
                    found.append(f"{where} {node.name}: {size} lines, at most {FUNCTION_LINES}")
    assert found == []


def test_plugins_are_small(plugin_modules: list[Path], root: Path) -> None:
    assert plugin_modules
    assert too_long(plugin_modules, root, PLUGIN_LINES) == []
    assert median(lines(path) for path in plugin_modules) <= PLUGIN_MEDIAN_LINES


def test_the_hooks_read_in_one_sitting(root: Path) -> None:
    assert lines(root / "core/pixapi/hookspecs.py") <= HOOKSPEC_LINES
