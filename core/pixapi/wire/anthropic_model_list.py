"""Models in the shape of Anthropic's API (Anthropic API reference, "List Models", "Get a Model")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.json import encode

_DEFAULT_LIMIT = 20
_MOST = 1000


class ModelEntry(msgspec.Struct, frozen=True):
    """One model: its id, the name that people read, and when it was made (Unix seconds)."""

    id: str
    display_name: str
    created: int


class Page(msgspec.Struct, frozen=True):
    """Which part of a list is asked for: at most ``limit`` models after one, or before one."""

    limit: int = _DEFAULT_LIMIT
    after_id: str | None = None
    before_id: str | None = None


def read_page(query: Mapping[str, str]) -> Page:
    """The page that a query string asks for.

    Raises:
        BadRequest: ``limit`` is no number from 1 to 1000, or both ends are given.
    """
    limit = query.get("limit", str(_DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 4 and 1 <= int(limit) <= _MOST):
        raise BadRequest(f"limit is not a whole number from 1 to {_MOST}", param="limit")
    after, before = query.get("after_id") or None, query.get("before_id") or None
    if after and before:
        raise BadRequest("after_id and before_id exclude each other; give one of them", param="after_id")
    return Page(int(limit), after, before)


def model_body(entry: ModelEntry) -> bytes:
    """One model."""
    return encode(_model(entry))


def models_body(entries: Sequence[ModelEntry], page: Page) -> bytes:
    """One page of ``entries``, which are in the order of the whole list.

    Raises:
        BadRequest: no model has the id that the page begins or ends at.
    """
    start, end = 0, len(entries)
    if page.after_id is not None:
        start = _place(entries, page.after_id, "after_id") + 1
    elif page.before_id is not None:
        end = _place(entries, page.before_id, "before_id")
    if page.before_id is not None:
        shown, has_more = entries[max(start, end - page.limit) : end], end - start > page.limit
    else:
        shown, has_more = entries[start : start + page.limit], end - start > page.limit
    return encode(
        {
            "data": [_model(entry) for entry in shown],
            "has_more": has_more,
            "first_id": shown[0].id if shown else None,
            "last_id": shown[-1].id if shown else None,
        }
    )


def _place(entries: Sequence[ModelEntry], wanted: str, param: str) -> int:
    for at, entry in enumerate(entries):
        if entry.id == wanted:
            return at
    raise BadRequest(f"{param} is the id of no model in this list", param=param)


def _model(entry: ModelEntry) -> dict[str, Any]:
    made = datetime.fromtimestamp(entry.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": "model",
        "id": entry.id,
        "display_name": entry.display_name,
        "created_at": made,
        "lifecycle": "active",
    }
