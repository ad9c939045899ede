"""Damaged answers: each kind of damage occurs, alike in every run, and within bounds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from pixapi.testing.contracts.damage import damaged_bodies, damaged_streams, with_words

BODY = b'{"says": "hi you", "used": [{"tokens": 3}, {"tokens": 4}]}'
LINES = b'{"a": 1}\n{"b": 2}\n{"c": 3}\n'
EVENTS = b"event: x\ndata: 1\n\nevent: y\ndata: 2\n\n"


def objects(bodies: Iterator[bytes]) -> list[object]:
    found = []
    for body in bodies:
        try:
            found.append(json.loads(body))
        except ValueError:
            continue
    return found


def test_members_have_wrong_types_or_are_missing() -> None:
    found = objects(damaged_bodies(BODY))
    used = [{"tokens": 3}, {"tokens": 4}]
    for wrong in (None, -7, 0.5, [], {}, ""):
        assert {"says": wrong, "used": used} in found
        assert {"says": "hi you", "used": [{"tokens": wrong}, {"tokens": 4}]} in found
        assert wrong in found
    assert {"used": used} in found
    assert {"says": "hi you", "used": [{}, {"tokens": 4}]} in found


def test_strings_are_no_utf8() -> None:
    assert BODY.replace(b"you", b"you\xff") in list(damaged_bodies(BODY))


def test_bodies_are_cut() -> None:
    assert any(BODY.startswith(body) and len(body) < len(BODY) for body in damaged_bodies(BODY))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1}\n{"c": 3}\n',
        b'{"b": 2}\n{"a": 1}\n{"c": 3}\n',
        b'{"a": 1}\n{"b": 2}\n{"b": 2}\n{"c": 3}\n',
        b'{"a": 1}\n{"b": -7}\n{"c": 3}\n',
    ],
)
def test_lines_are_left_out_swapped_repeated_and_damaged(body: bytes) -> None:
    assert body in list(damaged_streams(LINES))


def test_events_of_several_lines_stay_whole_where_they_are_swapped() -> None:
    assert b"event: y\ndata: 2\n\nevent: x\ndata: 1\n\n" in list(damaged_streams(EVENTS))


@pytest.mark.parametrize("damage", [damaged_bodies, damaged_streams])
def test_it_is_alike_in_every_run_and_bounded(damage: Callable[[bytes], Iterator[bytes]]) -> None:
    long = json.dumps({"data": [{"n": n, "text": "x" * 500} for n in range(2_000)]}).encode()
    assert list(damage(BODY)) == list(damage(BODY))
    assert sum(map(len, damage(long))) < 50_000_000


def test_words_come_at_the_end_of_values_and_not_of_names() -> None:
    body = b'{"error": {"kind": "bad", "note": "so"}}'
    assert list(with_words(body, b" KEY")) == [
        b'{"error": {"kind": "bad KEY", "note": "so KEY"}}',
        b'{"error": {"kind": "bad KEY", "note": "so"}}',
        b'{"error": {"kind": "bad", "note": "so KEY"}}',
    ]
