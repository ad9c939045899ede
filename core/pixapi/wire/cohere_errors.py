"""Errors of Cohere's API (Cohere API reference, "Errors"): ``{"message", "id", "error_type"?}`` with a status.

They are told apart by the same words as those of the other vendors; only what is peculiar to this API is
here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pixapi.errors import UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.wire.json import decode_any, encode
from pixapi.wire.openai_errors import read_error as read_by_words

_STATUS = {498: 401}
"""What this API's own statuses mean: 498 is a token that is not valid."""
_TOO_LONG = re.compile(r"(?i)too[ _]many[ _]tokens")


def read_error(status: int | None, body: bytes, headers: Mapping[str, str] | None = None) -> UpstreamError:
    """What an error means for us. ``status`` None: it came within a stream. Never raises."""
    said = _object(body)
    message, kind = said.get("message"), said.get("error_type")
    words = encode({"error": {"message": message, "type": kind}}) if isinstance(message, str) else body
    error = read_by_words(_STATUS.get(status or 0, status), words, headers)
    error.upstream_status = status
    if isinstance(error, UpstreamRejected) and isinstance(message, str):
        if error.status == 404 and message.startswith("model "):
            error.code, error.scope = "model_not_found", "allowance"
        elif _TOO_LONG.search(message):
            error.code = "context_length_exceeded"
    return error


def not_understood(body: bytes) -> UpstreamError:
    """What a 200 means whose body is no reply: the error that it states, or that it cannot be understood."""
    said = _object(body)
    if isinstance(said.get("message"), str):
        return read_error(None, body)
    if "error" in said:
        return read_by_words(None, body)
    return UpstreamInvalid(
        "The provider of this model answered with something that is no message; try again."
    )


def broken_off(reason: str, words: Any) -> UpstreamError:
    """What a reply means that ended with ``reason`` ERROR or TIMEOUT; ``words`` is what it says of it."""
    if isinstance(words, str) and words:
        return read_error(None, encode({"message": words, "error_type": reason.lower()}))
    return UpstreamError("The provider of this model broke off its reply; try again.", upstream_code=reason)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = decode_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}
