"""What a call probably used, where the provider does not say. Such a charge says ``usage_source = "estimated"``."""

from __future__ import annotations

import msgspec

from pixapi.interfaces import ChatReply, Result, Text, ToolCall, Usage

_BYTES_PER_TOKEN = 4


class _Function(msgspec.Struct):
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | list[msgspec.Raw] | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None


class _Reply(msgspec.Struct):
    choices: list[_Choice] = []


_reply = msgspec.json.Decoder(_Reply)


def estimated(input_bound: int, output_tokens: int) -> Usage:
    """Usage from the bound on the input (bytes of text) and the output counted so far."""
    return Usage(input=-(-input_bound // _BYTES_PER_TOKEN), output=output_tokens)


def output_of(result: Result) -> int:
    """Output tokens of a whole reply, from the length of its text: a token for four bytes, rounded up."""
    size = _size_of_chat(result.chat) if result.chat is not None else _size_of_body(result.body or b"")
    return -(-size // _BYTES_PER_TOKEN)


def _size_of_chat(reply: ChatReply) -> int:
    return sum(
        len(part.arguments if isinstance(part, ToolCall) else part.text)
        for part in reply.parts
        if isinstance(part, Text | ToolCall)
    )


def _size_of_body(body: bytes) -> int:
    try:
        reply = _reply.decode(body)
    except msgspec.DecodeError:
        return len(body)
    size = 0
    for choice in reply.choices:
        message = choice.message or _Message()
        content = message.content or ""
        size += len(content.encode()) if isinstance(content, str) else sum(len(part) for part in content)
        size += len((message.reasoning_content or "").encode())
        size += sum(
            len((c.function.arguments or "").encode()) for c in message.tool_calls or [] if c.function
        )
    return size
