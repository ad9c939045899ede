"""Names: a room is called by what is in it, and there is one of each."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

SAYS_NOTHING = {"helper", "helpers", "manager", "managers", "misc", "util", "utils"}
VERSIONED = re.compile(r"(_v\d+|_new|_old|_legacy|_deprecated|\d_\d|_copy|_bak)$")
# Times and sizes say their unit at the end; these would leave it open.
UNITLESS = re.compile(r"^(timeout|ttl|delay|duration|interval|max_age|amount|price_amount)$")

MUTABLE = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp

Parse = Callable[[Path], ast.Module]


def test_no_module_has_a_name_that_says_nothing(sources: list[Path], root: Path) -> None:
    parts = {part for path in sources for part in path.relative_to(root).with_suffix("").parts}
    assert parts & SAYS_NOTHING == set()


def test_no_module_carries_a_version(sources: list[Path]) -> None:
    modules = {path.stem for path in sources if "versions" not in path.parts}
    assert {name for name in modules if VERSIONED.search(name)} == set()


def test_settings_that_measure_name_their_unit(root: Path, syntax: Parse) -> None:
    module = syntax(root / "core/pixapi/config/settings.py")
    fields = [
        node.target.id
        for node in ast.walk(module)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    assert fields
    assert [name for name in fields if UNITLESS.match(name)] == []


def test_nothing_is_kept_in_a_module_global(sources: list[Path], root: Path, syntax: Parse) -> None:
    """State lives in objects that `create_app` makes: no `global`, no mutable value in a lower-case name."""
    found: list[str] = []
    for path in sources:
        module = syntax(path)
        where = path.relative_to(root)
        globals_ = [node for node in ast.walk(module) if isinstance(node, ast.Global)]
        found += [f"{where}:{node.lineno} global" for node in globals_]
        for node in module.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, MUTABLE):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                found += [f"{where}:{node.lineno} {name}" for name in names if name.strip("_").islower()]
    assert [line for line in found if "__all__" not in line] == []
