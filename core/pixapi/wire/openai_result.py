"""Whole replies in OpenAI's dialect, under the caller's names (OpenAI API reference, "Create chat
completion", "Create embeddings").

A reply is taken apart at its top level only; what nobody needs to read goes on byte for byte.
"""

from __future__ import annotations

import base64
import sys
from array import array

import msgspec

from pixapi.errors import UpstreamError, UpstreamInvalid
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.usage import Usage
from pixapi.wire.json import (
    Fields,
    decode_fields,
    decode_objects,
    encode,
    lenient,
    lenient_fields,
    lenient_objects,
    raw,
)
from pixapi.wire.openai_error_words import read_said
from pixapi.wire.openai_errors import has_error, is_error, read_error
from pixapi.wire.openai_mend import mend_message, needs_mending
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_usage import read_usage
from pixapi.wire.openai_usage_tap import usage_for_caller
from pixapi.wire.openai_withheld import PROVIDER, withhold

_NUMBER_STARTS = tuple(b"%c" % c for c in b"-0123456789")


def relay_chat_reply(call: Call, body: bytes, quirks: Quirks = PLAIN) -> Result:
    """A chat reply with the caller's model name and our id in it, and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status; mapped as `read_error` does.
        UpstreamInvalid: it is not JSON, or has no choices.
    """
    fields = open_reply(body)
    choices = fields.get("choices")
    text = b"" if choices is None else bytes(choices)
    if not text.startswith(b"[") or text == b"[]" or not text[1:].lstrip().startswith(b"{"):
        raise UpstreamInvalid("The provider of this model answered without any choice; try again.")
    if needs_mending(text, quirks):
        _mend(fields, text, quirks, call.reply_id)
    usage = _usage(fields, quirks)
    fields["id"] = raw(call.reply_id)
    fields["model"] = raw(call.alias)
    return Result(usage=usage, body=encode(fields))


def relay_embeddings_reply(call: Call, body: bytes, quirks: Quirks = PLAIN) -> Result:
    """An embeddings reply under the caller's model name, its vectors in the format that was asked for.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is not JSON, has no data, or a vector cannot be read.
    """
    fields = open_reply(body)
    data = fields.get("data")
    text = b"" if data is None else bytes(data)
    if not text.startswith(b"[") or not text[1:].lstrip().startswith(b"{"):
        raise UpstreamInvalid("The provider of this model answered without any embedding; try again.")
    asked = bytes(call.fields.get("encoding_format", b"null")) == b'"base64"'
    try:
        items = decode_objects(text)
        if not all(_is_vector(bytes(item.get("embedding", b""))) for item in items):
            raise ValueError
        if any(bytes(item.get("embedding", b"")).startswith(b'"') != asked for item in items):
            fields["data"] = raw([_converted(item, asked) for item in items])
    except (msgspec.DecodeError, ValueError, TypeError):
        raise UpstreamInvalid("The provider of this model sent an embedding that is no vector.") from None
    usage = _usage(fields, quirks)
    if usage is not None:
        usage = Usage(input=usage.total_input(), provider_cost_usd=usage.provider_cost_usd)
    if "id" in fields:
        fields["id"] = raw(call.reply_id)
    fields["model"] = raw(call.alias)
    return Result(usage=usage, body=encode(fields))


def encode_vector(vector: list[float]) -> str:
    """A vector as base64 of little-endian 32-bit floats, as OpenAI's clients ask for it."""
    return base64.b64encode(_little(array("f", vector)).tobytes()).decode()


def decode_vector(text: str) -> list[float]:
    """The reverse of `encode_vector`. Raises ValueError."""
    vector = array("f")
    vector.frombytes(base64.b64decode(text, validate=True))
    return _little(vector).tolist()


def _little(vector: array[float]) -> array[float]:
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


def _is_vector(text: bytes) -> bool:
    """As far as the first characters tell: a string, or a list that begins with a number."""
    return text.startswith(b'"') or (text.startswith(b"[") and text[1:40].lstrip()[:1] in _NUMBER_STARTS)


def _converted(item: Fields, base64_asked: bool) -> Fields:
    value = item.get("embedding", b"null")
    text = bytes(value).startswith(b'"')
    if base64_asked and not text:
        return {**item, "embedding": raw(encode_vector(msgspec.json.decode(value, type=list[float])))}
    if text and not base64_asked:
        return {**item, "embedding": raw(decode_vector(msgspec.json.decode(value, type=str)))}
    return item


def open_reply(body: bytes) -> Fields:
    """A reply's members, without those that are the operator's business.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is no JSON object.
    """
    try:
        fields = decode_fields(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(body) from None
    if is_error(fields):
        raise read_error(None, body)
    withhold(fields, PROVIDER)
    return fields


def _unreadable(body: bytes) -> UpstreamError:
    said = read_said(body)
    if said.message or said.status:
        return read_error(None, body)
    return UpstreamInvalid("The provider of this model answered with something that is not JSON; try again.")


def _usage(fields: Fields, quirks: Quirks) -> Usage | None:
    value = fields.get("usage")
    own = value is not None
    if value is None:
        value = lenient_fields(fields.get("x_groq")).get("usage")
        if value is None:
            return None
    usage = read_usage(value, excludes_reasoning=quirks.completion_excludes_reasoning)
    shown = usage_for_caller(value, usage)
    if own or shown is not value:
        fields["usage"] = shown
    return usage


def _mend(fields: Fields, text: bytes, quirks: Quirks, reply_id: str) -> None:
    choices = lenient_objects(msgspec.Raw(text))
    changed = False
    for choice in choices:
        if has_error(choice) or lenient(choice.get("finish_reason")) == "error":
            raise read_error(None, encode(choice))
        message = lenient_fields(choice.get("message"))
        if message and mend_message(message, quirks, reply_id):
            choice["message"], changed = raw(message), True
    if changed:
        fields["choices"] = raw(choices)
