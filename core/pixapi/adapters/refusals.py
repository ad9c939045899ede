"""What a call may ask for that a vendor has no word for. Leaving it out would answer another question, so it is refused
with a sentence that names the field; what only steers chance or cost may be left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from pixapi.errors import BadRequest
from pixapi.interfaces import ChatRequest, File, Image, Part, Text, ToolCall, ToolResult
from pixapi.wire.chat_limits import refuse_blank_stops, require_tools_for
from pixapi.wire.chat_terms import Word, Words, hints
from pixapi.wire.chat_terms import refuse_unsayable as refuse_vital

Lack = Literal[
    "tools", "forced_tools", "single_calls", "images", "image_urls", "files", "schemas", "json", "stop"
]
"""What a vendor may have no word for: tools at all, a tool that must be called, calling one tool at a time, images at
all, images by an address, files, an answer by a schema, an answer in JSON, stop sequences."""


_COMMON = Words(
    {
        term: Word(())
        for term in ("tools", "tool_choice", "parallel_tool_calls", "response_format", "max_output", "stop")
    }
)
"""What `Lack` speaks of, and the cap: all else that changes an answer is one vendor's own."""


def refuse_unsayable(chat: ChatRequest, *lacks: Lack) -> None:
    """Refuse what only one vendor has (several choices, log probabilities, audio), and what this vendor ``lacks``:
    `tools` at all, `forced_tools` that must be called, `single_calls` (one tool at a time), `images` at all,
    `image_urls` (images by an address), `files`, `schemas` of the answer, `json` as a kind of answer, `stop` sequences.

    Raises:
        BadRequest: the call asks for it; ``param`` names the field.
    """
    refuse_vital(chat, _COMMON)
    refuse_blank_stops(chat)
    require_tools_for(chat)
    for lack in lacks:
        field, is_asked, sentence = _LACKS[lack]
        if is_asked(chat):
            name = chat.names.get(field, field)
            raise BadRequest(f"{name} {sentence}", param=name)


def left_out(chat: ChatRequest, *said: str) -> tuple[str, ...]:
    """What ``chat`` asks for and the vendor has no word for, as the caller calls it: for `HttpRequest.dropped`, which
    tells the caller of it in a header.

    ``said`` are the fields of `ChatRequest` and the keys of its ``extra`` that the request says, such as
    ``temperature``, ``seed`` or ``presence_penalty``.
    """
    return tuple(dict.fromkeys(chat.names.get(term, term) for term in hints(chat) if term not in said))


def _has(chat: ChatRequest, is_one: Callable[[Part | Text | Image], bool]) -> bool:
    return any(
        is_one(piece)
        for message in chat.messages
        for part in message.parts
        for piece in (part.content if isinstance(part, ToolResult) else (part,))
    )


def _has_tools(chat: ChatRequest) -> bool:
    used = any(isinstance(part, ToolCall | ToolResult) for message in chat.messages for part in message.parts)
    return used or bool(chat.tools and (chat.tool_choice is None or chat.tool_choice.mode != "none"))


def _wants(chat: ChatRequest, *kinds: str) -> bool:
    return chat.response_format is not None and chat.response_format.kind in kinds


_LACKS: Mapping[Lack, tuple[str, Callable[[ChatRequest], bool], str]] = MappingProxyType(
    {
        "tools": ("tools", _has_tools, "cannot be used with this model; leave them out"),
        "forced_tools": (
            "tool_choice",
            lambda chat: chat.tool_choice is not None and chat.tool_choice.mode in ("required", "tool"),
            "demands a tool call, which cannot be demanded of this model; expected auto or none",
        ),
        "single_calls": (
            "parallel_tool_calls",
            lambda chat: bool(chat.tools) and chat.parallel_tool_calls is False,
            "cannot be turned off for this model; leave it out",
        ),
        "images": (
            "messages",
            lambda chat: _has(chat, lambda part: isinstance(part, Image)),
            "hold an image, which this model cannot see; send text",
        ),
        "image_urls": (
            "messages",
            lambda chat: _has(chat, lambda part: isinstance(part, Image) and part.data is None),
            "hold an image by its address, which this model's provider does not fetch; send it inline, as base64",
        ),
        "files": (
            "messages",
            lambda chat: _has(chat, lambda part: isinstance(part, File)),
            "hold a file, which this model's provider does not take; send its text",
        ),
        "schemas": (
            "response_format",
            lambda chat: _wants(chat, "json_schema"),
            "asks for a schema, which this model cannot be held to; leave it out",
        ),
        "stop": (
            "stop",
            lambda chat: bool(chat.stop),
            "cannot be told to this model's provider; leave it out",
        ),
        "json": (
            "response_format",
            lambda chat: _wants(chat, "json_schema", "json_object"),
            "asks for JSON, which this model cannot be held to; leave it out",
        ),
    }
)
