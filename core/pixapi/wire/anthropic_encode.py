"""Events of an answer as a stream of the Messages API (Anthropic API reference, "Streaming messages").

A message is a row of blocks, numbered over all kinds, each with a start, deltas and a stop. Clients of the API
know a stream only by its ``event:`` lines. A block ends where something of another kind begins; thoughts also
with their signature. Other dialects may send pieces of several tool calls in turns: such a call's block stays
open until its arguments are a whole object. The reason to stop and the final counts come at the very end,
together with ``message_stop``.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec

from pixapi.errors import PixapiError
from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import FinishReason
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
from pixapi.wire.anthropic_errors import encode_error
from pixapi.wire.anthropic_seal import seal_in_dialect
from pixapi.wire.anthropic_usage import write_usage
from pixapi.wire.anthropic_write import message_head, write_stop
from pixapi.wire.bulk import Events, TextDeltas
from pixapi.wire.dialect import StreamEncoder
from pixapi.wire.json import decode_fields, encode, strings

PING = b'event: ping\ndata: {"type":"ping"}\n\n'


_TEXT_HEAD = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
    b'"delta":{"type":"text_delta","text":"'
)
_TEXT_TAIL = b'"}}\n\n'
_EMPTY_TEXT = {"type": "text", "text": ""}
_TEXT_START = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,'
    b'"content_block":{"type":"text","text":""}}\n\n'
)
_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_END = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_TEXT = attrgetter("text")


class _Open(msgspec.Struct):
    """A block that was started and not stopped."""

    index: int
    kind: str
    arguments: str = ""


class MessagesEncoder(StreamEncoder):
    """Events of one answer as the bytes of a Messages stream."""

    ping = PING

    def __init__(self, call: Call) -> None:
        self._call = call
        self._started = False
        self._blocks = 0
        self._open: _Open | None = None  # a block of text or thought
        self._calls: dict[int, _Open] = {}
        self._known_calls: set[int] = set()
        self._usage: Usage | None = None
        self._reason: FinishReason | None = None
        self._refusal = ""

    def encode(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            return self._spelt(strings([event.text])) if event.text else b""
        if isinstance(event, ReasoningDelta):
            return self._thought(event)
        if isinstance(event, ToolCallDelta):
            return self._call_piece(event)
        if isinstance(event, RefusalDelta):
            self._refusal += event.text
        elif isinstance(event, Finished):
            self._reason = event.reason
        elif isinstance(event, UsageReport):
            self._usage = event.usage
        elif isinstance(event, Ended):
            return self._end()
        elif isinstance(event, Failed):
            return self.error(event.error, self._call.id)
        return event.data if isinstance(event, Passage) else b""

    def encode_all(self, events: Events) -> bytes:
        sent = []
        for kind, alike in groupby(events, type):
            if kind is TextDelta:
                sent.append(self._spelt(strings(list(filter(None, map(_TEXT, alike))))))
            else:
                sent += [
                    self._spelt(event.spelt) if isinstance(event, TextDeltas) else self.encode(event)
                    for event in alike
                ]
        return b"".join(sent)

    def error(self, error: PixapiError, request_id: str) -> bytes:
        return encode_error(error, request_id)

    def _begin(self) -> bytes:
        """The start of the message, once."""
        if self._started:
            return b""
        self._started = True
        message = {
            **message_head(self._call),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage, began=True),
        }
        return _event("message_start", message=message)

    def _spelt(self, texts: list[bytes]) -> bytes:
        """Pieces of text, none of them empty, each as it stands between the quotes of a JSON string.

        Their deltas differ in the text only, so what is around it is made once.
        """
        if not texts:
            return b""
        sent = self._in_block("text", _EMPTY_TEXT)
        assert self._open is not None
        head, tail = _TEXT_HEAD % self._open.index, _TEXT_TAIL
        return b"".join((sent, head, (tail + head).join(texts), tail))

    def _thought(self, event: ReasoningDelta) -> bytes:
        if event.redacted:
            data = seal_in_dialect(event.signature)
            sent = self._close_open() + self._start({"type": "redacted_thinking", "data": data})
            return sent + self._close_open()
        if not event.text and event.signature is None:
            return b""
        sent = self._in_block("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        if event.text:
            sent += self._delta(self._open, {"type": "thinking_delta", "thinking": event.text})
        if event.signature is not None:
            signature = seal_in_dialect(event.signature)
            sent += self._delta(self._open, {"type": "signature_delta", "signature": signature})
            sent += self._close_open()
        return sent

    def _call_piece(self, event: ToolCallDelta) -> bytes:
        sent = self._close_open()
        if event.index not in self._known_calls:
            self._known_calls.add(event.index)
            sent += self._close_whole_calls()
            call_id = event.id or f"{self._call.reply_id}_{event.index}"
            block = {"type": "tool_use", "id": call_id, "name": event.name or "", "input": {}}
            sent += self._start(block)
            assert self._open is not None
            self._calls[event.index], self._open = self._open, None
        call = self._calls.get(event.index)
        if call is None or not event.arguments:
            return sent
        call.arguments += event.arguments
        return sent + self._delta(call, {"type": "input_json_delta", "partial_json": event.arguments})

    def _in_block(self, kind: str, block: dict[str, Any]) -> bytes:
        """Makes sure that a block of ``kind`` is open; ``block`` is how one starts."""
        if self._open is not None and self._open.kind == kind:
            return b""
        return self._close_open() + self._close_whole_calls() + self._start(block)

    def _start(self, block: dict[str, Any]) -> bytes:
        sent = self._begin()
        self._open = _Open(self._blocks, block["type"])
        self._blocks += 1
        if block == _EMPTY_TEXT:
            return sent + _TEXT_START % self._open.index
        return sent + _event("content_block_start", index=self._open.index, content_block=block)

    def _delta(self, block: _Open | None, delta: dict[str, Any]) -> bytes:
        assert block is not None
        return _event("content_block_delta", index=block.index, delta=delta)

    def _close_open(self) -> bytes:
        if self._open is None:
            return b""
        index, self._open = self._open.index, None
        return _STOP % index

    def _close_whole_calls(self, *, all_of_them: bool = False) -> bytes:
        sent = b""
        for number, call in list(self._calls.items()):
            if all_of_them or _is_object(call.arguments):
                del self._calls[number]
                sent += _STOP % call.index
        return sent

    def _end(self) -> bytes:
        sent = self._begin() + self._close_open() + self._close_whole_calls(all_of_them=True)
        delta = write_stop(self._reason, self._refusal)
        sent += _event("message_delta", delta=delta, usage=write_usage(self._usage))
        return sent + _END


def _is_object(arguments: str) -> bool:
    try:
        decode_fields(arguments.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


def _event(kind: str, **members: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), encode({"type": kind, **members}))
