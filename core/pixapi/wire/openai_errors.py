"""Errors in OpenAI's dialect: ours to the caller, and a server's to ours (OpenAI API reference, "Error
codes").

Compatible servers dress their errors in at least eight shapes; `read_error` knows an error by what it says
rather than by whose it is. What may be passed on to a caller is only what concerns the caller's own
request, stripped of anything that looks like a key, and never HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pixapi.errors import (
    CallerError,
    InsufficientCredit,
    PixapiError,
    RateLimited,
    UpstreamBusy,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.money import format_credits
from pixapi.wire.json import Fields, encode, lenient_fields
from pixapi.wire.openai_error_words import Said, clean_words, read_said, retry_after_s

_TOO_LONG = re.compile(
    r"(?i)context[_ ]length|maximum context|context window|prompt (?:is )?too long"
    r"|too_many_(?:prompt_)?tokens"
    r"|input (?:is )?too long|input tokens exceeded|exceed_context_size|exceeds the available context"
    r"|model_context_window|reduce the length of the (?:messages|prompt|input)"
)
_NO_CREDIT = re.compile(
    r"(?i)insufficient[_ ](?:quota|balance|credit|funds)|billing|out of credits|credit balance"
)
_MODERATED = re.compile(r"(?i)content[_ ](?:policy|filter)|moderation|flagged|safety_")
_STATUS_BY_WORD = (
    ("rate_limit", 429),
    ("too_many_requests", 429),
    ("slow_down", 429),
    ("resource_exhausted", 429),
    ("overloaded", 503),
    ("unavailable", 503),
    ("insufficient_quota", 429),
    ("timeout", 504),
    ("authentication", 401),
    ("invalid_api_key", 401),
    ("permission", 403),
    ("not_found", 404),
    ("invalid_request", 400),
    ("bad_request", 400),
    ("invalid_argument", 400),
    ("context_length", 400),
    ("content_filter", 400),
    ("content_policy", 400),
    ("moderation_blocked", 400),
    ("validation", 422),
    ("tool_use_failed", 400),
)


def error_body(error: PixapiError) -> bytes:
    """``error`` as the JSON body that OpenAI's clients read."""
    said: dict[str, Any] = {
        "message": error.message,
        "type": _kind(error),
        "param": error.param,
        "code": error.code,
    }
    if isinstance(error, InsufficientCredit):
        said["needed_credits"] = format_credits(error.needed_micro)
        said["available_credits"] = format_credits(error.available_micro)
    for key, value in error.details.items():
        said.setdefault(key, value)
    return encode({"error": said})


def encode_error(error: PixapiError) -> bytes:
    """``error`` as the event that ends a stream; nothing follows it, no ``[DONE]`` either."""
    return b"data: " + error_body(error) + b"\n\n"


def _kind(error: PixapiError) -> str:
    if isinstance(error, InsufficientCredit):
        return "insufficient_quota"
    if isinstance(error, RateLimited) or error.status == 429:
        return "rate_limit_error"
    if isinstance(error, CallerError | UpstreamRejected):
        return "invalid_request_error"
    return "server_error"


def read_error(status: int | None, body: bytes, headers: Mapping[str, str] | None = None) -> UpstreamError:
    """What a server's error means for us. ``status`` None: it came within a stream and says so itself, or
    not.

    ``headers`` have lower-case names; of them only the retry hints are read.
    """
    return error_said(status, read_said(body), retry_after_s(headers or {}, body))


def error_said(status: int | None, said: Said, wait_s: float | None = None) -> UpstreamError:
    """The same of words that were read already; ``wait_s``: how long the server asks us to wait."""
    if status is None or 200 <= status < 300:
        status = said.status or _status_of_words(said)
    words = f"{said.kind or ''} {said.code or ''} {said.message}"
    code = said.code or said.kind
    if status == 402 or (status in (400, 403, 429) and _NO_CREDIT.search(words)):
        return UpstreamDenied(
            "The provider of this model refused the operator's account; another model may work.",
            upstream_status=status,
            upstream_code=code,
            code="upstream_quota_exhausted",
        )
    if status == 403 and _MODERATED.search(words):
        return _rejected(400, said, code, status)
    if status in (401, 403):
        return UpstreamDenied(
            "The provider of this model refused the operator's credential; your own key is fine.",
            upstream_status=status,
            upstream_code=code,
            # A credential that is known may still lack a right to this model, and serve others.
            scope="key" if status == 401 else "allowance",
        )
    if status in (408, 409, 425) or status >= 500 or status < 400:
        if status in (503, 529):
            return _busy(status, code, wait_s)
        return UpstreamError(
            f"The provider of this model failed (status {status}); try again.",
            upstream_status=status,
            upstream_code=code,
            retry_after_s=wait_s,
        )
    if status == 429:
        return _busy(status, code, wait_s)
    return _rejected(status, said, code, status)


def _status_of_words(said: Said) -> int:
    words = f"{said.code or ''} {said.kind or ''}".lower()
    for word, status in _STATUS_BY_WORD:
        if word in words:
            return status
    return 400 if _TOO_LONG.search(said.message) else 502


def _busy(status: int, code: str | None, wait_s: float | None) -> UpstreamBusy:
    return UpstreamBusy(
        "The provider of this model has no capacity now; try again later.",
        upstream_status=status,
        upstream_code=code,
        retry_after_s=wait_s,
        # Too many calls of one key, or too many of everybody's.
        scope="allowance" if status == 429 else "route",
    )


def _rejected(status: int, said: Said, code: str | None, upstream_status: int) -> UpstreamRejected:
    too_long = bool(_TOO_LONG.search(f"{said.code or ''} {said.kind or ''} {said.message}"))
    is_model_missing = status == 404 and said.code == "model_not_found"
    return UpstreamRejected(
        clean_words(said.message) or f"The provider of this model refused the request (status {status}).",
        status=status,
        code="context_length_exceeded" if too_long else (said.code or "invalid_request"),
        param=said.param,
        upstream_status=upstream_status,
        upstream_code=code,
        retryable=status == 404,  # the model is missing there; another route may have it
        scope="allowance" if is_model_missing else "call",
    )


def has_error(fields: Fields) -> bool:
    """Whether an object has an ``error`` that says something."""
    error = fields.get("error")
    return error is not None and bytes(error) not in (b"null", b"{}", b'""', b"false")


def is_error(fields: Fields) -> bool:
    """Whether a reply or an event with status 200 is an error all the same."""
    if has_error(fields) or has_error(lenient_fields(fields.get("x_groq"))):
        return True
    if "choices" in fields or "data" in fields:
        return False
    return "message" in fields or "detail" in fields or bytes(fields.get("object", b"")) == b'"error"'


def not_a_stream(body: bytes) -> UpstreamError:
    """What a 200 means whose body is no stream of events: the error it states, or that it cannot be
    understood.
    """
    said = read_said(body)
    if said.message or said.status:
        return read_error(None, body)
    return UpstreamInvalid(
        "The provider of this model answered with something that is no stream of events; try again."
    )
