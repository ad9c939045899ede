"""Errors of the Messages API, ours to its callers and a vendor's to us (Anthropic API reference, "Errors"):
``{"type": "error", "error": {"type", "message"}}``, with a status, or as an event within a stream that began
with 200.

A vendor's are told apart by the same words as those of the other vendors; only what is peculiar to this API
is here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pixapi.errors import (
    InsufficientCredit,
    PixapiError,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.money import format_credits
from pixapi.wire.json import decode_any, encode
from pixapi.wire.openai_error_words import read_said
from pixapi.wire.openai_errors import read_error as read_by_words

_SPENT = re.compile(r"(?i)api usage limits?|spend(?:ing)? limit|usage limit.{0,40}workspace|regain access on")

_KINDS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(error: PixapiError, request_id: str) -> bytes:
    """``error`` as the JSON body that the API's clients read. Beside ``type`` and ``message`` it has our code for
    programs, and where credit is short what is affordable.
    """
    said: dict[str, Any] = {"type": _kind(error.status), "message": error.message, "code": error.code}
    if error.param is not None:
        said["param"] = error.param
    if isinstance(error, InsufficientCredit):
        said["needed_credits"] = format_credits(error.needed_micro)
        said["available_credits"] = format_credits(error.available_micro)
    for key, value in error.details.items():
        said.setdefault(key, value)
    return encode({"type": "error", "error": said, "request_id": request_id})


def encode_error(error: PixapiError, request_id: str) -> bytes:
    """``error`` as the event that ends a stream; no ``message_stop`` follows it."""
    return b"event: error\ndata: " + error_body(error, request_id) + b"\n\n"


def _kind(status: int) -> str:
    return _KINDS.get(status, "invalid_request_error" if status < 500 or status == 501 else "api_error")


def read_error(status: int | None, body: bytes, headers: Mapping[str, str] | None = None) -> UpstreamError:
    """What an error means for us. ``status`` None: it came within a stream. Never raises."""
    body = _shallow(body)
    said = read_said(body)
    if status in (400, 403, 429, None) and _SPENT.search(said.message):
        return UpstreamDenied(
            "The provider of this model refused the operator's account: its own spending limit is reached.",
            upstream_status=status,
            upstream_code=said.kind,
            code="upstream_quota_exhausted",
        )
    error = read_by_words(status, body, headers)
    if isinstance(error, UpstreamRejected) and error.status == 404 and said.message.startswith("model:"):
        error.code, error.scope = "model_not_found", "allowance"
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
