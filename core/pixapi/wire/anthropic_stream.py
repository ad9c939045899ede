"""A stream of the Messages API as events of the internal model (Anthropic API reference, "Streaming
messages").

A message is a row of blocks, each with a start, deltas and a stop, numbered over all kinds; tool calls are
numbered anew here, from 0 without gaps. ``message_delta`` brings the reason to stop and the final counts,
``message_stop`` ends the message: only then is the reason passed on, so that a stream that breaks off in
between never looks finished. ``ping`` may come anywhere and means nothing; events and blocks of unknown
kinds are skipped, as the reference asks of clients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces.stream import (
    Ended,
    Event,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from pixapi.wire.anthropic_errors import not_understood, read_error
from pixapi.wire.anthropic_reply import finish_reason, refusal_of
from pixapi.wire.anthropic_usage import UsageTally
from pixapi.wire.json import decode_any, encode
from pixapi.wire.seal import seal
from pixapi.wire.sse_decoder import SseDecoder


@dataclass(slots=True)
class _Block:
    """A block that was started and not stopped. ``call`` is its number among the tool calls."""

    kind: str
    call: int | None = None
    input: Any = None
    has_arguments: bool = False
    signature: str = ""


class MessagesDecoder(SseDecoder):
    """Bytes of a Messages stream in, normalized events out.

    ``maker`` marks the signatures of thoughts; ``call_prefix`` starts the ids of tool calls that came
    without one.
    """

    def __init__(self, maker: str, call_prefix: str) -> None:
        super().__init__()
        self._maker = maker
        self._call_prefix = call_prefix
        self._has_blocks = False
        self._blocks: dict[object, _Block] = {}
        self._calls = 0
        self._tally = UsageTally()
        self._stop: Any = None
        self._refusal: str | None = None

    def _not_a_stream(self, head: bytes) -> UpstreamError:
        return not_understood(head)

    def _read(self, name: str, data: bytes) -> list[Event]:
        try:
            said = decode_any(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = None
        if not isinstance(said, dict):
            if name == "ping":
                return []
            return self._fail_unread()
        kind = said.get("type", name)
        if kind == "error" or name == "error" or "error" in said:
            return self._fail(read_error(None, data))
        if kind == "message_start":
            return self._begin(_object(said.get("message")))
        if kind == "content_block_start":
            return self._start(said.get("index"), _object(said.get("content_block")))
        if kind == "content_block_delta":
            return self._delta(said.get("index"), _object(said.get("delta")))
        if kind == "content_block_stop":
            return self._stop_block(said.get("index"))
        if kind == "message_delta":
            delta = _object(said.get("delta"))
            self._stop = delta.get("stop_reason") or self._stop
            self._refusal = refusal_of(delta.get("stop_details")) or self._refusal
            self._tally.take(said.get("usage"))
            return self._report()
        return self._end() if kind == "message_stop" else []

    def _begin(self, message: dict[str, Any]) -> list[Event]:
        """A message starts empty, but for those that are known whole from the start.

        It may say twice that it starts; where something came in between, a second message was begun
        instead of the rest of the first.
        """
        if self._has_blocks:
            return self._fail(
                UpstreamCut("The provider of this model broke off its reply and began another; try again.")
            )
        self._stop = message.get("stop_reason") or self._stop
        self._tally.take(message.get("usage"), final=self._stop is not None)
        events = self._report()
        content = message.get("content")
        if not self._started and isinstance(content, list):
            for number, block in enumerate(content):
                events += self._start(f"whole {number}", _object(block))
                events += self._stop_block(f"whole {number}")
        self._started = True
        return events

    def _report(self) -> list[Event]:
        usage = self._tally.usage()
        return [] if usage is None else [UsageReport(usage)]

    def _start(self, index: object, said: dict[str, Any]) -> list[Event]:
        self._started = True
        kind = _text(said, "type")
        self._has_blocks = True
        block = self._blocks[_key(index)] = _Block(kind, signature=_text(said, "signature"))
        if kind == "text":
            return self._texts(_text(said, "text"))
        if kind == "thinking":
            return self._thoughts(_text(said, "thinking"))
        if kind == "redacted_thinking":
            return [ReasoningDelta(signature=seal(self._maker, _text(said, "data")), redacted=True)]
        if kind != "tool_use":
            return []
        block.call, self._calls = self._calls, self._calls + 1
        block.input = said.get("input")
        call_id = _text(said, "id") or f"{self._call_prefix}_{block.call}"
        return [ToolCallDelta(block.call, call_id, _text(said, "name"))]

    def _delta(self, index: object, delta: dict[str, Any]) -> list[Event]:
        block = self._blocks.get(_key(index))
        kind = delta.get("type")
        if kind == "text_delta":
            return self._texts(_text(delta, "text"))
        if kind == "thinking_delta":
            return self._thoughts(_text(delta, "thinking"))
        if kind == "signature_delta" and block is not None:
            block.signature = _text(delta, "signature") or block.signature
        if kind == "input_json_delta" and block is not None and block.call is not None:
            return self._arguments(block, _text(delta, "partial_json"))
        return []

    def _stop_block(self, index: object) -> list[Event]:
        block = self._blocks.pop(_key(index), None)
        if block is None:
            return []
        if block.kind == "thinking" and block.signature:
            return [ReasoningDelta(signature=seal(self._maker, block.signature))]
        if block.call is not None and not block.has_arguments:
            # A call without arguments has no deltas, or only empty ones; some servers send all at the start.
            return self._arguments(block, encode(block.input or {}).decode())
        return []

    def _texts(self, text: str) -> list[Event]:
        self._deliver(text)
        return [TextDelta(text)] if text else []

    def _thoughts(self, text: str) -> list[Event]:
        self._deliver(text)
        return [ReasoningDelta(text)] if text else []

    def _arguments(self, block: _Block, text: str) -> list[Event]:
        self._deliver(text)
        if not text or block.call is None:
            return []
        block.has_arguments = True
        return [ToolCallDelta(block.call, arguments=text)]

    def _end(self) -> list[Event]:
        events = [event for index in list(self._blocks) for event in self._stop_block(index)]
        if not self._started:
            return self._fail(
                UpstreamInvalid("The provider of this model ended a message that it never began; try again.")
            )
        self._over = True
        if self._refusal is not None:
            events.append(RefusalDelta(self._refusal))
        events.append(Finished(finish_reason(self._stop, has_calls=self._calls > 0)))
        return [*events, Ended()]


def _key(index: object) -> object:
    return index if isinstance(index, int | str) else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
