"""Calls to try a plugin on: ordinary ones, odd ones that are allowed, and broken ones."""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces import Call, ChatRequest, Provider, Upload
from pixapi.interfaces.call import Dialect, Operation
from pixapi.wire.offered import DIALECTS
from pixapi.wire.openai_chat import read_chat_request

ALIAS = "alias-of-the-caller"
MODEL = "model-of-the-route"
REPLY_ID = "chatcmpl-of-the-gateway"


def fields_of(body: dict[str, Any]) -> dict[str, msgspec.Raw]:
    """A body taken apart at its top level, as the core does it."""
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()}


def call(body: dict[str, Any], *, operation: Operation = "chat", output_cap: int | None = None) -> Call:
    """A call with ``body``, as it reaches a provider. ``stream`` is taken from the body. ``chat`` is what the body
    means, for a provider of another dialect; None where it means nothing.
    """
    stream = body.get("stream") is True
    fields = fields_of({"model": ALIAS, **body})
    return Call(
        id="req_contract",
        operation=operation,
        dialect="openai",
        alias=ALIAS,
        model=MODEL,
        fields=fields,
        reply_id=REPLY_ID,
        created=1_750_000_000,
        stream=stream,
        include_usage=stream,
        output_cap=output_cap,
        chat=_meaning(fields) if operation == "chat" else None,
    )


def _meaning(fields: dict[str, msgspec.Raw]) -> ChatRequest | None:
    try:
        return read_chat_request(fields)
    except BadRequest:
        return None


def dialects_to_try(provider: Provider) -> list[Dialect]:
    """OpenAI's dialect, those that the provider passes on, and one that is foreign to it."""
    foreign = [dialect for dialect in DIALECTS if dialect not in provider.dialects]
    return sorted({"openai", *provider.dialects, *foreign[-1:]})


def in_dialect(asked: Call, dialect: Dialect, provider: Provider) -> Call:
    """The same small call from a caller of another dialect: ``fields`` go to a provider of that dialect only."""
    own = dialect in provider.dialects
    chat = None if own else asked.chat
    if dialect == asked.dialect:
        return msgspec.structs.replace(asked, chat=chat)
    fields = asked.fields if own else fields_of({"a_field_of_another_dialect": 987_654})
    return msgspec.structs.replace(asked, dialect=dialect, fields=fields, chat=chat)


def chat(text: str = "hello", *, output_cap: int | None = None, **more: Any) -> Call:
    """A chat call with one message of the user."""
    body = {"messages": [{"role": "user", "content": text}], **more}
    return call(body, output_cap=output_cap)


_BODIES: dict[Operation, dict[str, Any]] = {
    "embeddings": {"input": "hello"},
    "images": {"prompt": "a cat", "n": 2},
    "image_edits": {"prompt": "a hat", "n": "2"},
    "speech": {"input": "hello", "voice": "alloy"},
    "transcriptions": {"timestamp_granularities[]": ["word"], "response_format": "json"},
    "moderations": {"input": "hello"},
    "rerank": {"query": "hello", "documents": ["hello you", "goodbye"]},
}
_UPLOADS: dict[Operation, tuple[Upload, ...]] = {
    "image_edits": (Upload("image", "cat.png", "image/png", b"\x89PNG\r\n\x1a\n--a picture"),),
    "transcriptions": (Upload("file", 'a "b".mp3', "audio/mpeg", b"\xff\xfb\r\n--a sound"),),
}


def ordinary(operation: Operation, **more: Any) -> Call:
    """A small call of an operation."""
    if operation == "chat":
        return chat(**more)
    asked = call(_BODIES[operation], operation=operation)
    asked.uploads = _UPLOADS.get(operation, ())
    return asked


def one_by_one(provider: Provider, operation: Operation) -> Call:
    """`ordinary`, for one image where the vendor makes no more a call and says so."""
    asked = ordinary(operation)
    try:
        provider.request(asked)
    except BadRequest as refused:
        if refused.param == "n":
            asked.fields["n"] = msgspec.Raw(b"1")
    return asked


_TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
_CALLED = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
HELLO = [{"role": "user", "content": "hello"}]

ODD: dict[str, dict[str, Any]] = {
    "an unknown field": {"messages": HELLO, "a_field_of_tomorrow": {"deep": [1, None]}},
    "instructions": {"messages": [{"role": "developer", "content": "Be kind."}, *HELLO]},
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]},
    "an image": {
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}]
    },
    "tools": {"messages": HELLO, "tools": [_TOOL], "tool_choice": "auto", "parallel_tool_calls": False},
    "results of tools": {
        "messages": [
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [_CALLED]},
            {"role": "tool", "tool_call_id": "call_1", "content": "done"},
        ]
    },
    "several choices": {"messages": HELLO, "n": 3},
    "sampling": {"messages": HELLO, "temperature": 2, "top_p": 0.1, "seed": 7, "stop": ["END"]},
    "a schema": {
        "messages": HELLO,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object"}},
        },
    },
    "log probabilities": {"messages": HELLO, "logprobs": True, "top_logprobs": 2},
    "reasoning": {"messages": HELLO, "reasoning_effort": "high"},
    "null everywhere": {"messages": HELLO, "tools": None, "stop": None, "temperature": None, "n": None},
    "many signs": {"messages": [{"role": "user", "content": '\u0000 \u2028 \U0001f642 \\ " ]]>'}]},
}
"""Bodies that the API describes, or that must not break it."""

BROKEN: dict[str, dict[str, Any]] = {
    "no messages": {},
    "messages that are none": {"messages": 5},
    "an empty conversation": {"messages": []},
    "a message that is none": {"messages": ["hello"]},
    "no role": {"messages": [{"content": "hello"}]},
    "an unknown role": {"messages": [{"role": "king", "content": "hello"}]},
    "content that is none": {"messages": [{"role": "user", "content": 5}]},
    "an unknown part": {"messages": [{"role": "user", "content": [{"type": "smell", "smell": "?"}]}]},
    "tools that are none": {"messages": HELLO, "tools": "look"},
    "a cap that is none": {"messages": HELLO, "max_tokens": "many"},
}
"""Bodies that no caller should send, and some do."""
