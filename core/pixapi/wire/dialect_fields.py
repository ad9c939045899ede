"""The fields of a dialect and what becomes of each where a server of another dialect answers.

Every dialect has a table of the fields of its requests, by their names in the vendor's API: translated into terms of
the internal model (`chat_terms`; whether the server has a word for them is the writer's affair), refused because
the answer would be another one without it, or dropped with the reason. Readers take fields by this table, the page
docs/reference/translation.md is drawn from it, and a test holds its names against the vendors' own SDKs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.chat_terms import OF_THE_MODEL

Fate = Literal["translated", "refused", "dropped"]
SHORTER = "it spares the model what it need not read again; the call is priced by all that was sent"
"""Why a request to shorten the conversation is left out, whichever dialect makes it."""


class Field(msgspec.Struct, frozen=True):
    """``terms`` it is translated into; none: it is part of every call. ``why`` it is refused or dropped; ``asks``
    tells whether a value asks for anything at all.
    """

    fate: Fate
    terms: tuple[str, ...] = ()
    why: str = ""
    asks: Callable[[Any], bool] = bool


FieldTable = Mapping[str, Field]


def translated(*terms: str) -> Field:
    """A field that is translated into ``terms``; without any, it is part of every call."""
    return Field("translated", terms)


def refused(why: str, asks: Callable[[Any], bool] = bool) -> Field:
    """A field without which the answer would be another one, and ``why``."""
    return Field("refused", why=why, asks=asks)


def dropped(why: str, asks: Callable[[Any], bool] = bool) -> Field:
    """A field that steers what no other vendor has, and ``why`` it is left out."""
    return Field("dropped", why=why, asks=asks)


class Taken(msgspec.Struct, frozen=True):
    """What a request's fields come to by the table: ``extra``, ``dropped`` and ``names`` of a `ChatRequest`."""

    extra: dict[str, Any]
    dropped: tuple[str, ...]
    names: dict[str, str]


def check_case(names: Collection[str], known: Collection[str]) -> None:
    """Refuse a name that differs from a ``known`` one by case alone: some servers read it as that one (Go,
    encoding/json, "Unmarshal"), and so another request than was priced, allowed and guarded.

    Raises:
        BadRequest: there is one.
    """
    for name in names:
        if name not in known and (meant := name.casefold()) in known:
            raise BadRequest(f"the field {name[:40]} is unknown; did you mean `{meant}`?", param=name[:40])


def take(values: Mapping[str, Any], table: FieldTable) -> Taken:
    """Sort the plain ``values`` of a request. Fields that nobody knows go on in ``extra``.

    Raises:
        BadRequest: one asks for what is refused; ``param`` names it.
    """
    extra: dict[str, Any] = {}
    left: list[str] = []
    names: dict[str, str] = {}
    for name, value in values.items():
        field = table.get(name)
        if value is None:
            continue
        if field is None:
            extra[name] = value
        elif field.fate == "translated":
            for term in field.terms:
                if term != name:
                    names[term] = name
                if term not in OF_THE_MODEL:
                    extra[term] = value
        elif field.asks(value):
            if field.fate == "refused":
                raise BadRequest(f"{name} is not offered by this model's provider; leave it out", param=name)
            left.append(name)
    return Taken(extra, tuple(left), names)
