"""The framing ``application/vnd.amazon.eventstream`` (AWS documentation, "Amazon event stream encoding").

A message is a prelude (its length, the length of its headers, and a checksum of the two), the headers, the
payload, and a checksum of all that. Lengths and checksums are big-endian 32-bit numbers, the checksum is
CRC-32. A header is a name, a type and a value; eight of the ten types are of a fixed length, strings and
bytes carry theirs.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from zlib import crc32

import msgspec

from pixapi.errors import UpstreamInvalid

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_PRELUDE = struct.Struct(">III")
_CHECKSUM = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_LEAST_BYTES = _PRELUDE.size + _CHECKSUM.size
_STRING, _BYTES = 7, 6
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""The bytes of a value by its type: true, false, the integers, a timestamp, a UUID."""


class StreamMessage(msgspec.Struct, frozen=True):
    """One message. ``headers`` holds those whose value is a string, such as ``:event-type``."""

    headers: dict[str, str]
    payload: bytes


class EventStreamParser:
    """Bytes in, messages out; any cutting of the same bytes gives the same messages."""

    __slots__ = ("_buffer", "_max_bytes")

    def __init__(self, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._buffer = bytearray()
        self._max_bytes = max_message_bytes

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        self._buffer += data

    def next(self) -> StreamMessage | None:
        """The next message that is whole; None where more must come first.

        Raises:
            UpstreamInvalid: a checksum or a length is wrong, or the message is larger than the cap. Nothing
                can be read after that.
        """
        buffer = self._buffer
        if len(buffer) < _PRELUDE.size:
            return None
        total, headers, checksum = _PRELUDE.unpack_from(buffer)
        if crc32(buffer[: _PRELUDE.size - _CHECKSUM.size]) != checksum:
            raise _damaged("the checksum of its prelude is wrong")
        if not _LEAST_BYTES + headers <= total <= self._max_bytes:
            raise _damaged(f"it says that it has {total} bytes; expected at most {self._max_bytes}")
        if len(buffer) < total:
            return None
        message = bytes(buffer[:total])
        del buffer[:total]
        end = total - _CHECKSUM.size
        if crc32(message[:end]) != _CHECKSUM.unpack_from(message, end)[0]:
            raise _damaged("its checksum is wrong")
        start = _PRELUDE.size + headers
        return StreamMessage(_headers(message[_PRELUDE.size : start]), message[start:end])

    def pending(self) -> bool:
        """Whether a part of a message has come that is not complete."""
        return bool(self._buffer)


def write_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message as bytes, for servers that stand in for the real one."""
    block = b"".join(
        bytes((len(name.encode()),))
        + name.encode()
        + bytes((_STRING,))
        + _LENGTH.pack(len(value.encode()))
        + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack(">II", _LEAST_BYTES + len(block) + len(payload), len(block))
    message = lengths + _CHECKSUM.pack(crc32(lengths)) + block + payload
    return message + _CHECKSUM.pack(crc32(message))


def _headers(block: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            name_end = at + 1 + block[at]
            name, kind, at = block[at + 1 : name_end].decode(), block[name_end], name_end + 1
            if kind in (_STRING, _BYTES):
                length = _LENGTH.unpack_from(block, at)[0]
                at += _LENGTH.size
                if kind == _STRING:
                    found[name] = block[at : at + length].decode()
            else:
                length = _FIXED[kind]
            at += length
    except (IndexError, KeyError, struct.error, UnicodeDecodeError):
        raise _damaged("its headers cannot be read") from None
    if at != len(block):
        raise _damaged("its headers do not end where they should")
    return found


def _damaged(what: str) -> UpstreamInvalid:
    return UpstreamInvalid(f"The provider of this model sent a damaged message: {what}; try again.")
