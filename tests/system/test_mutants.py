"""Mutation testing of what decides money: every small change to those modules makes one of their tests fail.

A mutant is the module with one comparison, sum, condition, number or statement changed. It stands in a copy of the
package that comes before the real one on the path, and the tests that are there for the module run against it, in
a process of their own (forked from one that has imported what does not change). A mutant that they let pass shows
what nobody tests, or changes nothing: those are listed below, each with its reason. (`mutmut` knows the layouts
``.``, ``src`` and ``source``, and this tree is none of them.)
"""

from __future__ import annotations

import ast
import contextlib
import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
AT_ONCE = 2
RUNNER = """
import importlib, json, os, resource, sys
for name in sys.argv[1].split(","):
    importlib.import_module(name)
import pytest
for line in sys.stdin:
    child = os.fork()
    if not child:
        # Some mutants never end, and some fill the memory. That, too, is a test that does not pass.
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        os._exit(pytest.main(json.loads(line)))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
UNCHANGED = (
    "alembic.command,hypothesis.stateful,msgspec,prometheus_client,psycopg,pydantic_settings,pytest_asyncio,"
    "sqlalchemy.orm,structlog"
)

LEDGER = [
    f"tests/core/ledger/test_{name}.py" for name in ("lots", "apply", "bounds", "rules", "verify", "machine")
]
TESTS = {
    "ledger/rules.py": LEDGER,
    "ledger/fold.py": LEDGER,
    "catalog/pricing.py": ["tests/core/catalog/test_pricing.py"],
}
BEYOND_ANY_TIME = "any number beyond all times will do"
EQUIVALENT = {
    "ledger/rules.py": {
        "module: 2 ** 63 - 1 -> 2 ** 63 + 1": BEYOND_ANY_TIME,
        "module: 2 -> 3 in 2 ** 63": BEYOND_ANY_TIME,
        "module: 63 -> 64 in 2 ** 63": BEYOND_ANY_TIME,
        "module: 1 -> 2 in 2 ** 63 - 1": BEYOND_ANY_TIME,
    },
    "ledger/fold.py": {
        "Fold._hold: 0 -> 1 in Charge(order.charge_id, order.wallet_id, order.key_id, 'held', amount, None, 0, ": (
            "a settle sets what was written off before anybody asks for it"
        ),
    },
    "catalog/pricing.py": {
        "PriceTable.affordable_output: -self._of_units(units) // 1 -> -self._of_units(units) * 1": (
            "all else is whole, so that the division rounds the broken rest down to the same number"
        ),
        "PriceTable.lines: True -> False in strict=True": "there is a rate for each quantity",
    },
}
"""Mutants that no test can tell from the module, and why."""

SWAPPED: dict[type[ast.AST], type[Any]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
BOUNDS = {"min": "max", "max": "min"}
NOT_RUN = {"annotation", "returns", "decorator_list"}


@dataclass(frozen=True)
class Place:
    """A node of the tree, the function it is in, and how to put another there."""

    function: str
    node: ast.AST
    parent: ast.AST
    put: Callable[[ast.AST], None]


def places(node: ast.AST, function: str = "") -> Iterator[Place]:
    """Every node of the tree but the names of types and the texts of messages."""
    for name, value in ast.iter_fields(node):
        if name in NOT_RUN or isinstance(node, ast.JoinedStr):
            continue
        children = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST):
                continue
            inner = (
                f"{function}.{child.name}" if isinstance(child, ast.ClassDef | ast.FunctionDef) else function
            )
            yield Place(function, child, node, _putter(node, name, index))
            yield from places(child, inner)


def _putter(parent: ast.AST, name: str, index: int | None) -> Callable[[ast.AST], None]:
    def put(new: ast.AST) -> None:
        if index is None:
            setattr(parent, name, new)
        else:
            getattr(parent, name)[index] = new

    return put


def with_fields(node: Any, **fields: Any) -> Any:
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the node's place."""
    match node:
        case ast.Compare(ops=ops):
            for number, op in enumerate(ops):
                yield with_fields(node, ops=[*ops[:number], SWAPPED[type(op)](), *ops[number + 1 :]])
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) if type(op) in SWAPPED:
            yield with_fields(node, op=SWAPPED[type(op)]())
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in BOUNDS:
            yield with_fields(node, func=ast.Name(BOUNDS[name]))
        case ast.IfExp(body=body, orelse=orelse):
            yield with_fields(node, body=orelse, orelse=body)
        case ast.If(test=ast.Name() | ast.Attribute() | ast.Call() as test):
            yield with_fields(node, test=ast.UnaryOp(ast.Not(), test))
    match node:
        case (
            ast.AugAssign()
            | ast.Delete()
            | ast.Expr(value=ast.Call())
            | ast.Assign(targets=[ast.Attribute() | ast.Subscript()])
        ):
            yield ast.Pass()


