"""A file of `models.d` that a command writes: stable, readable, and valid by construction.

Models are sorted by id, each an array-of-tables entry with inline tables, so that a change of one price is a change of
one line. Comments that stand directly above a model are kept; others are not.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from pixapi.config.positions import scan
from pixapi.errors import InternalError

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_FIRST = ("id", "routes", "price", "cost")


@dataclass(frozen=True, slots=True)
class Written:
    """A model as the file has it: its table, and the comment lines above it without their ``#``."""

    table: Mapping[str, Any]
    comments: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return str(self.table.get("id"))


def read_models(text: str) -> list[Written]:
    """The models of a file that has already been loaded as part of the configuration."""
    models = tomllib.loads(text).get("models", [])
    lines, places = text.splitlines(), scan(text)
    return [
        Written(table, _comments_above(lines, places.get(("models", index), 1)))
        for index, table in enumerate(models)
    ]


def _comments_above(lines: Sequence[str], number: int) -> tuple[str, ...]:
    """The comment lines that end right above line ``number`` (from 1)."""
    first = number - 1
    while first > 0 and lines[first - 1].startswith("#"):
        first -= 1
    return tuple(line[1:].strip() for line in lines[first : number - 1])


def write_models(models: Sequence[Written], header: Sequence[str]) -> str:
    """The text of the file.

    Raises:
        InternalError: reading it gives something else than what was to be written.
    """
    ordered = sorted(models, key=lambda model: model.id)
    blocks = ["\n".join(f"# {line}".rstrip() for line in header)]
    for model in ordered:
        lines = [f"# {comment}".rstrip() for comment in model.comments] + ["[[models]]"]
        keys = [key for key in _FIRST if key in model.table]
        keys += [key for key in model.table if key not in _FIRST]
        lines += [f"{_key(key)} = {_value(model.table[key])}" for key in keys]
        blocks.append("\n".join(lines))
    text = "\n\n".join(blocks) + "\n"
    if [read.table for read in read_models(text)] != [model.table for model in ordered]:
        raise InternalError(
            "the file that was to be written would read as something else; nothing was written"
        )
    return text


def replace_file(file: Path, text: str | None) -> None:
    """Put ``text`` in the place of ``file`` at one stroke, or take the file away."""
    if text is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        members = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {members} }}" if members else "{}"
    if isinstance(value, list):
        return f"[ {', '.join(map(_value, value))} ]" if value else "[]"
    raise InternalError(f"a model holds a {type(value).__name__}, for which TOML has no word")


def _string(text: str) -> str:
    return '"' + "".join(map(_character, text)) + '"'


def _character(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char >= " " and char != "\x7f" else f"\\u{ord(char):04x}"
