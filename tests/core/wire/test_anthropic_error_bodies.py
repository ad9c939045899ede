"""Our errors, as callers of the Messages API read them."""

from __future__ import annotations

import json

import pytest

from pixapi.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InsufficientCredit,
    InternalError,
    ModelNotFound,
    NotOffered,
    PixapiError,
    RateLimited,
    TooLarge,
    Unauthenticated,
    UpstreamBusy,
    UpstreamDenied,
    UpstreamRejected,
    UpstreamTimeout,
)
from pixapi.wire.anthropic_dialect import AnthropicDialect

KINDS: list[tuple[PixapiError, str]] = [
    (BadRequest("x"), "invalid_request_error"),
    (Unauthenticated("x"), "authentication_error"),
    (InsufficientCredit("x"), "billing_error"),
    (Forbidden("x"), "permission_error"),
    (ModelNotFound("x"), "not_found_error"),
    (Conflict("x"), "conflict_error"),
    (TooLarge("x"), "request_too_large"),
    (RateLimited("x"), "rate_limit_error"),
    (NotOffered("x"), "invalid_request_error"),
    (UpstreamRejected("x", status=422), "invalid_request_error"),
    (InternalError("x"), "api_error"),
    (UpstreamDenied("x"), "api_error"),
    (UpstreamBusy("x"), "overloaded_error"),
    (UpstreamBusy("x", status=529), "overloaded_error"),
    (UpstreamTimeout("x", phase="idle"), "timeout_error"),
]


@pytest.mark.parametrize(("error", "kind"), KINDS, ids=lambda value: type(value).__name__)
def test_the_type_of_an_error(error: PixapiError, kind: str) -> None:
    body = json.loads(AnthropicDialect().error(error, "req_1"))
    assert (body["type"], body["request_id"]) == ("error", "req_1")
    said = body["error"]
    assert (said["type"], said["message"], said["code"]) == (kind, "x", error.code)
    assert isinstance(error, InsufficientCredit) or len(said) == 3


def test_it_says_what_is_affordable_and_which_field_is_wrong() -> None:
    short = InsufficientCredit("short", needed_micro=2_500_000, available_micro=1_000_000)
    said = json.loads(AnthropicDialect().error(short, "r"))["error"]
    assert (said["needed_credits"], said["available_credits"]) == ("2.5", "1")
    wrong = BadRequest("wrong", param="messages", details={"hint": "h", "type": "kept"})
    said = json.loads(AnthropicDialect().error(wrong, "r"))["error"]
    assert (said["param"], said["hint"], said["type"]) == ("messages", "h", "invalid_request_error")
