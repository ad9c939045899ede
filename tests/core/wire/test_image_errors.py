"""Errors of vendors of pictures, told apart by what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import UpstreamBusy, UpstreamDenied, UpstreamError, UpstreamRejected
from pixapi.wire.image_errors import read_image_error

REFUSED, DRY = "content_policy_violation", "upstream_quota_exhausted"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (403, {"name": "content_moderation", "errors": ["no"]}, UpstreamRejected, REFUSED),
        (422, {"error": "Prompt failed the safety checks"}, UpstreamRejected, REFUSED),
        (400, {"error": {"code": "InputTextSensitiveContentDetected", "message": "no"}}, UpstreamRejected, REFUSED),
        (400, {"error": {"code": "OutputImageRiskDetection", "message": "no"}}, UpstreamRejected, REFUSED),
        (402, {"error": "no", "reject_reason": "insufficient_funds"}, UpstreamDenied, DRY),
        (400, {"code": "not_enough_credits", "message": "no"}, UpstreamDenied, DRY),
        (403, {"error": {"code": "AccountOverdueError", "message": "no"}}, UpstreamDenied, DRY),
        (429, {"error": {"code": "SetLimitExceeded", "message": "no"}}, UpstreamDenied, DRY),
        (429, {"error": "no", "reject_reason": "inflight_limit"}, UpstreamBusy, "upstream_busy"),
        (403, {"error": {"code": "AccessDenied", "message": "no"}}, UpstreamDenied, "upstream_denied"),
        (401, {"error": "your safety is our concern"}, UpstreamDenied, "upstream_denied"),
        (500, {"error": "moderation is down"}, UpstreamError, "upstream_error"),
        (400, {"name": "bad_request", "errors": ["prompt: too long"]}, UpstreamRejected, "invalid_request"),
    ],
)  # fmt: skip
def test_a_refusal_an_empty_account_and_all_else(
    status: int, body: Any, kind: type[UpstreamError], code: str
) -> None:
    error = read_image_error(status, json.dumps(body).encode())
    assert (type(error), error.code, error.upstream_status) == (kind, code, status)
