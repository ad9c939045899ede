"""A stream of Cohere's chat as events of the internal model (Cohere documentation, "Streaming", v2).

Texts and thoughts are numbered apart from tool calls; tool calls are numbered anew here, from 0 without
gaps. ``message-end`` brings the reason to stop and the counts, and ends the message; ``[DONE]`` after it says
nothing new. Citations and events of unknown kinds are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from pixapi.errors import UpstreamError
from pixapi.interfaces.stream import (
    Ended,
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from pixapi.wire.cohere_errors import not_understood, read_error
from pixapi.wire.cohere_messages import mark_thought
from pixapi.wire.cohere_reply import finish_reason, read_usage, whole_arguments
from pixapi.wire.json import decode_any
from pixapi.wire.sse_decoder import SseDecoder


@dataclass(slots=True)
class _Call:
    """A tool call that has begun and not ended. ``held`` may still turn out to be null."""

    number: int
    held: str = ""
    has_arguments: bool = False


class CohereDecoder(SseDecoder):
    """Bytes of a stream in, normalized events out. ``call_prefix`` starts the ids of calls that have none."""

    def __init__(self, call_prefix: str) -> None:
        super().__init__()
        self._call_prefix = call_prefix
        self._thoughts: set[object] = set()
        self._calls: dict[object, _Call] = {}
        self._count = 0

    def _not_a_stream(self, head: bytes) -> UpstreamError:
        return not_understood(head)

    def _read(self, name: str, data: bytes) -> list[Event]:
        if data.strip() == b"[DONE]":
            return []
        try:
            said = decode_any(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = None
        if not isinstance(said, dict):
            return self._fail_unread()
        kind, delta = said.get("type"), _object(said.get("delta"))
        if kind == "error" or "error" in said or isinstance(said.get("message"), str):
            return self._fail(read_error(None, data))
        self._started = True
        if kind == "message-end":
            return self._end(delta)
        return self._event(kind, said.get("index"), _object(delta.get("message")))

    def _event(self, kind: object, index: object, message: dict[str, Any]) -> list[Event]:
        key = index if isinstance(index, int | str) else None
        if kind in ("content-start", "content-delta"):
            content = _object(message.get("content"))
            if content.get("type") == "thinking":
                self._thoughts.add(key)
            return [*self._thought(_text(content, "thinking")), *self._texts(_text(content, "text"))]
        if kind == "content-end" and key in self._thoughts:
            self._thoughts.discard(key)
            return [ReasoningDelta(signature=mark_thought())]
        if kind == "tool-plan-delta":
            return self._texts(_text(message, "tool_plan"))
        call = _object(message.get("tool_calls"))
        function = _object(call.get("function"))
        if kind == "tool-call-start":
            begun = self._calls[key] = _Call(self._count)
            self._count += 1
            call_id = _text(call, "id") or f"{self._call_prefix}_{begun.number}"
            started = ToolCallDelta(begun.number, call_id, _text(function, "name"))
            return [started, *self._arguments(begun, _text(function, "arguments"))]
        if kind == "tool-call-delta" and key in self._calls:
            return self._arguments(self._calls[key], _text(function, "arguments"))
        return self._end_call(key) if kind == "tool-call-end" else []

    def _texts(self, text: str) -> list[Event]:
        self._deliver(text)
        return [TextDelta(text)] if text else []

    def _thought(self, text: str) -> list[Event]:
        self._deliver(text)
        return [ReasoningDelta(text)] if text else []

    def _arguments(self, call: _Call, text: str) -> list[Event]:
        text = call.held + text
        call.held = ""
        if not call.has_arguments and (not text.strip() or text.lstrip().startswith("n")):
            call.held = text
            return []
        self._deliver(text)
        call.has_arguments = True
        return [ToolCallDelta(call.number, arguments=text)] if text else []

    def _end_call(self, key: object) -> list[Event]:
        call = self._calls.pop(key, None)
        if call is None or call.has_arguments:
            return []
        text = whole_arguments(call.held)
        self._deliver(text)
        return [ToolCallDelta(call.number, arguments=text)]

    def _end(self, delta: dict[str, Any]) -> list[Event]:
        events = [event for key in list(self._calls) for event in self._end_call(key)]
        usage = read_usage(delta.get("usage"))
        if usage is not None:
            events.append(UsageReport(usage))
        try:
            reason = finish_reason(delta.get("finish_reason"), delta.get("error"), has_calls=self._count > 0)
        except UpstreamError as error:
            return [*events, *self._fail(error)]
        self._over = True
        return [*events, Finished(reason), Ended()]


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
