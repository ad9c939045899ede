"""What a vendor's error speaks against: the call, the route, the key's allowance there, or the key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import UpstreamCut, UpstreamLost, UpstreamRefused, UpstreamTimeout
from pixapi.wire import anthropic_errors, bedrock_errors, cohere_errors, openai_errors

SPENT = "You have reached your specified API usage limits. You will regain access on 2026-01-01."

KINDS: list[tuple[Any, int, dict[str, Any], str, str]] = [
    (openai_errors, 429, {"error": {"message": "slow down", "type": "rate_limit_error"}}, "allowance", "upstream_busy"),
    (openai_errors, 429, {"error": {"message": "q", "code": "insufficient_quota"}}, "key", "upstream_quota_exhausted"),
    (openai_errors, 402, {"error": {"message": "pay"}}, "key", "upstream_quota_exhausted"),
    (openai_errors, 401, {"error": {"message": "who?"}}, "key", "upstream_denied"),
    (openai_errors, 403, {"error": {"message": "not you"}}, "allowance", "upstream_denied"),
    (openai_errors, 503, {"error": {"message": "down"}}, "route", "upstream_busy"),
    (openai_errors, 500, {"error": {"message": "oops"}}, "route", "upstream_error"),
    (openai_errors, 404, {"error": {"message": "x", "code": "model_not_found"}}, "allowance", "model_not_found"),
    (openai_errors, 404, {"error": {"message": "no file file_1"}}, "call", "invalid_request"),
    (openai_errors, 400, {"error": {"message": "bad"}}, "call", "invalid_request"),
    (anthropic_errors, 429, {"error": {"type": "rate_limit_error", "message": "m"}}, "allowance", "upstream_busy"),
    (anthropic_errors, 529, {"error": {"type": "overloaded_error", "message": "m"}}, "route", "upstream_busy"),
    (anthropic_errors, 400, {"error": {"type": "invalid_request_error", "message": SPENT}}, "key", "upstream_quota_exhausted"),
    (anthropic_errors, 404, {"error": {"type": "not_found_error", "message": "model: x"}}, "allowance", "model_not_found"),
    (bedrock_errors, 429, {"__type": "ThrottlingException", "message": "m"}, "allowance", "upstream_busy"),
    (bedrock_errors, 404, {"__type": "ResourceNotFoundException", "message": "m"}, "allowance", "model_not_found"),
    (cohere_errors, 429, {"message": "too many requests"}, "allowance", "upstream_busy"),
    (cohere_errors, 498, {"message": "invalid token"}, "key", "upstream_denied"),
    (cohere_errors, 404, {"message": "model 'x' not found"}, "allowance", "model_not_found"),
]  # fmt: skip


@pytest.mark.parametrize(("codec", "status", "said", "scope", "code"), KINDS)
def test_a_reply(codec: Any, status: int, said: dict[str, Any], scope: str, code: str) -> None:
    error = codec.read_error(status, json.dumps(said).encode(), {})
    assert (error.scope, error.code) == (scope, code)


@pytest.mark.parametrize(
    ("error", "scope"),
    [
        (UpstreamRefused("x"), "route"),
        (UpstreamLost("x"), "route"),
        (UpstreamCut("x"), "route"),
        (UpstreamTimeout("x", phase="connect"), "route"),
        (UpstreamTimeout("x", phase="first_byte"), "route"),
        (UpstreamTimeout("x", phase="idle"), "route"),
        (UpstreamTimeout("x", phase="total"), "call"),
    ],
)
def test_no_reply(error: Any, scope: str) -> None:
    assert error.scope == scope
