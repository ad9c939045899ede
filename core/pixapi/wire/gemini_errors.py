"""Errors of the Gemini API, Google's to ours and ours to callers (Gemini API documentation, "Troubleshooting";
google.rpc.Status): ``{"error": {"code", "message", "status", "details"}}``, alone, in a list, or within a
stream that began with 200.

They are told apart by the same words as those of the other vendors; what is peculiar to Google is here. An
unknown key is 400; a context that is too long says so in words of its own; and every kind of exhausted quota
is 429 and speaks of billing, be it that of a minute or that of an account which cannot pay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pixapi.errors import (
    InsufficientCredit,
    PixapiError,
    UpstreamBusy,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.money import format_credits
from pixapi.wire.json import encode
from pixapi.wire.openai_error_words import Said, read_said, retry_after_s
from pixapi.wire.openai_errors import read_error as read_by_words

_TOO_LONG = re.compile(
    r"(?i)token count.{0,60}exceeds the maximum|exceeds the maximum number of (?:input )?tokens"
)
_BAD_KEY = re.compile(r"(?i)API[ _]key[ _](?:not[ _]valid|invalid|expired|not[ _]found)|API_KEY_[A-Z]+")
_SPENT = re.compile(
    r"(?i)credits? (?:are|is|have been) (?:depleted|exhausted)|spend(?:ing)? cap"
    r'|billing account.{0,60}(?:closed|disabled)|"quotaValue"\s*:\s*"0"|limit: 0\b'
)
_UNSERVED = re.compile(r"(?i)user location is not supported|billing (?:is|has) not|enable billing")
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    504: "DEADLINE_EXCEEDED",
}
_TYPES = "type.googleapis.com/google.rpc."


def read_error(status: int | None, body: bytes, headers: Mapping[str, str] | None = None) -> UpstreamError:
    """What an error means for us. ``status`` None: it came within a stream. Never raises."""
    said = read_said(body)
    stated = said.status if status is None else status
    text = body[:20_000].decode("utf-8", "replace")
    if (stated == 400 and _BAD_KEY.search(text)) or (stated in (400, 403) and _UNSERVED.search(said.message)):
        return _denied(stated, said, "credential")
    if stated == 429:
        if _SPENT.search(text):
            return _denied(stated, said, "account")
        return UpstreamBusy(
            "The provider of this model has no capacity now; try again later.",
            upstream_status=stated,
            upstream_code=said.kind,
            retry_after_s=retry_after_s(headers or {}, body),
        )
    error = read_by_words(status, body, headers)
    if isinstance(error, UpstreamRejected):
        if error.status == 404:
            error.code = "model_not_found"
        elif _TOO_LONG.search(said.message):
            error.code = "context_length_exceeded"
    return error


def _denied(status: int | None, said: Said, what: str) -> UpstreamDenied:
    return UpstreamDenied(
        f"The provider of this model refused the operator's {what}; your own key is fine.",
        upstream_status=status,
        upstream_code=said.kind,
    )


def not_understood(body: bytes) -> UpstreamError:
    """What a 200 means whose body is no answer: the error that it states, or that it cannot be understood."""
    said = read_said(body)
    if said.message or said.status:
        return read_error(None, body)
    return UpstreamInvalid("The provider of this model answered with something that is no answer; try again.")


def error_body(error: PixapiError, request_id: str) -> bytes:
    """``error`` as the JSON body that Gemini's clients read."""
    status = _STATUSES.get(error.status, "UNAVAILABLE" if error.status >= 500 else "INVALID_ARGUMENT")
    facts = {name: str(value) for name, value in error.details.items()}
    if isinstance(error, InsufficientCredit):
        facts |= {
            "needed_credits": format_credits(error.needed_micro),
            "available_credits": format_credits(error.available_micro),
        }
    reason = {"@type": _TYPES + "ErrorInfo", "reason": error.code.upper(), "domain": "pixapi"}
    details: list[dict[str, Any]] = [{**reason, "metadata": facts} if facts else reason]
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": _TYPES + "BadRequest", "fieldViolations": [violation]})
    if error.retry_after_s is not None:
        details.append({"@type": _TYPES + "RetryInfo", "retryDelay": f"{error.retry_after_s:g}s"})
    if request_id:
        details.append({"@type": _TYPES + "RequestInfo", "requestId": request_id})
    said = {"code": error.status, "message": error.message, "status": status, "details": details}
    return encode({"error": said})
