"""A stream of images of OpenAI's dialect on its way to a caller of the same (OpenAI API reference, "Image generation
streaming events", "Image edit streaming events").

``*.partial_image`` events are sketches, ``*.completed`` is the image and states the tokens of all of it, sketches
included. It waits until the call has been charged. There is no mark of the end beside it.
"""

from __future__ import annotations

import msgspec

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces.call import Call
from pixapi.interfaces.stream import Decoder, Ended, Event, Failed, Passage, UsageReport
from pixapi.interfaces.usage import Usage
from pixapi.wire.json import Fields, decode_fields, encode, lenient, lenient_fields, raw
from pixapi.wire.openai_errors import has_error, not_a_stream, read_error
from pixapi.wire.openai_media_sizes import TOKENS_PER_SKETCH, megapixels_of, usual_megapixels
from pixapi.wire.openai_media_usage import read_media_usage
from pixapi.wire.openai_withheld import COSTS, withhold
from pixapi.wire.sse import ServerSentEvent, SseParser

_MOST_EVENT_BYTES = 48 * 1024 * 1024
"""An event holds a whole image in base64; the largest are of 3840x2160 pixels."""
_HEAD_BYTES = 64 * 1024
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class OpenAIImageRelay(Decoder):
    """The decoder for a stream of one image."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._parser = SseParser(_MOST_EVENT_BYTES)
        self._head = bytearray()
        self._has_begun = False
        self._is_completed = False
        self._over = False
        self._sketches = 0

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        if not self._has_begun and len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        events: list[Event] = []
        try:
            for event in self._parser.feed(data):
                self._has_begun = True
                events += self._read(event)
                if self._over:
                    break
        except UpstreamError as error:
            events += self._fail(error)
        return events

    def close(self) -> list[Event]:
        if self._over:
            return []
        if self._is_completed:
            return self._end()
        if not self._has_begun and self._head.lstrip()[:1] in (b"", b"{", b"[", b"<"):
            return self._fail(not_a_stream(bytes(self._head)))
        return self._fail(
            UpstreamCut(
                "The provider of this model closed the stream before the image was complete; try again."
            )
        )

    def delivered_output(self) -> int:
        return self._sketches * TOKENS_PER_SKETCH

    def _fail(self, error: UpstreamError) -> list[Event]:
        self._over = True
        return [Failed(error)]

    def _end(self) -> list[Event]:
        self._over = True
        return [Ended()]

    def _read(self, event: ServerSentEvent) -> list[Event]:
        if event.data.strip() == b"[DONE]":
            return self.close()
        try:
            fields = decode_fields(event.data)
        except _UNREADABLE:
            return self._fail(
                UpstreamInvalid("The provider of this model sent an event that is no JSON object; try again.")
            )
        kind = lenient(fields.get("type"))
        if has_error(fields) or "error" in (kind, event.event):
            return self._fail(read_error(None, event.data))
        if isinstance(kind, str) and kind.endswith(".completed"):
            self._is_completed = True
            report = UsageReport(self._usage(fields))
            return [report, Passage(self._passage(event.event, fields), content=False)]
        self._sketches += isinstance(kind, str) and kind.endswith(".partial_image")
        return [Passage(self._passage(event.event, fields))]

    def _passage(self, name: str, fields: Fields) -> bytes:
        """The event under the caller's names, without what the operator pays."""
        if "model" in fields:
            fields["model"] = raw(self._call.alias)
        if "id" in fields:
            fields["id"] = raw(self._call.reply_id)
        usage = lenient_fields(fields.get("usage"))
        if withhold(usage, COSTS):
            fields["usage"] = raw(usage)
        # Within JSON a line end is only ever a space.
        data = b"data: " + encode(fields).replace(b"\n", b" ") + b"\n\n"
        return data if name == "message" else b"event: " + name.encode() + b"\n" + data

    def _usage(self, fields: Fields) -> Usage:
        told = read_media_usage(fields.get("usage"), makes_images=True) or Usage()
        size = megapixels_of(lenient(fields.get("size"))) or megapixels_of(
            lenient(self._call.fields.get("size"))
        )
        return msgspec.structs.replace(told, images=1, megapixels=size or usual_megapixels())
