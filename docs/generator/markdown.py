"""Markdown: tables, docstrings, and the notice at the top of each page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence

_NOTICE = "<!-- Written by docs/generate.py from the code. Change the code, then run `make docs`. -->"
_FIELD = re.compile(r"^(Args|Raises|Returns):$")


def document(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([_NOTICE, f"# {title}", *(part.strip("\n") for part in parts if part.strip())]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table without the columns that are empty in every row; empty where there are no rows."""
    cells = [[cell(item) for item in row] for row in rows]
    used = [number for number in range(len(heads)) if any(row[number] for row in cells)]
    if not used:
        return ""
    lines = ["| " + " | ".join(row[number] for number in used) + " |" for row in [heads, *cells]]
    return "\n".join([lines[0], "|" + " --- |" * len(used), *lines[1:]])


def cell(text: str) -> str:
    """``text`` in one line, with nothing that would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """``text`` as code; nothing for nothing."""
    return f"`{text}`" if text else ""


def docstring(thing: object) -> str:
    """The docstring of ``thing``; `Raises:` and the like become lists."""
    return prose(inspect.getdoc(thing) or "")


def prose(text: str) -> str:
    """A docstring's text as Markdown: double backticks become single ones, sections become lists."""
    lines: list[str] = []
    in_section = False
    for line in text.replace("``", "`").splitlines():
        if found := _FIELD.match(line):
            in_section = True
            lines += [f"*{found[1]}:*", ""]
        elif in_section and line.startswith("    ") and not line.startswith("     "):
            lines.append(f"- {line.strip()}")
        elif in_section and line.strip():
            lines.append(f"  {line.strip()}")
        else:
            in_section = in_section and not line.strip()
            lines.append(line)
    return "\n".join(lines).strip()


def sentence(text: str) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join(prose(text).split("\n\n")[0].split())
