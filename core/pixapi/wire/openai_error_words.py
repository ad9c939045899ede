"""What a server's error says, whatever its shape, and what of it a caller may read.

Known shapes: ``{"error": {...}}``, ``{"error": "..."}``, ``{"errors": [...]}``, a list of those,
``{"message": ...}``, ``{"detail": ...}``; the status in ``code``, ``status_code``, ``http_status_code`` or
nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from pixapi.wire.json import decode_any

_MAX_WORDS = 2000
_KEYS = re.compile(
    r"(?i)\b(?:sk|pk|rk|gsk|xai|pplx|csk|fw|hf|key|pix|r8|nvapi)[-_][A-Za-z0-9*._-]{6,}|AIza[\w-]{20,}|bearer\s+\S+"
)
_TRY_AGAIN = re.compile(
    r"""(?i)(?:try again in|retry after|"?retryDelay"?\s*:)\s*"?((?:[0-9.]+\s*(?:ms|s|m|h)\s*)+)"""
)
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Said(msgspec.Struct, frozen=True):
    """What an error body says, whatever its shape."""

    message: str = ""
    code: str | None = None
    kind: str | None = None
    param: str | None = None
    status: int | None = None


def clean_words(message: str) -> str:
    """A server's own words, fit for a caller: no keys, no control characters, no HTML, not too many."""
    if "<html" in message[:2000].lower() or message.lstrip().startswith("<"):
        return ""
    message = "".join(c if c.isprintable() or c in "\n\t" else " " for c in message[: _MAX_WORDS * 2])
    return _KEYS.sub("[redacted]", message)[:_MAX_WORDS]


def read_said(body: bytes) -> Said:
    """The words of an error body of any of the known shapes; empty for HTML and what is not JSON."""
    try:
        value = decode_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Said()
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return Said(message=value) if isinstance(value, str) else Said()
    inner = value.get("error")
    if inner is None and isinstance(value.get("errors"), list | dict):
        inner = value["errors"]
    if isinstance(inner, list) and inner:
        inner = inner[0]
    if isinstance(inner, str):
        inner = {"message": inner, **{k: v for k, v in value.items() if k not in ("error", "message")}}
    if not isinstance(inner, dict):
        inner = value
    return _said(inner, value)


def _said(inner: dict[str, Any], outer: dict[str, Any]) -> Said:
    message = inner.get("message") or inner.get("msg") or inner.get("detail") or outer.get("message")
    if isinstance(message, dict):
        message = message.get("message") or message.get("detail") or message
    if isinstance(message, list):
        message = "; ".join(str(m.get("msg", m)) if isinstance(m, dict) else str(m) for m in message[:5])
    status = None
    for name in ("code", "status_code", "http_status_code", "status"):
        for holder in (inner, outer):
            number = as_status(holder.get(name))
            if status is None and number is not None:
                status = number
    code = inner.get("code")
    kind = inner.get("type") or (inner.get("status") if isinstance(inner.get("status"), str) else None)
    param = inner.get("param")
    return Said(
        message=str(message) if message else "",
        code=code if isinstance(code, str) and as_status(code) is None else None,
        kind=kind if isinstance(kind, str) else None,
        param=param if isinstance(param, str) else None,
        status=status,
    )


def as_status(value: object) -> int | None:
    """A number or numeric string from 400 to 599; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600 else None


def retry_after_s(headers: Mapping[str, str], body: bytes) -> float | None:
    """How long the server asks us to wait: its headers, else a hint in its words."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value.isascii() and value.replace(".", "", 1).isdigit():
            return float(value) * factor
    until, now = headers.get("retry-after"), headers.get("date")
    if until and now:
        try:
            return max(0.0, (parsedate_to_datetime(until) - parsedate_to_datetime(now)).total_seconds())
        except (ValueError, TypeError):  # TypeError: of two dates one names its zone, the other does not
            return None
    hint = _TRY_AGAIN.search(body[:20_000].decode("utf-8", "replace"))
    if hint is None:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _SPAN.findall(hint[1]))
