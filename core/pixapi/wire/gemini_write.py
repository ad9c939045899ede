"""Answers of other dialects, written as Gemini's (Gemini API reference, "GenerateContentResponse").

Every event of a stream is a reply of its own with a further piece. A call's arguments are gathered until they
are whole, since clients expect an object; calls come in the last event, if nothing follows them, since clients
that call functions by themselves look for them there. Usage is in each event as far as it is known, and whole in the
last, which carries the finish reason. Signatures stand on the part that follows them if Gemini made them; of
other makers, whose signatures belong to the thought's own text, they stand on the thought.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import PixapiError
from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import ChatReply, FinishReason, Reasoning, Text, ToolCall
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
from pixapi.wire.gemini_errors import error_body
from pixapi.wire.gemini_framing import EventWriter, escaped, one_line
from pixapi.wire.gemini_signature import MAKER, pack
from pixapi.wire.gemini_usage import write_usage
from pixapi.wire.json import decode_fields, encode
from pixapi.wire.seal import unseal

_REASONS: dict[FinishReason, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}


class PartWriter:
    """Pieces of an answer as parts; remembers a signature until the part comes that it belongs to."""

    __slots__ = ("_signature",)

    def __init__(self) -> None:
        self._signature: str | None = None

    def thought(self, text: str, signature: str | None, *, redacted: bool) -> list[dict[str, Any]]:
        """A thought, or a signature."""
        if signature is None:
            return [{"text": text, "thought": True}] if text else []
        packed = pack(signature, redacted=redacted)
        if not text and not redacted and unseal(MAKER, signature) is not None:
            parts = self.rest()
            self._signature = packed
            return parts
        return [{"text": "" if redacted else text, "thought": True, "thoughtSignature": packed}]

    def text(self, text: str) -> dict[str, Any]:
        """A piece of text."""
        return self._signed({"text": text})

    def call(self, call_id: str, name: str, arguments: str) -> dict[str, Any]:
        """A whole call."""
        try:
            decode_fields(arguments.encode())
            args: Any = msgspec.Raw(one_line(arguments.encode()))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            args = {"INVALID_JSON": arguments} if arguments.strip() else {}
        return self._signed({"functionCall": {"id": call_id, "name": name, "args": args}})

    def rest(self) -> list[dict[str, Any]]:
        """The signature that no part followed."""
        return [self._signed({"text": ""})] if self._signature is not None else []

    def _signed(self, part: dict[str, Any]) -> dict[str, Any]:
        if self._signature is not None:
            part["thoughtSignature"], self._signature = self._signature, None
        return part


def write_reply(call: Call, reply: ChatReply, usage: Usage | None) -> bytes:
    """A whole answer as the JSON body of ``:generateContent``."""
    writer = PartWriter()
    parts: list[dict[str, Any]] = []
    for part in reply.parts:
        if isinstance(part, Text):
            parts.append(writer.text(part.text))
        elif isinstance(part, ToolCall):
            parts.append(writer.call(part.id, part.name, part.arguments))
        elif isinstance(part, Reasoning):
            parts += writer.thought(part.text, part.signature, redacted=part.redacted)
    parts += writer.rest()
    if reply.refusal:
        parts.append({"text": reply.refusal})
    return encode(_reply(call, parts or [{"text": ""}], usage, reply.finish_reason))


def _reply(
    call: Call, parts: list[dict[str, Any]], usage: Usage | None, reason: FinishReason | None = None
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}}
    if reason is not None:
        candidate["finishReason"] = _REASONS[reason]
    said: dict[str, Any] = {"candidates": [{**candidate, "index": 0}]}
    if usage is not None:
        said["usageMetadata"] = write_usage(usage)
    return {**said, "modelVersion": call.alias, "responseId": call.reply_id}


class GeminiStreamEncoder(StreamEncoder):
    """Events of one answer as the bytes of Gemini's stream."""

    ping = b"\n"
    """An empty line: Google's clients take a comment for broken JSON, and within an array it is space."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._writer = EventWriter(call.framing)
        self._parts = PartWriter()
        self._tool: tuple[int, str, str] | None = None
        self._arguments: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._relays = False

    def encode(self, event: Event) -> bytes:
        if isinstance(event, Passage):
            self._relays = self._writer.has_begun = True
            return event.data
        if isinstance(event, UsageReport):
            self._usage = event.usage
            return b""
        if isinstance(event, Failed):
            return self.error(event.error, self._call.id)
        if isinstance(event, Finished):
            self._reason = event.reason
            return b""
        if isinstance(event, Ended):
            return b"" if self._relays else self._end()
        if isinstance(event, ToolCallDelta):
            self._gather(event)
            return b""
        self._close_call()
        parts: list[dict[str, Any]] = []
        if isinstance(event, ReasoningDelta):
            parts = self._parts.thought(event.text, event.signature, redacted=event.redacted)
        elif isinstance(event, TextDelta | RefusalDelta):
            parts = [self._parts.text(event.text)]
        return self._event([*self._take_calls(), *parts]) if parts else b""

    def error(self, error: PixapiError, request_id: str) -> bytes:
        data = self._writer.event(error_body(error, request_id))
        return data + self._writer.end()

    def _event(self, parts: list[dict[str, Any]], reason: FinishReason | None = None) -> bytes:
        return self._writer.event(escaped(encode(_reply(self._call, parts, self._usage, reason))))

    def _gather(self, event: ToolCallDelta) -> None:
        if self._tool is not None and self._tool[0] != event.index:
            self._close_call()
        if self._tool is None:
            self._tool = (event.index, event.id or f"call_{event.index}", event.name or "")
        self._arguments.append(event.arguments)

    def _close_call(self) -> None:
        tool, self._tool = self._tool, None
        if tool is not None:
            self._calls.append(self._parts.call(tool[1], tool[2], "".join(self._arguments)))
            self._arguments.clear()

    def _take_calls(self) -> list[dict[str, Any]]:
        calls, self._calls = self._calls, []
        return calls

    def _end(self) -> bytes:
        self._close_call()
        parts = [*self._take_calls(), *self._parts.rest()]
        return self._event(parts or [{"text": ""}], self._reason or "stop") + self._writer.end()
