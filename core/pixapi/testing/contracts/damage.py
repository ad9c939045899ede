"""Answers as a vendor should never send them: what was recorded, with bytes, members or lines that are wrong.

All of it is drawn by dice that fall alike in every run, and bounded, however large the recorded answer is.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")
_WRONG: tuple[Any, ...] = (None, True, -7, 0.5, 10**30, "", "\x00?", [], [None], {}, {"?": None})
"""One of each type, and a quantity below zero."""
_NOT_UTF8 = (b"\xff", b"\xc3", b"\xed\xa0\x80")
_STRING = re.compile(rb'"((?:[^"\\\x00-\x1f]|\\.)*)"(\s*:)?')
_LINES = re.compile(rb"[^\n]*\n|[^\n]+")
_EVENTS = re.compile(rb"(?s).*?(?:\r?\n){2}|.+")
_CUTS = 30
_MEMBERS = 40
_PLACES = 60
_MOST_BYTES = 20_000_000
"""Of all variants of one answer together."""


def damaged_bodies(body: bytes) -> Iterator[bytes]:
    """A whole answer with bytes cut or replaced, strings that are no UTF-8, members of wrong types or missing."""
    yield from _bounded(body, _damaged(body, random.Random(len(body))))


def damaged_streams(body: bytes) -> Iterator[bytes]:
    """A streamed answer whose lines or events are left out, swapped or repeated, or hold what `damaged_bodies` have."""
    yield from _bounded(body, _disordered(body, random.Random(len(body))))


def with_words(body: bytes, words: bytes) -> Iterator[bytes]:
    """``body`` with ``words`` at the end of all its strings, and of one at a time; names of members stay."""
    places = [found.end(1) for found in _STRING.finditer(body) if found[2] is None]
    for chosen in (places, *([place] for place in places[:_PLACES])):
        starts, ends = [0, *chosen], [*chosen, len(body)]
        yield words.join(body[start:end] for start, end in zip(starts, ends, strict=True))


def _bounded(body: bytes, variants: Iterator[bytes]) -> Iterator[bytes]:
    return islice(variants, max(_MOST_BYTES // max(len(body), 1), _CUTS))


def _damaged(body: bytes, dice: random.Random) -> Iterator[bytes]:
    yield from _with_bad_strings(body, dice)
    for _ in range(_CUTS):
        at = dice.randrange(len(body) + 1)
        yield body[:at]
        yield body[:at] + dice.randbytes(dice.randrange(1, 5)) + body[at + dice.randrange(9) :]
    yield from _with_bad_members(body, dice)


def _disordered(body: bytes, dice: random.Random) -> Iterator[bytes]:
    yield from _with_bad_strings(body, dice)
    for unit in (_LINES, _EVENTS):
        parts = unit.findall(body)
        for at in _some(range(len(parts)), dice, _MEMBERS):
            before, part, after = parts[:at], parts[at], parts[at + 1 :]
            yield b"".join([*before, *after])
            yield b"".join([*before, part, part, *after])
            yield b"".join([*before, *after[:1], part, *after[1:]])
    lines = _LINES.findall(body)
    for at in _some(range(len(lines)), dice, _MEMBERS):
        head, brace, tail = lines[at].partition(b"{")
        for changed in _with_bad_members(brace + tail, dice):
            yield b"".join([*lines[:at], head, changed, b"\n", *lines[at + 1 :]])


def _with_bad_strings(body: bytes, dice: random.Random) -> Iterator[bytes]:
    ends = [found.end(1) for found in _STRING.finditer(body)]
    for at in _some(ends, dice, _PLACES):
        for bad in _NOT_UTF8:
            yield body[:at] + bad + body[at:]


def _with_bad_members(body: bytes, dice: random.Random) -> Iterator[bytes]:
    try:
        value = json.loads(body)
    except ValueError:
        return
    alike: dict[tuple[str, ...], list[str | int]] = {}
    for path in _paths(value):
        alike.setdefault(tuple("" if isinstance(step, int) else step for step in path), path)
    for path in _some(list(alike.values()), dice, _MEMBERS):
        for wrong in _WRONG:
            yield json.dumps(_changed(value, path, wrong)).encode()
        if path:
            yield json.dumps(_without(value, path)).encode()


def _paths(value: Any) -> Iterator[list[str | int]]:
    """The way to every value; of a long list, that to the first ones."""
    yield []
    members: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value[:_MEMBERS])
    for step, member in members:
        for rest in _paths(member):
            yield [step, *rest]


def _changed(value: Any, path: list[str | int], wrong: Any) -> Any:
    if not path:
        return wrong
    copy = value.copy()
    copy[path[0]] = _changed(value[path[0]], path[1:], wrong)
    return copy


def _without(value: Any, path: list[str | int]) -> Any:
    copy = value.copy()
    if len(path) > 1:
        copy[path[0]] = _without(value[path[0]], path[1:])
    else:
        del copy[path[0]]
    return copy


def _some(things: Iterable[T], dice: random.Random, most: int) -> list[T]:
    known = list(things)
    return known if len(known) <= most else dice.sample(known, most)
