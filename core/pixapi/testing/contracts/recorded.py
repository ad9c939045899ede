"""What a vendor's server answered, and what a caller gets to read of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pixapi.errors import UpstreamError
from pixapi.interfaces import (
    Call,
    Ended,
    Event,
    Failed,
    Finished,
    Passage,
    Provider,
    Result,
    Usage,
    UsageReport,
)
from pixapi.interfaces.call import Operation
from pixapi.wire.openai_reply import ChatStreamEncoder, encode_chat_reply
from pixapi.wire.relayed import caller_decoder, read_body


@dataclass(frozen=True)
class Recorded:
    """One answer of a vendor's server. What is left None is not compared."""

    name: str
    """Names the case in the output of the tests."""
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    """With lower-case names."""
    is_stream: bool = False
    operation: Operation = "chat"
    text: str | None = None
    """The words of the answer."""
    reasoning: str | None = None
    """The words of its thoughts."""
    tool_calls: tuple[tuple[str, Any], ...] | None = None
    """Names and arguments (as plain values) of the tools that it calls."""
    finish_reason: str | None = None
    """As OpenAI's dialect has it: stop, length, tool_calls or content_filter."""
    usage: Usage | None = None
    error: type[UpstreamError] | None = None
    """What it means, where it is no answer."""


@dataclass
class Read:
    """What a caller of OpenAI's dialect reads."""

    text: str = ""
    reasoning: str = ""
    tool_calls: dict[int, list[str]] = field(default_factory=dict)
    finish_reason: str | None = None

    def tools(self) -> tuple[tuple[str, Any], ...]:
        """Names and arguments of the tool calls."""
        return tuple((name, json.loads(arguments)) for name, arguments in self.tool_calls.values())

    def take(self, message: Mapping[str, Any], reason: str | None) -> None:
        """A message, or a piece of one."""
        self.text += message.get("content") or ""
        self.reasoning += message.get("reasoning_content") or ""
        for number, call in enumerate(message.get("tool_calls") or []):
            known = self.tool_calls.setdefault(call.get("index", number), ["", ""])
            known[0] += call["function"].get("name") or ""
            known[1] += call["function"].get("arguments") or ""
        self.finish_reason = reason or self.finish_reason


def read_result(call: Call, result: Result) -> Read:
    """A whole reply as its caller reads it."""
    if result.body is not None and call.dialect != "openai":
        result = read_body(call, result.body)
    body = result.body
    if body is None:
        if result.chat is None:
            raise AssertionError("the result holds neither a body nor a reply to be encoded")
        body = encode_chat_reply(call, result.chat, result.usage)
    read = Read()
    choice = json.loads(body)["choices"][0]
    read.take(choice["message"], choice["finish_reason"])
    return read


def read_events(call: Call, events: list[Event]) -> Read:
    """A streamed reply as its caller reads it."""
    encoder, reader = ChatStreamEncoder(call), caller_decoder(call)
    parts: list[bytes] = []
    for event in events:
        if isinstance(event, Passage) and call.dialect != "openai":
            parts += [encoder.encode(e) for e in reader.feed(event.data)]
        elif not isinstance(event, Failed):
            parts.append(encoder.encode(event))
    # In some dialects only the connection's end shows that the answer is complete.
    parts += [encoder.encode(e) for e in reader.close() if not isinstance(e, Failed)]
    read = Read()
    for line in b"".join(parts).split(b"\n"):
        if line.startswith(b"data: {"):
            for choice in json.loads(line[6:]).get("choices") or []:
                if choice.get("index", 0) == 0:
                    read.take(choice.get("delta") or {}, choice.get("finish_reason"))
    return read


def play(provider: Provider, call: Call, *pieces: bytes) -> list[Event]:
    """The events of a stream that comes in ``pieces``, its end included."""
    decoder = provider.decoder(call)
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def comparable(events: list[Event]) -> list[object]:
    """Events without how their bytes were grouped: passages joined, the last usage at the end, errors by
    what they say.
    """
    same: list[object] = []
    for event in events:
        if isinstance(event, Failed):
            same.append((type(event.error), event.error.message))
        elif isinstance(event, Passage) and same and isinstance(same[-1], bytes):
            same[-1] = same[-1] + event.data
        elif isinstance(event, Passage):
            same.append(event.data)
        elif not isinstance(event, UsageReport):
            same.append(event)
    return [*same, last_usage(events)]


def last_usage(events: list[Event]) -> Usage | None:
    """The usage that a stream has told of last."""
    reports = [event.usage for event in events if isinstance(event, UsageReport)]
    return reports[-1] if reports else None


def looks_finished(call: Call, events: list[Event]) -> bool:
    """Whether a caller would take the stream for a whole answer."""
    if any(isinstance(event, Finished | Ended) for event in events):
        return True
    return read_events(call, events).finish_reason is not None