@dataclass(frozen=True)
class Mutant:
    name: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """All of them, in the order of the source."""
    made: list[Mutant] = []
    tree = ast.parse(source)
    for place in list(places(tree)):
        function = place.function.lstrip(".") or "module"
        # A number alone would not tell where it is.
        where = f" in {ast.unparse(place.parent)[:80]}" if isinstance(place.node, ast.Constant) else ""
        for new in changed(place.node):
            place.put(new)
            before, after = (_first_line(ast.unparse(node)) for node in (place.node, new))
            made.append(Mutant(f"{function}: {before} -> {after}{where}", ast.unparse(tree)))
            place.put(place.node)
    return made


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0]


class Bench:
    """A copy of the package, and a process that tests one mutant of it after the other."""

    def __init__(self, place: Path, module: str) -> None:
        self.file = place / "pixapi" / module
        shutil.copytree(ROOT / "core/pixapi", place / "pixapi")
        # A mutant is as old and as long as the one before: its compiled form must not be taken for the next one's.
        for compiled in self.file.parent.glob(f"__pycache__/{self.file.stem}.*"):
            compiled.unlink()
        environment = {name: value for name, value in os.environ.items() if name != "PIXAPI_TEST_LONG"}
        self.asked = json.dumps([
            *TESTS[module], "-x", "-q", "--tb=no", "--hypothesis-profile=ci", "-m", "not postgres",
            "-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:schemathesis", f"--basetemp={place / 'tmp'}",
        ])  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, UNCHANGED], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**environment, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip

    def passes(self, source: str) -> bool:
        """Whether the module's tests pass with this source in its place."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.file.write_text(source, encoding="utf-8")
        self.process.stdin.write(self.asked + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline()) == 0

    def close(self) -> None:
        self.process.communicate()


class Laboratory:
    """Benches, to be used from several threads."""

    def __init__(self, folder: Path, module: str) -> None:
        self.benches = [Bench(folder / str(number), module) for number in range(AT_ONCE)]
        self.free: SimpleQueue[Bench] = SimpleQueue()
        for bench in self.benches:
            self.free.put(bench)

    def passes(self, source: str) -> bool:
        bench = self.free.get()
        try:
            return bench.passes(source)
        finally:
            self.free.put(bench)

    def survives(self, mutant: Mutant) -> bool:
        return self.passes(mutant.source)

    def close(self) -> None:
        for bench in self.benches:
            bench.close()


@pytest.mark.long
@pytest.mark.sized(short=6, full=10_000)
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("module", list(TESTS))
def test_a_small_change_to_a_rule_of_money_is_noticed(module: str, tmp_path: Path, size: int) -> None:
    """The short form takes a few from all over the module."""
    source = (ROOT / "core/pixapi" / module).read_text(encoding="utf-8")
    every = mutants(source)
    chosen = every[:: -(-len(every) // size)]
    with contextlib.closing(Laboratory(tmp_path, module)) as laboratory, ThreadPoolExecutor(AT_ONCE) as pool:
        assert laboratory.passes(source), "the tests of the module fail without any change"
        survived = list(pool.map(laboratory.survives, chosen))
    survivors = [mutant.name for mutant, lives in zip(chosen, survived, strict=True) if lives]
    print(f"{module}: {len(chosen)} of {len(every)} mutants, {len(survivors)} survived")
    unknown = [name for name in survivors if name not in EQUIVALENT[module]]
    assert not unknown, "nothing fails with:\n" + "\n".join(unknown)
