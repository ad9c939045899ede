"""Errors of the Messages API (Anthropic API reference, "Errors"): ``{"type": "error", "error": {"type",
"message"}}``, with a status, or as an event within a stream that began with 200.

They are told apart by the same words as those of the other vendors; only what is peculiar to this API is
here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from pixapi.errors import UpstreamDenied, UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.wire.json import decode_any
from pixapi.wire.openai_error_words import read_said
from pixapi.wire.openai_errors import read_error as read_by_words

_SPENT = re.compile(r"(?i)api usage limits?|spend(?:ing)? limit|usage limit.{0,40}workspace|regain access on")


def read_error(status: int | None, body: bytes, headers: Mapping[str, str] | None = None) -> UpstreamError:
    """What an error means for us. ``status`` None: it came within a stream. Never raises."""
    body = _shallow(body)
    said = read_said(body)
    if status in (400, 403, 429, None) and _SPENT.search(said.message):
        return UpstreamDenied(
            "The provider of this model refused the operator's account: its own spending limit is reached.",
            upstream_status=status,
            upstream_code=said.kind,
        )
    error = read_by_words(status, body, headers)
    if isinstance(error, UpstreamRejected) and error.status == 404 and said.message.startswith("model:"):
        error.code = "model_not_found"
    return error


def not_understood(body: bytes) -> UpstreamError:
    """What a 200 means whose body is no reply: the error that it states, or that it cannot be understood."""
    body = _shallow(body)
    said = read_said(body)
    if said.message or said.status or said.kind == "error":
        return read_error(None, body)
    return UpstreamInvalid(
        "The provider of this model answered with something that is no message; try again."
    )


def _shallow(body: bytes) -> bytes:
    """``body``, or nothing where it is nested so deeply that it cannot be read."""
    try:
        decode_any(body)
    except RecursionError:
        return b""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body
    return body
