"""Events of one answer as the stream of the Responses API (OpenAI API reference, "Streaming events").

Every event has a type, which is its SSE name too, and a number that rises by one. A response is created,
its items are added one after the other, each grows by deltas and is then said once more as a whole; the
last event holds the whole response and, alone, the usage. Nothing follows it, no ``[DONE]`` either.

At most one message or thought is open at a time. Calls of functions stay open to the end, because servers
may send the pieces of several of them mixed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pixapi.errors import PixapiError
from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import FinishReason, Reasoning, ToolCall
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
from pixapi.wire.json import decode_fields, encode
from pixapi.wire.openai_errors import error_body
from pixapi.wire.responses_errors import failure_code
from pixapi.wire.responses_object import (
    Item,
    ResponseObject,
    Status,
    call_item,
    message_item,
    reasoning_item,
    refusal_part,
    status_of,
    summary_part,
    text_part,
)

_NUMBERED = b'"sequence_number":'


@dataclass(slots=True)
class _Open:
    """An item that still grows. ``part`` is the last of its parts; its text is in ``pieces``."""

    place: int
    item: Item
    part: Item | None = None
    pieces: list[str] = field(default_factory=list)

    def settle(self) -> str:
        """Put the text into the item, and return it."""
        text = "".join(self.pieces)
        if self.item["type"] == "function_call":
            self.item["arguments"] = text
        elif self.part is not None:
            self.part["refusal" if self.part["type"] == "refusal" else "text"] = text
        return text


class ResponsesEncoder(StreamEncoder):
    """The encoder of one streamed response."""

    ping = b": ping\n\n"

    def __init__(self, call: Call) -> None:
        self._response = ResponseObject(call)
        self._sequence = 0
        self._begun = False
        self._output: list[Item] = []
        self._message: _Open | None = None
        self._thought: _Open | None = None
        self._calls: dict[int, _Open] = {}
        self._reason: FinishReason = "stop"
        self._usage: Usage | None = None

    def encode(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            return self._say(text_part(""), event.text)
        if isinstance(event, RefusalDelta):
            return self._say(refusal_part(""), event.text)
        if isinstance(event, ReasoningDelta):
            return self._think(event)
        if isinstance(event, ToolCallDelta):
            return self._call(event)
        if isinstance(event, Finished):
            self._reason = event.reason
            return self._begin() + self._close_all()
        if isinstance(event, UsageReport):
            self._usage = event.usage
            return b""
        if isinstance(event, Ended):
            return self._end()
        if isinstance(event, Failed):
            return self.error(event.error, "")
        self._sequence += event.data.count(_NUMBERED) if isinstance(event, Passage) else 0
        return event.data if isinstance(event, Passage) else b""

    def error(self, error: PixapiError, request_id: str) -> bytes:
        said = decode_fields(decode_fields(error_body(error))["error"])
        flat = {name: said[name] for name in ("code", "message", "param")}
        for grown in (self._message, self._thought, *self._calls.values()):
            if grown is not None:
                grown.settle()
                if "status" in grown.item:
                    grown.item["status"] = "incomplete"
        failure = {"code": failure_code(error), "message": error.message}
        response = self._response.write("failed", self._output, usage=self._usage, error=failure)
        return self._event("error", **flat, error=said) + self._event("response.failed", response=response)

    def _event(self, kind: str, **members: Any) -> bytes:
        data = encode({"type": kind, "sequence_number": self._sequence, **members})
        self._sequence += 1
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), data)

    def _part_event(self, kind: str, grown: _Open, **members: Any) -> bytes:
        """An event about the last part of an item."""
        index = "summary_index" if grown.item["type"] == "reasoning" else "content_index"
        parts = grown.item["summary" if index == "summary_index" else "content"]
        place = {"item_id": grown.item["id"], "output_index": grown.place, index: len(parts) - 1}
        return self._event(kind, **place, **members)

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        response = self._response.write("in_progress", [])
        return b"".join(
            self._event(kind, response=response) for kind in ("response.created", "response.in_progress")
        )

    def _end(self) -> bytes:
        data = self._begin() + self._close_all()
        status = status_of(self._reason)
        response = self._response.write(status, self._output, usage=self._usage, reason=self._reason)
        return data + self._event(f"response.{status}", response=response)

    # Items

    def _add(self, item: Item) -> tuple[_Open, bytes]:
        grown = _Open(len(self._output), item)
        self._output.append(item)
        return grown, self._event("response.output_item.added", output_index=grown.place, item=item)

    def _done(self, grown: _Open, status: Status) -> bytes:
        if "status" in grown.item:
            grown.item["status"] = status
        return self._event("response.output_item.done", output_index=grown.place, item=grown.item)

    def _close_all(self) -> bytes:
        """Close what is open, in order; what was being said when the answer broke off is incomplete."""
        last = len(self._output) - 1
        data = b""
        everything = (self._thought, self._message, *self._calls.values())
        for grown in sorted((one for one in everything if one is not None), key=lambda one: one.place):
            status = status_of(self._reason) if grown.place == last else "completed"
            if grown is self._thought:
                data += self._close_thought(None)
            elif grown is self._message:
                data += self._close_message(status)
            else:
                data += self._close_call(grown, status)
        self._calls.clear()
        return data

    def _say(self, part: Item, text: str) -> bytes:
        if not text:
            return b""
        data = self._begin() + self._close_thought(None)
        message = self._message
        if message is None:
            item = message_item(self._response.item_id("msg", len(self._output)), [], "in_progress")
            message, added = self._add(item)
            self._message = message
            data += added
        if message.part is None or message.part["type"] != part["type"]:
            data += self._close_part(message)
            message.part = part
            message.item["content"].append(part)
            data += self._part_event("response.content_part.added", message, part=part)
        message.pieces.append(text)
        if part["type"] == "refusal":
            return data + self._part_event("response.refusal.delta", message, delta=text)
        return data + self._part_event("response.output_text.delta", message, delta=text, logprobs=[])

    def _close_part(self, message: _Open) -> bytes:
        if message.part is None:
            return b""
        text = message.settle()
        message.pieces.clear()
        if message.part["type"] == "refusal":
            done = self._part_event("response.refusal.done", message, refusal=text)
        else:
            done = self._part_event("response.output_text.done", message, text=text, logprobs=[])
        return done + self._part_event("response.content_part.done", message, part=message.part)

    def _close_message(self, status: Status) -> bytes:
        message, self._message = self._message, None
        return b"" if message is None else self._close_part(message) + self._done(message, status)

    def _think(self, event: ReasoningDelta) -> bytes:
        if event.redacted:
            return b"" if event.signature is None else self._whole_thought(event.signature, redacted=True)
        data = b""
        if event.text:
            data = self._begin() + self._close_message("completed")
            if self._thought is None:
                item = reasoning_item(self._response.item_id("rs", len(self._output)), Reasoning(""))
                self._thought, added = self._add(item)
                self._thought.part = summary_part("")
                item["summary"].append(self._thought.part)
                part = self._part_event(
                    "response.reasoning_summary_part.added", self._thought, part=self._thought.part
                )
                data += added + part
            self._thought.pieces.append(event.text)
            data += self._part_event("response.reasoning_summary_text.delta", self._thought, delta=event.text)
        if event.signature is None:
            return data
        if self._thought is None:
            return data + self._whole_thought(event.signature, redacted=False)
        return data + self._close_thought(event.signature)

    def _whole_thought(self, signature: str, *, redacted: bool) -> bytes:
        """A thought without words."""
        data = self._begin() + self._close_message("completed") + self._close_thought(None)
        thought = Reasoning("", signature, redacted)
        grown, added = self._add(reasoning_item(self._response.item_id("rs", len(self._output)), thought))
        return data + added + self._done(grown, "completed")

    def _close_thought(self, signature: str | None) -> bytes:
        thought, self._thought = self._thought, None
        if thought is None:
            return b""
        text = thought.settle()
        if signature is not None:
            thought.item["encrypted_content"] = signature
        return (
            self._part_event("response.reasoning_summary_text.done", thought, text=text)
            + self._part_event("response.reasoning_summary_part.done", thought, part=thought.part)
            + self._done(thought, "completed")
        )

    def _call(self, event: ToolCallDelta) -> bytes:
        data = self._begin()
        grown = self._calls.get(event.index)
        if grown is None:
            data += self._close_thought(None) + self._close_message("completed")
            item_id = self._response.item_id("fc", len(self._output))
            call = ToolCall(event.id or item_id, event.name or "", "")
            grown, added = self._add(call_item(item_id, call, "in_progress"))
            self._calls[event.index] = grown
            data += added
        if not event.arguments:
            return data
        grown.pieces.append(event.arguments)
        place = {"item_id": grown.item["id"], "output_index": grown.place}
        return data + self._event("response.function_call_arguments.delta", **place, delta=event.arguments)

    def _close_call(self, grown: _Open, status: Status) -> bytes:
        place = {"item_id": grown.item["id"], "output_index": grown.place}
        grown.pieces = grown.pieces or ["{}"]
        arguments = grown.settle()
        done = self._event(
            "response.function_call_arguments.done", **place, name=grown.item["name"], arguments=arguments
        )
        return done + self._done(grown, status)
