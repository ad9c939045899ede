"""Answers of other dialects, written as OpenAI's (OpenAI API reference, "The chat completion object" and
"chunk").

Reasoning has no standard place: its text is ``reasoning_content``, as most compatible servers have it, and
blocks with a signature are repeated whole in ``reasoning_details``, so that a caller who sends the message
back gives the provider its own state again.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import PixapiError
from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import ChatReply, Reasoning, Text, ToolCall
from pixapi.interfaces.stream import (
    Ended,
    Event,
    Failed,
    Finished,
    Passage,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from pixapi.interfaces.usage import Usage
from pixapi.wire.dialect import StreamEncoder
from pixapi.wire.json import encode
from pixapi.wire.openai_chat_write import write_detail, write_reasoning
from pixapi.wire.openai_errors import encode_error
from pixapi.wire.openai_usage import write_usage

_DONE = b"data: [DONE]\n\n"


def encode_chat_reply(call: Call, reply: ChatReply, usage: Usage | None) -> bytes:
    """A whole answer as the JSON body of a chat completion."""
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    texts = [part.text for part in reply.parts if isinstance(part, Text)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not calls else None,
        "refusal": reply.refusal,
        **write_reasoning([part for part in reply.parts if isinstance(part, Reasoning)]),
    }
    if calls:
        message["tool_calls"] = [
            {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
            for tool in calls
        ]
    body: dict[str, Any] = {
        "id": call.reply_id,
        "object": "chat.completion",
        "created": call.created,
        "model": call.alias,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}],
    }
    if usage is not None:
        body["usage"] = write_usage(usage)
    return encode(body)


class ChatStreamEncoder(StreamEncoder):
    """Events of one answer as the bytes of OpenAI's stream."""

    ping = b": ping\n\n"

    def __init__(self, call: Call) -> None:
        self._call = call
        self._started = False
        self._thought = ""
        self._usage: Usage | None = None
        self._head = {
            "id": call.reply_id,
            "object": "chat.completion.chunk",
            "created": call.created,
            "model": call.alias,
        }

    def encode(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            return self._chunk({"content": event.text})
        if isinstance(event, ReasoningDelta):
            return self._reasoning(event)
        if isinstance(event, ToolCallDelta):
            return self._tool_call(event)
        if isinstance(event, RefusalDelta):
            return self._chunk({"refusal": event.text})
        if isinstance(event, Finished):
            return self._chunk({}, event.reason)
        if isinstance(event, UsageReport):
            self._usage = event.usage
            return b""
        if isinstance(event, Ended):
            return self._end()
        if isinstance(event, Failed):
            return self.error(event.error, self._call.id)
        return event.data if isinstance(event, Passage) else b""

    def error(self, error: PixapiError, request_id: str) -> bytes:
        return encode_error(error)

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        if not self._started:
            self._started = True
            delta = {"role": "assistant", "content": None if "tool_calls" in delta else "", **delta}
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return b"data: " + encode({**self._head, "choices": [choice]}) + b"\n\n"

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        delta: dict[str, Any] = {}
        if event.text and not event.redacted:
            self._thought += event.text
            delta["reasoning_content"] = event.text
        if event.signature is not None:
            thought = Reasoning("" if event.redacted else self._thought, event.signature, event.redacted)
            delta["reasoning_details"] = [write_detail(thought)]
            if not event.redacted:
                self._thought = ""
        return self._chunk(delta) if delta else b""

    def _tool_call(self, event: ToolCallDelta) -> bytes:
        piece: dict[str, Any] = {"index": event.index}
        function: dict[str, Any] = {"arguments": event.arguments}
        if event.id is not None:
            piece |= {"id": event.id, "type": "function"}
        if event.name is not None:
            function = {"name": event.name, **function}
        return self._chunk({"tool_calls": [{**piece, "function": function}]})

    def _end(self) -> bytes:
        if not self._call.include_usage or self._usage is None:
            return _DONE
        chunk = {**self._head, "choices": [], "usage": write_usage(self._usage)}
        return b"data: " + encode(chunk) + b"\n\n" + _DONE
