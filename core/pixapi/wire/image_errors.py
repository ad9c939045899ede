"""Errors of vendors of pictures: those of everybody else, and what they refuse to draw.

A refusal is the caller's to mend whatever its status, and bears one code everywhere; an account that ran dry is the
operator's, whatever its name. Shapes besides those of `openai_error_words`: ``{"id", "name", "errors": [...]}`` and
``{"error": "...", "reject_reason": "..."}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pixapi.errors import UpstreamError, UpstreamRejected
from pixapi.wire.json import encode, lenient, lenient_fields
from pixapi.wire.openai_error_words import clean_words, read_said
from pixapi.wire.openai_errors import read_error

CONTENT_CODE = "content_policy_violation"
"""What callers read where a vendor refuses to draw something."""
CONTENT_WORDS = "The provider of this model refused this picture for its content; say it in another way."

_REFUSES = re.compile(
    r"(?i)moderation|flagged|safety|sensitive|content[_ ]?(?:policy|filter)|policy ?violation|risk ?detection"
)
_NO_CREDIT = re.compile(
    r"(?i)not[_ ]enough[_ ]credits|insufficient[_ ]funds|overdue|payment[_ ]required|set ?limit ?exceeded"
    r"|daily[_ ]limit"
)
_REFUSING = (400, 403, 422, 451)


def read_image_error(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> UpstreamError:
    """What a reply with a status outside 2xx means."""
    said, fields = read_said(body), lenient_fields(body)
    names = [lenient(fields.get(name)) for name in ("name", "reject_reason")]
    code = said.code or next((name for name in names if isinstance(name, str)), None)
    words = f"{code or ''} {said.kind or ''} {said.message}"
    if 400 <= status < 500 and status != 401 and _NO_CREDIT.search(words):
        error = read_error(402, encode({"error": {"message": said.message, "code": code}}), headers)
        error.upstream_status = status
        return error
    if status in _REFUSING and _REFUSES.search(words):
        return content_refused(clean_words(said.message) or None, status=status, code=code)
    return read_error(status, body, headers)


def content_refused(
    words: str | None = None, *, status: int | None = None, code: str | None = None
) -> UpstreamRejected:
    """A vendor will not draw what it was asked for, or withholds what it drew. ``words`` are fit for a caller."""
    return UpstreamRejected(
        words or CONTENT_WORDS,
        status=400,
        code=CONTENT_CODE,
        param="prompt",
        upstream_status=status,
        upstream_code=code,
    )
