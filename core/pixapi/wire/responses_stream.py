"""A stream of the Responses API as events of the internal model (OpenAI API reference, "Streaming events").

A response is a row of items, numbered by ``output_index``. Only where a server leaves the number out are they
told apart by their ids, since other servers make up new ids for every event. Items grow by deltas and are
then said once more as a whole, and the whole response comes at the end. Whatever of that a server left out
of the deltas is taken from there, so that the sum is the same: some send calls of functions in one piece,
or nothing before the end. Only the last event brings the usage and the reason to stop; a stream without it
was cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from pixapi.errors import UpstreamError
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
from pixapi.wire.json import Fields, decode_fields, is_null, lenient, lenient_fields, lenient_objects
from pixapi.wire.openai_errors import not_a_stream
from pixapi.wire.responses_errors import read_error_event, read_failure
from pixapi.wire.responses_reply import finish_reason, text_of, thought_texts
from pixapi.wire.responses_usage import read_usage
from pixapi.wire.seal import seal
from pixapi.wire.sse_decoder import SseDecoder

ENDS = frozenset({"response.completed", "response.incomplete", "response.done"})
FAILURES = frozenset({"response.failed", "response.cancelled"})
_DELTAS = {
    "response.output_text.delta": ("text", "content_index"),
    "response.refusal.delta": ("refusal", "content_index"),
    "response.reasoning_text.delta": ("content", "content_index"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index"),
}


@dataclass(slots=True)
class _Item:
    """An item of the output, as far as it has been passed on.

    ``said`` is the text of each part, by kind and number; ``call`` its number among the calls of functions.
    """

    said: dict[tuple[str, int], str] = field(default_factory=dict)
    call: int | None = None
    arguments: str = ""
    thinks_in: str | None = None
    done: bool = False


class ResponsesDecoder(SseDecoder):
    """Bytes of a Responses stream in, normalized events out.

    ``maker`` marks encrypted thoughts; ``call_prefix`` starts the ids of calls that came without one.
    """

    def __init__(self, maker: str, call_prefix: str) -> None:
        super().__init__()
        self._maker = maker
        self._call_prefix = call_prefix
        self._items: dict[int | str, _Item] = {}
        self._calls = 0

    def _not_a_stream(self, head: bytes) -> UpstreamError:
        return not_a_stream(head)

    def _read(self, name: str, data: bytes) -> list[Event]:
        if data.strip() in (b"", b"[DONE]"):
            return []
        try:
            said = decode_fields(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._fail_unread()
        self._started = True
        kind = text_of(said, "type") or name
        if kind == "error" or not is_null(said.get("error")):
            return self._fail(read_error_event(said, data))
        if kind in FAILURES:
            response = lenient_fields(said.get("response"))
            return self._usage(response) + self._fail(read_failure(lenient_fields(response.get("error"))))
        if kind in ENDS:
            return self._end(lenient_fields(said.get("response")))
        return self._grow(kind, said)

    def _grow(self, kind: str, said: Fields) -> list[Event]:
        """An event about one item."""
        whole = lenient_fields(said.get("item"))
        place = lenient(said.get("output_index"))
        if not isinstance(place, int):
            place = text_of(said, "item_id") or text_of(whole, "id") or text_of(whole, "call_id")
        if kind in _DELTAS:
            part, index = _DELTAS[kind]
            number = lenient(said.get(index))
            number = number if isinstance(number, int) else 0
            return self._say(self._item(place), part, number, text_of(said, "delta"))
        if kind == "response.function_call_arguments.delta":
            return self._argue(self._item(place), text_of(said, "delta"))
        if kind == "response.output_item.added":
            return self._begin(self._item(place), whole)
        if kind == "response.output_item.done":
            return self._finish(self._item(place), whole)
        return []

    def _item(self, place: int | str) -> _Item:
        return self._items.setdefault(place, _Item())

    def _begin(self, item: _Item, said: Fields) -> list[Event]:
        if lenient(said.get("type")) != "function_call" or item.call is not None:
            return []
        item.call, self._calls = self._calls, self._calls + 1
        call_id = text_of(said, "call_id") or text_of(said, "id") or f"{self._call_prefix}_{item.call}"
        return [ToolCallDelta(item.call, call_id, text_of(said, "name"))]

    def _say(self, item: _Item, kind: str, number: int, text: str) -> list[Event]:
        """A piece of text of one part. An item's thoughts are read either as they are or summed up."""
        if not text:
            return []
        if kind in ("content", "summary"):
            item.thinks_in = item.thinks_in or kind
            if item.thinks_in != kind:
                return []
        parted = (kind, number) not in item.said and any(known == kind for known, _ in item.said)
        item.said[kind, number] = item.said.get((kind, number), "") + text
        self._deliver(text)
        if kind == "text":
            return [TextDelta(text)]
        if kind == "refusal":
            return [RefusalDelta(text)]
        return [ReasoningDelta(f"\n\n{text}" if parted else text)]

    def _argue(self, item: _Item, text: str) -> list[Event]:
        if not text or item.call is None:
            return []
        item.arguments += text
        self._deliver(text)
        return [ToolCallDelta(item.call, arguments=text)]

    def _finish(self, item: _Item, said: Fields) -> list[Event]:
        """An item as a whole: what the deltas left out of it."""
        if item.done:
            return []
        item.done = True
        kind = lenient(said.get("type"))
        if kind == "function_call":
            events = self._begin(item, said)
            return events + self._argue(item, _rest(text_of(said, "arguments") or "{}", item.arguments))
        events = []
        if kind == "message":
            for number, part in enumerate(lenient_objects(said.get("content"))):
                name = "refusal" if lenient(part.get("type")) == "refusal" else "text"
                rest = _rest(text_of(part, name), item.said.get((name, number), ""))
                events += self._say(item, name, number, rest)
        elif kind == "reasoning":
            name, texts = thought_texts(said, item.thinks_in)
            for number, text in enumerate(texts):
                events += self._say(item, name, number, _rest(text, item.said.get((name, number), "")))
            encrypted = text_of(said, "encrypted_content")
            if encrypted:
                sealed = seal(self._maker, encrypted)
                events.append(ReasoningDelta(signature=sealed, redacted=not item.said))
        return events

    def _usage(self, response: Fields) -> list[Event]:
        usage = read_usage(response.get("usage"))
        return [] if usage is None else [UsageReport(usage)]

    def _end(self, response: Fields) -> list[Event]:
        events: list[Event] = []
        if not self._items:
            for place, said in enumerate(lenient_objects(response.get("output"))):
                events += self._finish(self._item(place), said)
        if not is_null(response.get("error")):
            return events + self._fail(read_failure(lenient_fields(response.get("error"))))
        self._over = True
        reason = finish_reason(response, has_calls=self._calls > 0)
        return [*events, *self._usage(response), Finished(reason), Ended()]


def _rest(whole: str, said: str) -> str:
    """What of ``whole`` has not been said; nothing where it went another way."""
    return whole[len(said) :] if whole.startswith(said) else ""
