"""Errors in OpenAI's dialect, ours and other people's."""

import json

import pytest

from pixapi import errors
from pixapi.errors import (
    BadRequest,
    InsufficientCredit,
    InternalError,
    ModelNotFound,
    RateLimited,
    Unauthenticated,
    UpstreamBusy,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.wire.openai_errors import encode_error, error_body, not_a_stream, read_error

OURS = [
    (BadRequest("no", param="n"), {"message": "no", "type": "invalid_request_error", "param": "n", "code": "invalid_request"}),
    (Unauthenticated("who"), {"message": "who", "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}),
    (ModelNotFound("gone"), {"message": "gone", "type": "invalid_request_error", "param": None, "code": "model_not_found"}),
    (RateLimited("slow"), {"message": "slow", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}),
    (UpstreamBusy("busy"), {"message": "busy", "type": "server_error", "param": None, "code": "upstream_busy"}),
    (UpstreamRejected("bad", code="context_length_exceeded"),
     {"message": "bad", "type": "invalid_request_error", "param": None, "code": "context_length_exceeded"}),
    (InternalError("oops"), {"message": "oops", "type": "server_error", "param": None, "code": "internal_error"}),
    (InsufficientCredit("poor", needed_micro=2_500_000, available_micro=1),
     {"message": "poor", "type": "insufficient_quota", "param": None, "code": "insufficient_credit",
      "needed_credits": "2.5", "available_credits": "0.000001"}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "said"), OURS, ids=[type(error).__name__ for error, _ in OURS])
def test_our_errors_in_openais_shape(error, said):
    assert json.loads(error_body(error)) == {"error": said}
    event = encode_error(error)
    assert json.loads(event.removeprefix(b"data: ")) == {"error": said}
    assert event.endswith(b"\n\n")
    assert b"[DONE]" not in event


def test_details_come_along():
    poor = InsufficientCredit("poor", needed_micro=2_500_000, available_micro=1)
    poor.details = {"affordable_output": 7}
    assert json.loads(error_body(poor))["error"]["affordable_output"] == 7


def test_details_do_not_replace_what_the_error_says():
    said = json.loads(error_body(BadRequest("no", details={"message": "yes", "more": 1})))["error"]
    assert (said["message"], said["more"]) == ("no", 1)


THEIRS = [
    (400, {"error": {"message": "bad n", "type": "invalid_request_error", "param": "n", "code": None}},
     UpstreamRejected, 400, "invalid_request", "bad n"),
    (400, {"error": {"message": "This model's maximum context length is 8192 tokens"}},
     UpstreamRejected, 400, "context_length_exceeded", None),
    (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, UpstreamRejected, 400, "context_length_exceeded", "x"),
    (400, {"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}, UpstreamRejected, 400, "context_length_exceeded", None),
    (400, {"error": {"message": "x", "type": "too_many_prompt_tokens"}}, UpstreamRejected, 400, "context_length_exceeded", None),
    (400, {"error": {"message": "prompt too long; exceeded max context length"}}, UpstreamRejected, 400, "context_length_exceeded", None),
    (400, {"error": {"type": "exceed_context_size_error", "message": "the request exceeds the available context size"}},
     UpstreamRejected, 400, "context_length_exceeded", None),
    (404, {"error": {"message": "no model", "code": "model_not_found"}}, UpstreamRejected, 404, "model_not_found", "no model"),
    (413, {"message": "too large"}, UpstreamRejected, 413, "invalid_request", "too large"),
    (422, {"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]},
     UpstreamRejected, 422, "invalid_request", "field required"),
    (422, {"detail": "wrong"}, UpstreamRejected, 422, "invalid_request", "wrong"),
    (422, {"object": "error", "message": {"detail": [{"msg": "extra field"}]}}, UpstreamRejected, 422, "invalid_request", None),
    (400, [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}], UpstreamRejected, 400, "invalid_request", "m"),
    (400, {"error": "plain words"}, UpstreamRejected, 400, "invalid_request", "plain words"),
    (401, {"error": {"message": "Incorrect API key provided: sk-abc", "code": "invalid_api_key"}}, UpstreamDenied, 502, "upstream_denied", None),
    (403, {"error": {"message": "forbidden"}}, UpstreamDenied, 502, "upstream_denied", None),
    (403, {"error": {"message": "input was flagged", "code": 403}}, UpstreamRejected, 400, "invalid_request", "input was flagged"),
    (402, {"error": {"message": "Insufficient credits", "code": 402}}, UpstreamDenied, 502, "upstream_quota_exhausted", None),
    (429, {"error": {"message": "q", "type": "insufficient_quota"}}, UpstreamDenied, 502, "upstream_quota_exhausted", None),
    (400, {"error": {"message": "Your credit balance is too low"}}, UpstreamDenied, 502, "upstream_quota_exhausted", None),
    (429, {"error": {"message": "slow down"}}, UpstreamBusy, 503, "upstream_busy", None),
    (503, {"error": {"message": "overloaded"}}, UpstreamBusy, 503, "upstream_busy", None),
    (529, {"error": {"message": "overloaded"}}, UpstreamBusy, 503, "upstream_busy", None),
    (500, {"error": {"message": "a trace with secrets"}}, UpstreamError, 502, "upstream_error", None),
    (302, {}, UpstreamError, 502, "upstream_error", None),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "mapped", "code", "message"), THEIRS)
def test_trap_25_each_kind_of_refusal_is_told_apart(status, body, kind, mapped, code, message):
    error = read_error(status, json.dumps(body).encode())
    assert (type(error), error.status, error.code) == (kind, mapped, code)
    assert error.upstream_status == status
    if message is not None:
        assert error.message == message
    assert "secrets" not in error.message
    assert "sk-abc" not in error.message


@pytest.mark.parametrize("status", [400, 404, 429, 500, 502, 503])
@pytest.mark.parametrize(
    "body", [b"<html><h1>nginx internal-host</h1></html>", b"", b"\xff\xfe", b"plain text"]
)
def test_trap_26_html_and_other_bodies_are_never_echoed(status, body):
    error = read_error(status, body)
    assert isinstance(error, UpstreamError)
    assert "nginx" not in error.message
    assert error.message


def test_html_within_json_is_not_echoed_either():
    body = json.dumps({"error": {"message": "<html><body>internal-host</body></html>"}}).encode()
    assert "internal-host" not in read_error(400, body).message


@pytest.mark.parametrize(
    "secret",
    ["sk-proj-abcdefghijklmno", "gsk_abcdefgh12345678", "Bearer abcdef.ghi", "AIzaSyA-1234567890abcdefghijk", "sk-or-v1-0123456789"],
)  # fmt: skip
def test_what_looks_like_a_key_is_struck_out(secret):
    error = read_error(400, json.dumps({"error": {"message": f"the key {secret} may not do this"}}).encode())
    assert secret not in error.message
    assert "may not do this" in error.message


@pytest.mark.parametrize(
    ("headers", "body", "wait_s"),
    [
        ({"retry-after": "7"}, b"", 7.0),
        ({"retry-after": "0.5"}, b"", 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, b"", 1.5),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            b"",
            30.0,
        ),
        ({"retry-after": "soon"}, b"", None),
        ({"retry-after": "soon", "date": "now"}, b"", None),
        ({}, b'{"error":{"message":"Please try again in 1m2.5s."}}', 62.5),
        ({}, b'{"error":{"message":"Please try again in 20ms."}}', 0.02),
        ({}, b'{"error":{"details":[{"@type":"RetryInfo","retryDelay": "34.4s"}]}}', 34.4),
        ({}, b'{"error":{"message":"slow"}}', None),
    ],
)
def test_how_long_to_wait(headers, body, wait_s):
    assert read_error(429, body, headers).retry_after_s == wait_s


def test_trap_06_an_error_with_status_200_is_mapped_by_what_it_says():
    assert type(read_error(200, b'{"error":{"code":429,"message":"x"}}')) is UpstreamBusy
    assert type(read_error(None, b'{"error":{"type":"authentication_error"}}')) is UpstreamDenied
    assert type(read_error(None, b'{"error":{"message":"?"}}')) is UpstreamError
    assert read_error(None, b'{"error":{"code":9001,"message":"x"}}').upstream_status == 502


def test_what_is_no_stream():
    assert type(not_a_stream(b"<html>")) is UpstreamInvalid
    assert type(not_a_stream(b'{"message":"x","code":503}')) is UpstreamBusy


def test_every_error_of_ours_has_a_shape():
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.PixapiError):
            made = kind("words", phase="idle") if kind is errors.UpstreamTimeout else kind("words")
            assert json.loads(error_body(made))["error"]["message"] == "words"


def test_a_missing_model_may_be_tried_elsewhere():
    assert read_error(404, b"{}").retryable
    assert not read_error(400, b"{}").retryable
