"""A stream of ConverseStream as events of the internal model (Amazon Bedrock API reference,
"ConverseStream").

A message is a row of blocks; text and thoughts start with their first delta, tool calls with a message of
their own. Blocks are numbered over all kinds; tool calls are numbered anew here, from 0 without gaps.
``messageStop`` brings the reason to stop, ``metadata`` the counts, in either order; only when both are there,
or the connection ends in good order after the reason, is the reason passed on. An error in between is a
message of type ``exception``.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces.stream import (
    Decoder,
    Ended,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from pixapi.wire.bedrock_errors import not_understood, read_error
from pixapi.wire.bedrock_messages import MAKER
from pixapi.wire.bedrock_reply import SERVER_TOOL, finish_reason, read_usage
from pixapi.wire.eventstream import EventStreamParser, StreamMessage
from pixapi.wire.json import decode_any
from pixapi.wire.seal import seal

_HEAD_BYTES = 64 * 1024
_BYTES_PER_TOKEN = 4
_BINARY = b"\x00"
"""What a stream begins with: the highest byte of a length that is never so large."""


@dataclass(slots=True)
class _Block:
    """A block that has begun and not stopped. ``call`` is its number among the tool calls."""

    call: int | None = None
    has_arguments: bool = False
    signature: str = ""
    redacted: list[str] = field(default_factory=list)


class ConverseDecoder(Decoder):
    """Bytes of a stream in, normalized events out. ``call_prefix`` starts the ids of calls that have none."""

    def __init__(self, call_prefix: str) -> None:
        self._call_prefix = call_prefix
        self._parser = EventStreamParser()
        self._text_head = bytearray()
        self._begun = False
        self._over = False
        self._blocks: dict[object, _Block] = {}
        self._calls = 0
        self._stop: Any = None
        self._stopped = False
        self._counted = False
        self._delivered_bytes = 0

    def feed(self, data: bytes) -> list[Event]:
        if self._over or not data:
            return []
        if self._text_head or (not self._begun and not data.startswith(_BINARY)):
            self._text_head += data[: _HEAD_BYTES - len(self._text_head)]
            return []
        self._begun = True
        events: list[Event] = []
        self._parser.feed(data)
        try:
            while not self._over and (message := self._parser.next()) is not None:
                events += self._read(message)
        except UpstreamError as error:
            events += self._fail(error)
        return events

    def close(self) -> list[Event]:
        if self._over:
            return []
        if self._text_head:
            return self._fail(not_understood(bytes(self._text_head)))
        if self._stopped and not self._parser.pending():
            return self._end()
        return self._fail(
            UpstreamCut("The provider of this model ended the stream before it was complete; try again.")
        )

    def delivered_output(self) -> int:
        return -(-self._delivered_bytes // _BYTES_PER_TOKEN)

    def _fail(self, error: UpstreamError) -> list[Event]:
        self._over = True
        return [Failed(error)]

    def _read(self, message: StreamMessage) -> list[Event]:
        kind = message.headers.get(":message-type", "event")
        if kind == "exception":
            name = message.headers.get(":exception-type", "")
            return self._fail(read_error(None, message.payload, name=name))
        if kind == "error":
            return self._fail(read_error(None, message.payload, name=message.headers.get(":error-code", "")))
        try:
            said = decode_any(message.payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = None
        if not isinstance(said, dict):
            return self._fail(
                UpstreamInvalid("The provider of this model sent an event that is no JSON object; try again.")
            )
        return self._event(message.headers.get(":event-type", ""), said)

    def _event(self, kind: str, said: dict[str, Any]) -> list[Event]:
        if kind == "contentBlockStart":
            return self._start(said.get("contentBlockIndex"), _object(said.get("start")))
        if kind == "contentBlockDelta":
            return self._delta(said.get("contentBlockIndex"), _object(said.get("delta")))
        if kind == "contentBlockStop":
            return self._stop_block(said.get("contentBlockIndex"))
        if kind == "messageStop":
            self._stop, self._stopped = said.get("stopReason"), True
            return self._end() if self._counted else []
        if kind != "metadata":
            return []
        self._counted = True
        usage = read_usage(said.get("usage"))
        events: list[Event] = [] if usage is None else [UsageReport(usage)]
        return events + self._end() if self._stopped else events

    def _start(self, index: object, start: dict[str, Any]) -> list[Event]:
        block = self._blocks[_key(index)] = _Block()
        call = _object(start.get("toolUse"))
        if not call or call.get("type") == SERVER_TOOL:
            return []
        block.call, self._calls = self._calls, self._calls + 1
        call_id = _text(call, "toolUseId") or f"{self._call_prefix}_{block.call}"
        return [ToolCallDelta(block.call, call_id, _text(call, "name"))]

    def _delta(self, index: object, delta: dict[str, Any]) -> list[Event]:
        block = self._blocks.setdefault(_key(index), _Block())
        if "text" in delta:
            text = self._delivered(_text(delta, "text"))
            return [TextDelta(text)] if text else []
        if "toolUse" in delta and block.call is not None:
            return self._arguments(block, block.call, _text(_object(delta["toolUse"]), "input"))
        thought = _object(delta.get("reasoningContent"))
        block.signature = _text(thought, "signature") or block.signature
        if _text(thought, "redactedContent"):
            block.redacted.append(_text(thought, "redactedContent"))
        text = self._delivered(_text(thought, "text"))
        return [ReasoningDelta(text)] if text else []

    def _stop_block(self, index: object) -> list[Event]:
        block = self._blocks.pop(_key(index), None)
        if block is None:
            return []
        if block.redacted:
            return [ReasoningDelta(signature=seal(MAKER, _joined(block.redacted)), redacted=True)]
        if block.signature:
            return [ReasoningDelta(signature=seal(MAKER, block.signature))]
        if block.call is not None and not block.has_arguments:
            return self._arguments(block, block.call, "{}")
        return []

    def _arguments(self, block: _Block, call: int, text: str) -> list[Event]:
        if not self._delivered(text):
            return []
        block.has_arguments = True
        return [ToolCallDelta(call, arguments=text)]

    def _delivered(self, text: str) -> str:
        self._delivered_bytes += len(text.encode("utf-8", "surrogatepass"))
        return text

    def _end(self) -> list[Event]:
        events = [event for index in list(self._blocks) for event in self._stop_block(index)]
        self._over = True
        return [*events, Finished(finish_reason(self._stop, has_calls=self._calls > 0)), Ended()]


def _joined(pieces: list[str]) -> str:
    """Bytes that came as base64 in pieces, as one."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except (binascii.Error, ValueError):
        return "".join(pieces)


def _key(index: object) -> object:
    return index if isinstance(index, int | str) else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
