"""JSON taken apart at its top level only, so that what nobody needs to read survives byte for byte.

`Fields` maps each key of an object to the text of its value as it was sent. Numbers beyond 2**53, numbers
written as strings, unknown members and key order all survive a round trip. Of keys that occur twice the
last wins, which is why a body is always re-encoded from its fields and never forwarded beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

Fields = dict[str, msgspec.Raw]

NULL = msgspec.Raw(b"null")
TRUE = msgspec.Raw(b"true")
FALSE = msgspec.Raw(b"false")

_FIELDS = msgspec.json.Decoder(Fields)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECTS = msgspec.json.Decoder(list[Fields])
_ANY = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

encode = _ENCODER.encode
"""A value (with `msgspec.Raw` in it) as compact JSON bytes."""

decode_fields = _FIELDS.decode
"""The top level of an object. Raises msgspec.DecodeError (a ValueError) for anything else."""

decode_list = _LIST.decode
"""The elements of an array, unread. Raises msgspec.DecodeError."""

decode_objects = _OBJECTS.decode
"""An array of objects, each taken apart at its top level. Raises msgspec.DecodeError."""


def decode_any(data: bytes | msgspec.Raw) -> Any:
    """Plain Python values. Raises msgspec.DecodeError, for what is nested too deeply to be read as well."""
    try:
        return _ANY.decode(data)
    except RecursionError:
        raise msgspec.DecodeError("nested too deeply") from None


def strings(texts: Sequence[str]) -> list[bytes]:
    """Each text as it stands between the quotes of a JSON string, all at the price of a few."""
    if not texts:
        return []
    written = _ENCODER.encode(texts)
    if b'\\"' not in written:
        # Every quote is one that begins or ends a string.
        return written[2:-2].split(b'","')
    return [_ENCODER.encode(text)[1:-1] for text in texts]


def raw(value: Any) -> msgspec.Raw:
    """A value as the text of a field."""
    return msgspec.Raw(_ENCODER.encode(value))


def is_null(value: msgspec.Raw | None) -> bool:
    """Whether a field is absent or null."""
    return value is None or bytes(value) == b"null"


def lenient_fields(value: msgspec.Raw | bytes | None) -> Fields:
    """The top level of an object; empty for anything else. For reading replies, where a surprise is not
    fatal.
    """
    if value is None or not bytes(value).lstrip().startswith(b"{"):
        return {}
    try:
        return _FIELDS.decode(value)
    except _UNREADABLE:
        return {}


def lenient_objects(value: msgspec.Raw | None) -> list[Fields]:
    """An array of objects; empty for anything else."""
    if value is None or not bytes(value).lstrip().startswith(b"["):
        return []
    try:
        return _OBJECTS.decode(value)
    except _UNREADABLE:
        return []


def lenient(value: msgspec.Raw | None) -> Any:
    """The plain value of a field; None where it is absent or cannot be read."""
    if value is None:
        return None
    try:
        return decode_any(value)
    except _UNREADABLE:
        return None
