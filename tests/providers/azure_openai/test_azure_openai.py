"""The provider `azure_openai`: addresses, keys, what Azure adds to OpenAI's dialect; and its contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pixapi.errors import UpstreamBusy, UpstreamDenied, UpstreamRejected
from pixapi.interfaces import Call, Credentials, HttpReply, HttpRequest, Operation, Secret, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.calls import call as call_of
from pixapi.testing.contracts.calls import ordinary
from pixapi.testing.contracts.recorded import Recorded, last_usage, play, read_events, read_result
from pixapi_providers.azure_openai import AzureOpenAI, Config, build, pixapi_register_providers

(KIND,) = pixapi_register_providers()
ENDPOINT = "https://acme.openai.azure.com"
FILTER = {"hate": {"filtered": False, "severity": "safe"}}


def event(*choices: dict[str, Any], **more: Any) -> bytes:
    head = {"id": "chatcmpl-azure", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5"}
    return b"data: " + json.dumps({**head, "choices": list(choices), **more}).encode() + b"\n\n"


FIRST = event(
    id="", object="", created=0, model="", prompt_filter_results=[{"prompt_index": 0, "content_filter_results": FILTER}]
)  # fmt: skip
STREAM = (
    FIRST
    + event({"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None})
    + event({"index": 0, "delta": {"content": "Grüße"}, "finish_reason": None, "content_filter_results": FILTER})
    + event({"index": 0, "delta": {}, "finish_reason": "stop", "content_filter_results": {}})
    + event(usage={"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12})
    + b"data: [DONE]\n\n"
)  # fmt: skip
FILTERED = STREAM.replace(b'"finish_reason": "stop"', b'"finish_reason": "content_filter"')
BLOCKED = {
    "error": {
        "code": "content_filter",
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content policy.",
        "param": "prompt",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": FILTER},
    }
}
RATE = {"error": {"code": "RateLimitReached", "message": "Your requests have exceeded the call rate limit."}}
NO_DEPLOYMENT = {
    "error": {
        "code": "DeploymentNotFound",
        "message": "The API deployment for this resource does not exist.",
    }
}
KEY_REFUSED = {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}}
USED = Usage(input=5, output=7)


def body(said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode()


test_contract = provider_contract(
    KIND,
    {"endpoint": ENDPOINT, "api_key": "azure-key-for-tests"},
    recorded=[
        Recorded("stream", STREAM, is_stream=True, text="Grüße", finish_reason="stop", usage=USED),
        Recorded("filtered", FILTERED, is_stream=True, finish_reason="content_filter", usage=USED),
        Recorded("blocked", body(BLOCKED), status=400, error=UpstreamRejected),
        Recorded("busy", body(RATE), status=429, error=UpstreamBusy),
        Recorded("key", body(KEY_REFUSED), status=401, error=UpstreamDenied),
    ],
)
test_contract_with_an_application = provider_contract(
    KIND,
    {"endpoint": ENDPOINT, "tenant_id": "t", "client_id": "c", "client_secret": "azure-secret-for-tests"},
    recorded=[Recorded("stream", STREAM, is_stream=True, text="Grüße", finish_reason="stop", usage=USED)],
)


def provider(**settings: Any) -> AzureOpenAI:
    return build(Config.model_validate({"endpoint": ENDPOINT, "api_key": Secret("azure-key"), **settings}))


def headers(request: HttpRequest) -> dict[str, str]:
    return dict(request.headers)


@pytest.mark.parametrize(
    ("endpoint", "version", "url"),
    [
        (ENDPOINT, None, f"{ENDPOINT}/openai/v1/chat/completions"),
        (f"{ENDPOINT}/", None, f"{ENDPOINT}/openai/v1/chat/completions"),
        (f"{ENDPOINT}/openai/v1/", None, f"{ENDPOINT}/openai/v1/chat/completions"),
        (
            ENDPOINT,
            "2024-10-21",
            f"{ENDPOINT}/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_the_address(endpoint: str, version: str | None, url: str, pixapi_call: Callable[..., Call]) -> None:
    call = pixapi_call("hi")
    call.model = "my gpt"
    request = provider(endpoint=endpoint, api_version=version).request(call)
    assert request.url == url
    assert headers(request)["api-key"] == "azure-key"
    assert "authorization" not in headers(request)
    assert json.loads(request.body)["model"] == "my gpt"


def test_embeddings_go_to_the_deployment_too() -> None:
    request = provider(api_version="2024-10-21").request(call_of({"input": "hi"}, operation="embeddings"))
    assert "/deployments/model-of-the-route/embeddings?api-version=" in request.url


@pytest.mark.parametrize("application", [False, True], ids=["key", "application"])
@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("images", "images/generations"),
        ("image_edits", "images/edits"),
        ("speech", "audio/speech"),
        ("transcriptions", "audio/transcriptions"),
    ],
)
def test_images_and_audio_go_to_the_deployment(operation: Operation, path: str, application: bool) -> None:
    credential: dict[str, Any] = {"api_key": Secret("azure-key")}
    if application:
        credential = {"tenant_id": "t", "client_id": "c", "client_secret": Secret("s")}
    for version, url in (
        (None, f"{ENDPOINT}/openai/v1/{path}"),
        (
            "2025-04-01-preview",
            f"{ENDPOINT}/openai/deployments/model-of-the-route/{path}?api-version=2025-04-01-preview",
        ),
    ):
        ours = build(Config(endpoint=ENDPOINT, api_version=version, **credential))
        request = ours.request(ordinary(operation))
        assert request.url == url
        assert headers(request).get("api-key") == (None if application else "azure-key")
        kind = headers(request)["content-type"].partition(";")[0]
        is_form = operation in ("image_edits", "transcriptions")
        assert kind == ("multipart/form-data" if is_form else "application/json")
        assert b"model-of-the-route" in request.body


def test_what_the_filter_says_of_images_goes_on() -> None:
    sent = {
        "created": 1,
        "data": [{"b64_json": "aGk=", "content_filter_results": FILTER, "prompt_filter_results": FILTER}],
    }
    result = provider().result(ordinary("images"), HttpReply(200, {}, body(sent)))
    assert json.loads(result.body or b"") == sent
    refused = {
        "error": {
            "code": "contentFilter",
            "message": "Your task failed as a result of our safety system.",
            "inner_error": {"code": "ResponsibleAIPolicyViolation", "content_filter_results": FILTER},
        }
    }
    error = provider().error(HttpReply(400, {}, body(refused)))
    assert (type(error), error.status, error.code) == (UpstreamRejected, 400, "contentFilter")


def test_an_application_is_named_by_its_token_alone(pixapi_call: Callable[..., Call]) -> None:
    ours = build(Config(endpoint=ENDPOINT, tenant_id="t", client_id="c", client_secret=Secret("s")))
    assert isinstance(ours, Credentials)
    assert not {"api-key", "authorization"} & headers(ours.request(pixapi_call("hi"))).keys()
    assert not isinstance(provider(), Credentials)


def test_what_the_filter_says_of_the_prompt_is_no_answer(pixapi_call: Callable[..., Call]) -> None:
    """The first chunk has no choices and no id; another route may still be tried after it."""
    call = pixapi_call("hi", stream=True)
    events = play(provider(), call, STREAM)
    assert read_events(call, events).text == "Grüße"
    assert last_usage(events) == USED
    sent = b"".join(getattr(event, "data", b"") for event in events)
    assert b"prompt_filter_results" in sent
    assert b"content_filter_results" in sent
    ids = {json.loads(line[6:])["id"] for line in sent.split(b"\n") if line.startswith(b"data: {")}
    assert ids == {call.reply_id}


def test_a_blocked_prompt_is_the_callers() -> None:
    error = provider().error(HttpReply(400, {}, body(BLOCKED)))
    assert isinstance(error, UpstreamRejected)
    assert (error.status, error.code, error.param, error.retryable) == (
        400,
        "content_filter",
        "prompt",
        False,
    )


@pytest.mark.parametrize(
    ("given", "wait_s"),
    [({"retry-after-ms": "1500", "retry-after": "2"}, 1.5), ({"retry-after": "86400"}, 86400.0)],
)
def test_trap_25_how_long_to_wait(given: dict[str, str], wait_s: float) -> None:
    error = provider().error(HttpReply(429, given, body(RATE)))
    assert isinstance(error, UpstreamBusy)
    assert (error.retry_after_s, error.upstream_code) == (wait_s, "RateLimitReached")


def test_a_deployment_that_is_missing_may_be_elsewhere() -> None:
    error = provider().error(HttpReply(404, {}, body(NO_DEPLOYMENT)))
    assert (type(error), error.code, error.retryable) == (UpstreamRejected, "model_not_found", True)


@pytest.mark.parametrize(
    "settings",
    [
        {"endpoint": ENDPOINT},
        {"endpoint": "acme", "api_key": "k"},
        {"endpoint": ENDPOINT, "tenant_id": "t", "client_id": "c"},
        {"endpoint": ENDPOINT, "api_key": "k", "tenant_id": "t"},
        {"endpoint": ENDPOINT, "api_key": "k", "api_version": "newest"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)


def test_a_recorded_answer_of_a_model_that_thinks(pixapi_call: Callable[..., Call], cassettes: Path) -> None:
    """The other recordings of this vendor are of OpenAI's Responses, another dialect."""
    recordings = cassettes / "vercel-ai" / "azure"
    recorded = (recordings / "azure-deepseek-reasoning.1.json").read_bytes()
    said = json.loads(recorded)["choices"][0]["message"]["content"]
    call = pixapi_call("hi")
    result = provider().result(call, HttpReply(200, {}, recorded))
    assert read_result(call, result).text == said
    assert result.usage == Usage(input=19, output=1969)
    lines = (recordings / "azure-deepseek-reasoning.1.chunks.txt").read_bytes().splitlines()
    stream = b"".join(b"data: " + line + b"\n\n" for line in lines if line) + b"data: [DONE]\n\n"
    deltas = [choice["delta"] for line in lines if line for choice in json.loads(line)["choices"]]
    call = pixapi_call("hi", stream=True)
    events = play(provider(), call, *(stream[at : at + 17] for at in range(0, len(stream), 17)))
    assert read_events(call, events).text == "".join(delta["content"] or "" for delta in deltas)
    usage = last_usage(events)
    assert usage is not None
    assert (usage.total_input(), usage.total_output()) == (19, 1720)
