"""A chat stream in OpenAI's dialect as events of the internal model, for callers of other dialects.

It reads what the relay lets through, so that both know the same errors, quirks and ends: the relay's own
output is parsed once more. Only choice 0 is read; other dialects have no word for several.
"""

from __future__ import annotations

import msgspec

from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import FinishReason
from pixapi.interfaces.stream import (
    Decoder,
    Event,
    Finished,
    Passage,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from pixapi.wire.json import Fields, lenient, lenient_fields, lenient_objects
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_relay import OpenAIChatRelay

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class OpenAIChatDecoder(Decoder):
    """Bytes of an OpenAI stream in, normalized events out."""

    def __init__(self, call: Call, quirks: Quirks = PLAIN) -> None:
        self._relay = OpenAIChatRelay(msgspec.structs.replace(call, include_usage=False), quirks)
        self._finished = False
        self._has_calls = False

    def feed(self, data: bytes) -> list[Event]:
        return self._normalized(self._relay.feed(data))

    def close(self) -> list[Event]:
        return self._normalized(self._relay.close())

    def delivered_output(self) -> int:
        return self._relay.delivered_output()

    def _normalized(self, events: list[Event]) -> list[Event]:
        normalized: list[Event] = []
        for event in events:
            if not isinstance(event, Passage):
                normalized.append(event)
                continue
            for line in event.data.split(b"\n"):
                if line.startswith(b"data:"):
                    for choice in lenient_objects(lenient_fields(line[5:]).get("choices")):
                        if lenient(choice.get("index")) in (0, None):
                            normalized += self._choice(choice)
        return normalized

    def _choice(self, choice: Fields) -> list[Event]:
        delta = lenient_fields(choice.get("delta"))
        events: list[Event] = []
        for name, kind in (
            ("reasoning_content", ReasoningDelta),
            ("content", TextDelta),
            ("refusal", RefusalDelta),
        ):
            text = lenient(delta.get(name))
            if isinstance(text, str) and text:
                events.append(kind(text))
        for piece in lenient_objects(delta.get("tool_calls")):
            function = lenient_fields(piece.get("function"))
            self._has_calls = True
            events.append(
                ToolCallDelta(
                    index=lenient(piece.get("index")) or 0,
                    id=lenient(piece.get("id")),
                    name=lenient(function.get("name")),
                    arguments=lenient(function.get("arguments")) or "",
                )
            )
        reason = lenient(choice.get("finish_reason"))
        if isinstance(reason, str) and reason and not self._finished:
            self._finished = True
            events.append(Finished(finish_reason(reason, has_calls=self._has_calls)))
        return events


def finish_reason(said: object, *, has_calls: bool) -> FinishReason:
    """Why the model stopped, in the words of the internal model.

    A call that the caller insisted on ends with "stop" in this dialect; callers of others wait for the calls.
    """
    reason = _REASONS.get(said, "stop") if isinstance(said, str) else "stop"
    return "tool_calls" if reason == "stop" and has_calls else reason
