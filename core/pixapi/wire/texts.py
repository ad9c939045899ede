"""What is said in a call, whichever dialect it speaks; for guards.

Text is what the messages, the input of embeddings, the prompt of an image, a query and its documents say, tool calls
and their results included. Links, inline files and names of roles and types are none. Only the members that hold
such text are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.call import Call

_FIELDS = (
    "messages", "input", "system", "instructions", "contents", "systemInstruction", "system_instruction", "prompt",
    "query", "documents",
)  # fmt: skip
"""Where texts stand in the dialects that callers speak."""
_NOT_TEXT = frozenset({"data", "file_data", "id", "role", "signature", "tool_call_id", "type", "url"})


def texts_of(call: Call) -> Iterator[str]:
    """Every string of ``call`` that is text, field by field, in the order of the body. Neighbours are not joined.

    Raises:
        BadRequest: a field is nested too deeply to be looked into. One that is no JSON is passed over: it is refused
            later on.
    """
    for name in _FIELDS:
        raw = call.fields.get(name)
        if raw is not None:
            try:
                yield from _strings(msgspec.json.decode(raw))
            except RecursionError:
                raise BadRequest(f"{name} is nested too deeply to be understood", param=name) from None
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue


def _strings(value: Any) -> Iterator[str]:
    left: list[Any] = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left += reversed(list(_members(item.items())))
        elif isinstance(item, list):
            left += reversed(item)


def _members(items: Iterable[tuple[str, Any]]) -> Iterator[Any]:
    return (item for name, item in items if name not in _NOT_TEXT or not isinstance(item, str))
