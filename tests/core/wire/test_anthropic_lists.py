"""Counts of tokens, and lists of models, in the shape of Anthropic's API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import BadRequest, UpstreamBusy, UpstreamError, UpstreamInvalid
from pixapi.wire.anthropic_count import read_count, write_count
from pixapi.wire.anthropic_model_list import ModelEntry, Page, model_body, models_body, read_page

ENTRIES = [ModelEntry(name, name.upper(), 1_750_000_000) for name in "abcde"]


def test_a_count_both_ways() -> None:
    assert write_count(7) == b'{"input_tokens":7}'
    assert read_count(b'{"input_tokens":7,"more":1}') == 7


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", UpstreamInvalid),
        (b'{"input_tokens":"7"}', UpstreamInvalid),
        (b'{"input_tokens":-1}', UpstreamInvalid),
        (b"<html>", UpstreamInvalid),
        (b'{"error":{"type":"overloaded_error","message":"x"},"input_tokens":1}', UpstreamBusy),
    ],
)
def test_what_is_no_count(body: bytes, kind: type[UpstreamError]) -> None:
    with pytest.raises(kind):
        read_count(body)


def test_one_model() -> None:
    assert json.loads(model_body(ENTRIES[0])) == {
        "type": "model",
        "id": "a",
        "display_name": "A",
        "created_at": "2025-06-15T15:06:40Z",
        "lifecycle": "active",
    }


PAGES: list[tuple[dict[str, str], str, bool]] = [
    ({}, "abcde", False),
    ({"limit": "2"}, "ab", True),
    ({"limit": "5"}, "abcde", False),
    ({"limit": "2", "after_id": "b"}, "cd", True),
    ({"limit": "2", "after_id": "c"}, "de", False),
    ({"after_id": "e"}, "", False),
    ({"limit": "2", "before_id": "d"}, "bc", True),
    ({"limit": "3", "before_id": "d"}, "abc", False),
    ({"before_id": "a"}, "", False),
]


@pytest.mark.parametrize(("query", "ids", "has_more"), PAGES)
def test_pages(query: dict[str, str], ids: str, has_more: bool) -> None:
    said: dict[str, Any] = json.loads(models_body(ENTRIES, read_page(query)))
    assert "".join(model["id"] for model in said["data"]) == ids
    assert said["has_more"] is has_more
    assert (said["first_id"], said["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"after_id": "a", "before_id": "b"}]
)
def test_pages_that_cannot_be(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        read_page(query)


@pytest.mark.parametrize("page", [Page(after_id="z"), Page(before_id="z")])
def test_an_end_that_is_no_model(page: Page) -> None:
    with pytest.raises(BadRequest):
        models_body(ENTRIES, page)
