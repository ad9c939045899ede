"""Errors of ElevenLabs' API (ElevenLabs documentation, "Errors"; help centre, "API - Error Code 400 or 401").

``{"detail": {"type", "code", "message", "status", "request_id", "param"}}``, older servers with ``status`` and
``message`` only; where a field is of a wrong type ``{"detail": [{"loc", "msg", "type"}]}``. A spent quota comes with
401, as a wrong key does, so the code decides. All else is told apart by the same words as other vendors' errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pixapi.errors import UpstreamError, UpstreamRejected
from pixapi.wire.json import decode_any, encode
from pixapi.wire.openai_errors import read_error as read_by_words

_STATUS = {
    "quota_exceeded": 402,
    "insufficient_credits": 402,
    "payment_required": 402,
    "invalid_api_key": 401,
    "missing_permissions": 403,  # the key is good, but not for this: no reason to keep it from everything
    "too_many_concurrent_requests": 429,
    "concurrent_limit_exceeded": 429,
    "rate_limit_exceeded": 429,
    "system_busy": 503,  # everybody's calls, not ours alone
    "voice_not_found": 404,
    "voice_does_not_exist": 404,
    "invalid_voice_id": 404,
    "model_not_found": 404,
}
"""What a code means, whatever the status that it came with."""
_VOICE = frozenset({"voice_not_found", "voice_does_not_exist", "invalid_voice_id"})


def read_error(status: int | None, body: bytes, headers: Mapping[str, str] | None = None) -> UpstreamError:
    """What an error means for us. ``status`` None: it came with a 200. Never raises."""
    said = _detail(body)
    if said is None:
        return read_by_words(status, body, headers)
    code, legacy = said.get("code"), said.get("status")
    code = code if isinstance(code, str) else legacy if isinstance(legacy, str) else None
    code = legacy if code not in _STATUS and isinstance(legacy, str) and legacy in _STATUS else code
    words = {
        "message": said.get("message"),
        "type": said.get("type"),
        "code": code,
        "param": said.get("param"),
    }
    error = read_by_words(_STATUS.get(code or "", status), encode({"error": words}), headers)
    if status is not None:
        error.upstream_status = status
    if isinstance(error, UpstreamRejected) and code in _VOICE:
        # Nothing is wrong with model, route or key, and another account may well have this voice.
        error.status, error.param = 400, "voice"
    return error


def is_error(body: bytes) -> bool:
    """Whether a 200 is an error all the same: it has a ``detail`` and no answer."""
    return body[:1] == b"{" and _detail(body) is not None


def _detail(body: bytes) -> dict[str, Any] | None:
    try:
        value = decode_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    found = value.get("detail") if isinstance(value, dict) else None
    if isinstance(found, str):
        return {"message": found}
    if isinstance(found, list) and found:
        return _validation(found)
    return found if isinstance(found, dict) else None


def _validation(found: list[Any]) -> dict[str, Any]:
    """The sentences of a validation error, each behind the field that it is about."""
    lines = []
    for item in found[:5]:
        if isinstance(item, dict):
            where = item.get("loc")
            place = ".".join(str(step) for step in where[1:]) if isinstance(where, list) else ""
            lines.append(f"{place}: {item.get('msg')}" if place else str(item.get("msg")))
    return {"message": "; ".join(lines), "type": "validation_error"}
