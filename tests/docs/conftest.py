"""The pages of the documentation and the code blocks in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^( *)```(\w*)\s*$")
_MARK = re.compile(r"^ *<!-- (.+) -->\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block. ``mark`` is the comment on the line before it, which says what tests do with it."""

    page: Path
    line: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the source."""
    return ROOT


@pytest.fixture(scope="session")
def pages() -> list[Path]:
    """Every page that people read."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if "examples" not in page.parts]


@pytest.fixture(scope="session")
def blocks_of() -> Callable[[Path], list[Block]]:
    """Reads the code blocks of a page, in their order."""
    return _blocks


@pytest.fixture(scope="session")
def blocks(pages: list[Path]) -> list[Block]:
    """The code blocks of all pages."""
    return [block for page in pages for block in _blocks(page)]


def _blocks(page: Path) -> list[Block]:
    found: list[Block] = []
    opened: tuple[int, str, str, str] | None = None
    mark, lines = "", []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if opened is not None and line.strip() == "```":
            at, indent, language, marked = opened
            text = "\n".join(each.removeprefix(indent) for each in lines) + "\n"
            found.append(Block(page, at, language, marked, text))
            opened, mark, lines = None, "", []
        elif opened is not None:
            lines.append(line)
        elif fence is not None:
            opened = number, fence[1], fence[2], mark
        else:
            marked = _MARK.match(line)
            mark = marked[1] if marked else ""
    assert opened is None, f"{page}: a code block is not closed"
    return found
