"""The framing of AWS's event streams: cut anywhere, damaged anywhere."""

from __future__ import annotations

import base64
import struct
from zlib import crc32

import pytest

from pixapi.errors import UpstreamInvalid
from pixapi.wire.eventstream import EventStreamParser, StreamMessage, write_message

HEADERS = {":message-type": "event", ":event-type": "naïve"}
MESSAGES = [
    write_message(HEADERS, b'{"a":1}'),
    write_message({}, b""),
    write_message({"k": ""}, b"\x00" * 300),
]
STREAM = b"".join(MESSAGES)
RECORDED = base64.b64decode(
    "AAAAjwAAAFLT8cjyCzpldmVudC10eXBlBwAMbWVzc2FnZVN0YXJ0DTpjb250ZW50LXR5cGUHABBh"
    "cHBsaWNhdGlvbi9qc29uDTptZXNzYWdlLXR5cGUHAAVldmVudHsicCI6ImFiY2RlZmdoaWprbG1u"
    "b3BxciIsInJvbGUiOiJhc3Npc3RhbnQifcFrcQs="
)
"""The first message of a stream that Amazon Bedrock once sent."""


def read(*pieces: bytes) -> list[StreamMessage]:
    parser = EventStreamParser()
    found = []
    for piece in pieces:
        parser.feed(piece)
        while (message := parser.next()) is not None:
            found.append(message)
    return found


def test_a_recorded_message() -> None:
    (message,) = read(RECORDED)
    assert message.headers == {
        ":event-type": "messageStart",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    assert message.payload == b'{"p":"abcdefghijklmnopqr","role":"assistant"}'
    assert write_message(message.headers, message.payload) == RECORDED


def test_any_cut_gives_the_same_messages() -> None:
    whole = read(STREAM)
    assert [message.payload for message in whole] == [b'{"a":1}', b"", b"\x00" * 300]
    assert whole[0].headers == HEADERS
    for cut in range(len(STREAM) + 1):
        assert read(STREAM[:cut], STREAM[cut:]) == whole
    assert read(*(bytes((byte,)) for byte in STREAM)) == whole


def test_what_is_not_complete_is_pending() -> None:
    parser = EventStreamParser()
    assert not parser.pending()
    parser.feed(STREAM[:-1])
    while parser.next() is not None:
        pass
    assert parser.pending()
    parser.feed(STREAM[-1:])
    assert parser.next() is not None
    assert not parser.pending()


@pytest.mark.parametrize("at", range(len(MESSAGES[0])))
def test_a_changed_byte_never_passes(at: int) -> None:
    damaged = bytearray(MESSAGES[0] + MESSAGES[1])
    damaged[at] ^= 0x40
    with pytest.raises(UpstreamInvalid, match="damaged message"):
        read(bytes(damaged))


def test_a_message_beyond_the_cap_is_refused_before_it_has_come() -> None:
    parser = EventStreamParser(max_message_bytes=200)
    parser.feed(MESSAGES[2][:12])
    with pytest.raises(UpstreamInvalid, match="at most 200"):
        parser.next()


def framed(headers: bytes, payload: bytes = b"") -> bytes:
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def test_values_of_every_type_are_stepped_over() -> None:
    values = [(0, b""), (1, b""), (2, b"x"), (3, b"xx"), (4, b"x" * 4), (5, b"x" * 8)]
    values += [(6, b"\x00\x03raw"), (8, b"x" * 8), (9, b"x" * 16), (7, b"\x00\x02ok")]
    block = b"".join(b"\x01" + b"%c" % (97 + kind) + bytes((kind,)) + value for kind, value in values)
    assert read(framed(block, b"{}")) == [StreamMessage({"h": "ok"}, b"{}")]


@pytest.mark.parametrize(
    "headers", [b"\x01a\x0a", b"\x05a\x07", b"\x01a\x07\x00\x09x", b"\x01a", b"\x01\xff\x07\x00\x01x"]
)
def test_headers_that_cannot_be_read_are_an_error(headers: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        read(framed(headers))


def test_headers_that_are_longer_than_the_message_are_an_error() -> None:
    lengths = struct.pack(">II", 16, 5)
    with pytest.raises(UpstreamInvalid):
        read(lengths + struct.pack(">I", crc32(lengths)) + b"\x00" * 4)
