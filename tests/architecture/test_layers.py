"""Who may import whom: the contracts of `pyproject.toml`, and what is allowed to open a socket."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

Parse = Callable[[Path], ast.Module]

# What is pure has no use for these; what a plugin sends goes through the core's outbound port.
INPUT_AND_OUTPUT = {
    "aiohappyeyeballs", "aiohttp", "asyncio", "ftplib", "http", "httpx", "httpx2", "multiprocessing", "psycopg", "redis",
    "requests", "smtplib", "socket", "sqlalchemy", "sqlite3", "ssl", "subprocess", "threading", "urllib3",
}  # fmt: skip
PURE = (
    "core/pixapi/interfaces", "core/pixapi/wire", "core/pixapi/adapters", "providers", "payments", "plugins",
)  # fmt: skip


def late_imports(module: ast.Module) -> dict[int, ast.ImportFrom]:
    """Of the project's own modules, inside functions; by line."""
    return {
        node.lineno: node
        for function in ast.walk(module)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pixapi")
    }


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_every_import_contract_is_kept(root: Path) -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [tool, "--no-cache"], cwd=root, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_codecs_and_plugins_open_no_socket(root: Path, syntax: Parse) -> None:
    """`echo` answers in process and waits as its script says: it needs the loop's clock, nothing else."""
    found = []
    for folder in PURE:
        for path in sorted((root / folder).rglob("*.py")):
            used = {name.split(".")[0] for name in imported(syntax(path))} & INPUT_AND_OUTPUT
            used -= {"asyncio"} if "echo" in path.relative_to(root).as_posix() else set()
            found += [f"{path.relative_to(root)} imports {name}" for name in sorted(used)]
    assert found == []


def test_imports_stand_at_the_top_or_say_why(sources: list[Path], root: Path, syntax: Parse) -> None:
    """An import inside a function may hide a cycle. The command line's keep `--help` quick, and need no word;
    any other has a comment on its line or the line above, such as which extra it keeps optional."""
    silent: list[str] = []
    for path in sources:
        where = path.relative_to(root).as_posix()
        if where.startswith(("core/pixapi/cli/", "core/pixapi/testing/")):
            continue
        text = path.read_text(encoding="utf-8").splitlines()
        silent += [
            f"{where}:{line} {ast.unparse(node)}"
            for line, node in late_imports(syntax(path)).items()
            if "#" not in text[line - 1] + text[line - 2]
        ]
    assert silent == []
