"""Members of Google's JSON by name (protocol buffers, "ProtoJSON format").

Google writes names in camelCase and reads them in snake_case as well; it takes a lone value where a list is
expected, and whole numbers that are written as strings or with a point. Callers rely on all three.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.json import Fields, decode_any, is_null

BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises where it is none, or nested too deeply."""

_HUMP = re.compile(r"(?<!^)([A-Z])")
_WHOLE = re.compile(r"-?\d{1,15}(?:\.0+)?")


@lru_cache(maxsize=256)
def snake(name: str) -> str:
    """``maxOutputTokens`` as ``max_output_tokens``."""
    return _HUMP.sub(lambda hump: "_" + hump[1].lower(), name)


def member(said: Mapping[str, Any], name: str) -> Any:
    """A member of a plain object by its camelCase name; None where it is absent or null."""
    value = said.get(name)
    return said.get(snake(name)) if value is None else value


def field(fields: Fields, name: str) -> msgspec.Raw | None:
    """The text of a member; None where it is absent or null."""
    for spelt in (name, snake(name)):
        value = fields.get(spelt)
        if value is not None and not is_null(value):
            return value
    return None


def spelling(fields: Fields, name: str) -> str:
    """How the sender spells a member; camelCase where it is absent.

    Raises:
        BadRequest: it is there in both spellings, and which of them counts is anybody's guess.
    """
    other = snake(name)
    if other == name or other not in fields:
        return name
    if name in fields:
        raise BadRequest(f"{name} is there twice, as {name} and as {other}; send one of them", param=name)
    return other


def value(fields: Fields, name: str) -> Any:
    """The plain value of a member of a request; None where it is absent or null. Raises BadRequest."""
    text = field(fields, name)
    if text is None:
        return None
    try:
        return decode_any(text)
    except BROKEN:
        raise BadRequest(f"{name} is not valid JSON", param=name) from None


def listed(said: Any) -> list[Any]:
    """A list; a lone value is a list of one, and nothing is an empty one."""
    if said is None:
        return []
    return said if isinstance(said, list) else [said]


def whole(said: Any) -> int | None:
    """A whole number, also one written as a string or with a point; None for anything else."""
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    text = str(said)
    return int(float(text)) if _WHOLE.fullmatch(text) else None


def words(said: Any) -> str:
    """A string; empty for anything else."""
    return said if isinstance(said, str) else ""
