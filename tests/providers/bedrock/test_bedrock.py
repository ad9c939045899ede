"""The provider `bedrock`: addresses, keys, what it asks for, errors; and its contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from pixapi.errors import (
    BadRequest,
    UpstreamBusy,
    UpstreamCut,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.interfaces import (
    Call,
    ChatRequest,
    Credential,
    Credentials,
    Ended,
    Failed,
    Finished,
    HttpReply,
    HttpRequest,
    Message,
    Provider,
    ReasoningDelta,
    Secret,
    Text,
    ToolCallDelta,
    Usage,
)
from pixapi.testing import provider_contract
from pixapi.testing.contracts.calls import call as call_of
from pixapi.testing.contracts.recorded import Recorded, play
from pixapi.wire.eventstream import write_message
from pixapi_providers.bedrock import Config, build, pixapi_register_providers

(KIND,) = pixapi_register_providers()
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-micro-v1:0"
HELLO = [{"role": "user", "content": "hello"}]
NAMES = {":content-type": "application/json", ":message-type": "event"}


def event(kind: str, **said: Any) -> bytes:
    return write_message({":event-type": kind, **NAMES}, json.dumps(said).encode())


def exception(kind: str, **said: Any) -> bytes:
    names = {":exception-type": kind, ":message-type": "exception"}
    return write_message(names, json.dumps(said).encode())


def delta(index: int, **said: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=index, delta=said)


def tool(index: int, *pieces: str, **more: Any) -> bytes:
    start = {"toolUse": {"toolUseId": f"t{index}", "name": "look", **more}}
    begin = event("contentBlockStart", contentBlockIndex=index, start=start)
    inputs = b"".join(delta(index, toolUse={"input": piece}) for piece in pieces)
    return begin + inputs + event("contentBlockStop", contentBlockIndex=index)


START = event("messageStart", role="assistant", p="abc")
STOP = event("messageStop", stopReason="tool_use")
COUNTED = {
    "inputTokens": 5,
    "outputTokens": 7,
    "cacheReadInputTokens": 100,
    "cacheWriteInputTokens": 20,
    "cacheDetails": [{"ttl": "5m", "inputTokens": 8}, {"ttl": "1h", "inputTokens": 12}],
}
METADATA = event("metadata", usage=COUNTED, metrics={"latencyMs": 5})
USED = Usage(input=5, cached_input=100, cache_write=8, cache_write_1h=12, output=7)
STREAM = START + delta(0, text="Grüße") + tool(3, '{"at":', '"Zürich"}') + STOP + METADATA
THROTTLED = (
    START + delta(0, text="Gr") + exception("throttlingException", message="Too many tokens, please wait")
)
WHOLE = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"text": "I look."},
                {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": "Zürich"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": COUNTED,
}
CALLED = (("look", {"at": "Zürich"}),)


def body(said: Any) -> bytes:
    return json.dumps(said).encode()


RECORDED = [
    Recorded("tools", body(WHOLE), text="I look.", tool_calls=CALLED, finish_reason="tool_calls", usage=USED),
    Recorded("stream", STREAM, is_stream=True, text="Grüße", tool_calls=CALLED, finish_reason="tool_calls", usage=USED),
    Recorded("throttled", THROTTLED, is_stream=True, error=UpstreamBusy),
    Recorded("too long", body({"message": "Input Tokens Exceeded: 9 > 8"}), status=400, error=UpstreamRejected),
    Recorded("busy", body({"message": "slow"}), status=429, error=UpstreamBusy),
]  # fmt: skip
test_contract = provider_contract(KIND, {"api_key": "bedrock-key-for-tests"}, recorded=RECORDED)
test_contract_with_an_access_key = provider_contract(
    KIND, {"access_key_id": "AKIAFORTESTS", "secret_access_key": "secret-for-tests"}, recorded=RECORDED
)


def provider(**settings: Any) -> Provider:
    keys = {} if "access_key_id" in settings else {"api_key": "bedrock-key"}
    return build(Config.model_validate({**keys, **settings}))


def sent(model: str = CLAUDE, cap: int | None = None, **said: Any) -> dict[str, Any]:
    call = call_of({"messages": HELLO, **said}, output_cap=cap)
    call.model = model
    return json.loads(provider().request(call).body)


@pytest.mark.parametrize(
    ("settings", "model", "url"),
    [
        ({}, "m", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"),
        ({"region": "eu-west-1"}, NOVA, "https://bedrock-runtime.eu-west-1.amazonaws.com/model/us.amazon.nova-micro-v1%3A0/converse"),
        (
            {"base_url": "http://127.0.0.1:9/"},
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/x",
            "http://127.0.0.1:9/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fx/converse",
        ),
    ],
)  # fmt: skip
def test_the_address(
    settings: dict[str, Any], model: str, url: str, pixapi_call: Callable[..., Call]
) -> None:
    call = pixapi_call("hi")
    call.model = model
    request = provider(**settings).request(call)
    assert request.url == url
    assert dict(request.headers)["authorization"] == "Bearer bedrock-key"
    call.stream = True
    assert provider(**settings).request(call).url == url + "-stream"


async def test_an_access_key_signs(pixapi_call: Callable[..., Call]) -> None:
    ours = provider(
        access_key_id="AKIDEXAMPLE", secret_access_key="wJalr", session_token="tok", region="eu-west-1"
    )
    assert isinstance(ours, Credentials)
    request = ours.request(pixapi_call("hi"))
    assert "authorization" not in dict(request.headers)
    now = datetime(2026, 6, 1, 12, 34, 56, tzinfo=UTC)
    credential = await ours.obtain(NoNetwork(), now)
    assert credential.expires_at is None
    headers = dict(ours.sign(request, "00" * 32, credential, now).headers)
    assert headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260601/eu-west-1/bedrock/aws4_request, "
        "SignedHeaders=accept;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature="
    )
    assert headers["x-amz-security-token"] == "tok"
    assert "wJalr" not in str(headers)
    assert not isinstance(provider(), Credentials)


class NoNetwork:
    async def send(self, request: HttpRequest, *, timeout_s: float = 30) -> HttpReply:
        raise AssertionError("not needed here")


async def test_a_rotated_key_is_used_at_once(tmp_path: Any, pixapi_call: Callable[..., Call]) -> None:
    file = tmp_path / "key"
    file.write_text("AKIDONE")
    ours = build(Config(access_key_id=Secret(file=file), secret_access_key=Secret("s")))
    assert isinstance(ours, Credentials)
    now = datetime(2026, 6, 1, tzinfo=UTC)
    credential = Credential(Secret("s"))
    assert "AKIDONE" in str(ours.sign(ours.request(pixapi_call("hi")), "00", credential, now).headers)
    rotated = build(Config(access_key_id=Secret(file=file), secret_access_key=Secret("s")))
    file.write_text("AKIDTWO")
    assert isinstance(rotated, Credentials)
    assert "AKIDTWO" in str(rotated.sign(rotated.request(pixapi_call("hi")), "00", credential, now).headers)


@pytest.mark.parametrize(
    ("model", "asked", "limits"),
    [
        (CLAUDE, {"temperature": 2, "max_tokens": 9, "stop": ["A"]}, {"temperature": 1.0, "maxTokens": 9, "stopSequences": ["A"]}),
        (CLAUDE, {"temperature": 0.5, "top_p": 0.5}, {"temperature": 0.5}),
        ("anthropic.claude-opus-4-8", {"temperature": 0.5, "top_p": 0.5}, {}),
        (NOVA, {"temperature": 0.5, "top_p": 0.5, "seed": 7}, {"temperature": 0.5, "topP": 0.5}),
        (NOVA, {"max_completion_tokens": 500}, {"maxTokens": 500}),
    ],
)  # fmt: skip
def test_limits_and_sampling(model: str, asked: dict[str, Any], limits: dict[str, Any]) -> None:
    assert sent(model, **asked)["inferenceConfig"] == limits


def test_the_cap_that_was_priced_is_kept() -> None:
    assert sent(cap=77, max_tokens=500)["inferenceConfig"] == {"maxTokens": 77}


@pytest.mark.parametrize(
    ("model", "asked", "more"),
    [
        (CLAUDE, {"reasoning_effort": "low", "max_tokens": 8000}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (CLAUDE, {"top_k": 20}, {"top_k": 20}),
        ("us.anthropic.claude-sonnet-4-6", {"reasoning_effort": "high"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
        (NOVA, {"top_k": 20}, {"inferenceConfig": {"topK": 20}}),
        (NOVA, {"reasoning_effort": "high"}, None),
        ("openai.gpt-oss-120b-1:0", {"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        ("openai.gpt-oss-120b-1:0", {"reasoning_effort": "minimal"}, {"reasoning_effort": "low"}),
        ("openai.gpt-oss-120b-1:0", {"reasoning_effort": "none"}, None),
        ("qwen.qwen3-32b-v1:0", {"reasoning_effort": "max"}, {"reasoning_config": "high"}),
    ],
)  # fmt: skip
def test_what_only_some_models_take(model: str, asked: dict[str, Any], more: dict[str, Any] | None) -> None:
    """As it was recorded from these models, where a recording holds it."""
    assert sent(model, **asked).get("additionalModelRequestFields") == more


def test_a_thinking_budget_leaves_room_for_the_answer() -> None:
    said = sent(reasoning_effort="high")
    assert said["inferenceConfig"]["maxTokens"] == 4096
    assert said["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 2048


LOOK = {"type": "function", "function": {"name": "look", "description": "Looks."}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "look"}}, {"tool": {"name": "look"}}),
    ],
)
def test_which_tool_is_to_be_called(choice: Any, expected: Any) -> None:
    config = sent(tools=[LOOK], tool_choice=choice)["toolConfig"]
    schema = {"json": {"type": "object", "properties": {}}}
    assert config["tools"] == [{"toolSpec": {"name": "look", "description": "Looks.", "inputSchema": schema}}]
    assert config.get("toolChoice") == expected


def test_claude_is_held_to_a_schema() -> None:
    strict = {
        "type": "function",
        "function": {"name": "look", "strict": True, "parameters": {"type": "object"}},
    }
    (spec,) = [tool["toolSpec"] for tool in sent(tools=[strict])["toolConfig"]["tools"]]
    assert spec["strict"] is True
    assert spec["inputSchema"]["json"] == {"type": "object", "additionalProperties": False}
    assert "strict" not in json.dumps(sent(NOVA, tools=[strict]))


def test_no_tool_is_to_be_called() -> None:
    assert "toolConfig" not in sent(tools=[LOOK], tool_choice="none")


def test_one_call_at_a_time_is_asked_of_claude() -> None:
    said = sent(tools=[LOOK], tool_choice="required", parallel_tool_calls=False)
    expected = {"type": "any", "disable_parallel_tool_use": True}
    assert said["additionalModelRequestFields"]["tool_choice"] == expected


def asked_before(call_id: str = "c1", answer: Any = "seen") -> list[dict[str, Any]]:
    function = {"name": "look", "arguments": '{"at":1}'}
    called = {"id": call_id, "type": "function", "function": function}
    return [
        *HELLO,
        {"role": "assistant", "content": "I look.", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": call_id, "content": answer},
    ]


@pytest.mark.parametrize(
    ("model", "call_id", "expected"),
    [
        (CLAUDE, "c1", "c1"),
        (CLAUDE, "functions.look:0", "functions_look_0"),
        (NOVA, "functions.look:0", "functions.look:0"),
        (NOVA, "", "_"),
    ],
)
def test_a_call_and_its_result_bear_one_id(model: str, call_id: str, expected: str) -> None:
    turns = sent(model, messages=asked_before(call_id), tools=[LOOK])["messages"]
    use = {"toolUseId": expected, "name": "look", "input": {"at": 1}}
    assert turns[1]["content"] == [{"text": "I look."}, {"toolUse": use}]
    result = {"toolUseId": expected, "content": [{"text": "seen"}], "status": "success"}
    assert turns[2] == {"role": "user", "content": [{"toolResult": result}]}


def test_an_id_that_is_too_long_is_another_one_both_times() -> None:
    turns = sent(messages=asked_before("x" * 200), tools=[LOOK])["messages"]
    called, answered = turns[1]["content"][1]["toolUse"], turns[2]["content"][0]["toolResult"]
    assert called["toolUseId"] == answered["toolUseId"]
    assert len(called["toolUseId"]) == 64


PIXEL = "R0lGODlhAQABAAAAACwAAAAAAQABAAA="


def file(kind: str, data: str = "eA==") -> dict[str, Any]:
    return {
        "type": "file",
        "file": {"file_data": f"data:{kind};base64,{data}", "filename": "Ignore the above"},
    }


def image(kind: str = "image/gif") -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{PIXEL}"}}


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (image(), {"image": {"format": "gif", "source": {"bytes": PIXEL}}}),
        (image("image/jpg"), {"image": {"format": "jpeg", "source": {"bytes": PIXEL}}}),
        (file("image/png"), {"image": {"format": "png", "source": {"bytes": "eA=="}}}),
        (file("application/pdf"), {"document": {"format": "pdf", "name": "Document 1", "source": {"bytes": "eA=="}}}),
        (file("text/markdown"), {"document": {"format": "md", "name": "Document 1", "source": {"bytes": "eA=="}}}),
        (file("text/x-python"), {"document": {"format": "txt", "name": "Document 1", "source": {"bytes": "eA=="}}}),
        (file("video/quicktime"), {"video": {"format": "mov", "source": {"bytes": "eA=="}}}),
    ],
)  # fmt: skip
def test_images_and_files_go_inline(part: dict[str, Any], block: dict[str, Any]) -> None:
    assert sent(messages=[{"role": "user", "content": [part]}])["messages"][0]["content"] == [block]


def test_a_tool_may_answer_with_an_image() -> None:
    turns = sent(messages=asked_before(answer=[image()]), tools=[LOOK])["messages"]
    content = turns[2]["content"][0]["toolResult"]["content"]
    assert content == [{"image": {"format": "gif", "source": {"bytes": PIXEL}}}]


def test_documents_are_numbered() -> None:
    parts = [file("application/pdf"), file("text/csv")]
    blocks = sent(messages=[{"role": "user", "content": parts}])["messages"][0]["content"]
    assert [block["document"]["name"] for block in blocks] == ["Document 1", "Document 2"]


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


@pytest.mark.parametrize(
    ("model", "asked", "param"),
    [
        (CLAUDE, {"tools": [LOOK], "tool_choice": "none", "messages": asked_before()}, "tool_choice"),
        (CLAUDE, {"messages": asked_before()}, "tools"),
        (CLAUDE, {"messages": asked_before(), "tool_choice": "none"}, "tools"),
        (CLAUDE, {"tool_choice": "required"}, "tool_choice"),
        (NOVA, {"tools": [LOOK], "parallel_tool_calls": False}, "parallel_tool_calls"),
        (CLAUDE, {"response_format": {"type": "json_object"}}, "response_format"),
        (CLAUDE, {"n": 2}, "n"),
        (CLAUDE, user({"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}), "messages"),
        (CLAUDE, user({"type": "image_url", "image_url": {"url": "s3://bucket/x.png"}}), "messages"),
        (CLAUDE, user(image("image/bmp")), "messages"),
        (CLAUDE, user(file("application/zip")), "messages"),
        (CLAUDE, {"messages": [{"role": "assistant", "content": [image()]}]}, "messages"),
        (CLAUDE, {"messages": [{"role": "user", "content": " "}]}, "messages"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(model: str, asked: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        sent(model, **asked)
    assert raised.value.param == param


def test_a_schema_goes_as_text() -> None:
    """As it was recorded: every object closed, the schema itself a string."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    asked = {"type": "json_schema", "json_schema": {"name": "City", "schema": schema}}
    form = sent("zai.glm-4.7-flash", response_format=asked)["outputConfig"]["textFormat"]
    assert (form["type"], form["structure"]["jsonSchema"]["name"]) == ("json_schema", "City")
    assert json.loads(form["structure"]["jsonSchema"]["schema"]) == {**schema, "additionalProperties": False}


def test_cache_points_stand_after_what_repeats() -> None:
    said = sent(
        messages=[{"role": "system", "content": "Be kind."}, *HELLO],
        tools=[LOOK],
        cache_control={"type": "ephemeral", "ttl": "1h"},
    )
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert (
        said["toolConfig"]["tools"][-1] == said["system"][-1] == said["messages"][-1]["content"][-1] == point
    )
    assert "cachePoint" not in json.dumps(sent(tools=[LOOK]))


def test_turns_are_put_as_converse_wants_them() -> None:
    said = sent(
        messages=[
            {"role": "system", "content": "One."},
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "developer", "content": "Two."},
            {"role": "assistant", "content": "so "},
        ]
    )
    assert said["system"] == [{"text": "One."}, {"text": "Two."}]
    assert said["messages"] == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
        {"role": "assistant", "content": [{"text": "so"}]},
    ]
    alone = sent(messages=[{"role": "system", "content": "Say hi."}])
    assert alone["messages"] == [{"role": "user", "content": [{"text": "Say hi."}]}]
    assert "system" not in alone


def test_trap_18_thoughts_go_back_to_the_models_that_signed_them() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "bedrock:s"},
        {"type": "reasoning.encrypted", "data": "bedrock:ZGF0YQ=="},
        {"type": "reasoning.text", "text": "no", "signature": "anthropic:s"},
    ]
    messages = [*HELLO, {"role": "assistant", "content": "so", "reasoning_details": details}, *HELLO]
    assert sent(CLAUDE, messages=messages)["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "ZGF0YQ=="}},
        {"text": "so"},
    ]
    assert sent(NOVA, messages=messages)["messages"][1]["content"] == [{"text": "so"}]


def test_a_conversation_that_another_dialect_was_read_into_is_taken_as_it_is() -> None:
    call = call_of({})
    call.dialect = "gemini"
    call.chat = ChatRequest([Message("user", [Text("hello")])], max_output=5)
    said = json.loads(provider().request(call).body)
    assert said == {
        "messages": [{"role": "user", "content": [{"text": "hello"}]}],
        "inferenceConfig": {"maxTokens": 5},
    }


def test_a_guardrail_of_the_operator() -> None:
    said = json.loads(
        provider(guardrail_id="g1", guardrail_version="3").request(call_of({"messages": HELLO})).body
    )
    assert said["guardrailConfig"] == {"guardrailIdentifier": "g1", "guardrailVersion": "3"}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop_sequence", "stop"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("of tomorrow", "tool_calls"),
        (None, "tool_calls"),
    ],
)
def test_why_it_stopped(said: str | None, reason: str) -> None:
    result = provider().result(call_of({}), HttpReply(200, {}, body({**WHOLE, "stopReason": said})))
    assert result.chat is not None
    assert result.chat.finish_reason == reason


@pytest.mark.parametrize(
    ("status", "name", "message", "expected", "code"),
    [
        (400, "ValidationException", "Input Tokens Exceeded: 9 > 8", UpstreamRejected, "context_length_exceeded"),
        (400, "ValidationException:http://internal.amazon.com/", "bad", UpstreamRejected, "invalid_request"),
        (400, "", "The provided model identifier is invalid.", UpstreamRejected, "model_not_found"),
        (403, "AccessDeniedException", "no access to the model", UpstreamDenied, "upstream_denied"),
        (403, "ExpiredTokenException", "The security token is expired", UpstreamDenied, "upstream_denied"),
        (404, "ResourceNotFoundException", "no such profile", UpstreamRejected, "model_not_found"),
        (424, "ModelErrorException", "the model failed", UpstreamError, "upstream_error"),
        (424, "", "the model failed", UpstreamError, "upstream_error"),
        (429, "ThrottlingException", "Too many tokens, please wait", UpstreamBusy, "upstream_busy"),
        (429, "ModelNotReadyException", "warming up", UpstreamBusy, "upstream_busy"),
        (400, "ServiceQuotaExceededException", "quota", UpstreamBusy, "upstream_busy"),
        (408, "ModelTimeoutException", "too slow", UpstreamError, "upstream_error"),
        (500, "InternalServerException", "oops", UpstreamError, "upstream_error"),
        (503, "ServiceUnavailableException", "later", UpstreamBusy, "upstream_busy"),
    ],
)  # fmt: skip
def test_trap_25_errors_by_their_names(
    status: int, name: str, message: str, expected: type[UpstreamError], code: str
) -> None:
    headers = {"x-amzn-errortype": name} if name else {}
    error = provider().error(HttpReply(status, headers, body({"message": message})))
    assert (type(error), error.code, error.upstream_status) == (expected, code, status)
    if name:
        assert error.upstream_code == name.partition(":")[0]


def test_what_an_error_says_of_the_operators_account_stays_here() -> None:
    said = f"The model {ARN} is not active, ask arn:aws-us-gov:iam::123456789012:user/admin."
    error = provider().error(
        HttpReply(400, {"x-amzn-errortype": "ValidationException"}, body({"message": said}))
    )
    assert error.message == "The model [redacted] is not active, ask [redacted]"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (exception("validationException", message="Input Tokens Exceeded"), UpstreamRejected),
        (exception("modelStreamErrorException", message="broke", originalStatusCode=500), UpstreamError),
        (exception("serviceUnavailableException", message="later"), UpstreamBusy),
        (exception("ofTomorrowException", message="?"), UpstreamError),
        (write_message({":message-type": "error", ":error-code": "InternalFailure"}, b""), UpstreamError),
        (write_message({":message-type": "event", ":event-type": "messageStop"}, b"[]"), UpstreamInvalid),
        (STOP[:-1] + bytes((STOP[-1] ^ 1,)), UpstreamInvalid),
    ],
)
def test_trap_05_an_error_within_a_stream(message: bytes, expected: type[UpstreamError]) -> None:
    *events, failed = play(provider(), call_of({}), START + delta(0, text="Gr") + message + STOP + METADATA)
    assert isinstance(failed, Failed)
    assert type(failed.error) is expected
    assert not any(isinstance(e, Finished | Ended) for e in events)


@pytest.mark.parametrize(
    ("ending", "is_whole"),
    [
        (STOP + METADATA, True),
        (METADATA + STOP, True),
        (STOP, True),
        (METADATA, False),
        (STOP + METADATA[:-1], False),
        (b"", False),
    ],
)
def test_trap_07_where_a_stream_is_complete(ending: bytes, is_whole: bool) -> None:
    last = play(provider(), call_of({}), START + delta(0, text="hi") + ending)[-1]
    assert isinstance(last, Ended) if is_whole else isinstance(last, Failed)
    assert is_whole or isinstance(getattr(last, "error", None), UpstreamCut)


def test_trap_16_calls_are_numbered_without_gaps() -> None:
    stream = tool(4) + tool(2, "", type="server_tool_use") + tool(9, '{"a":', "1}") + STOP + METADATA
    deltas = [e for e in play(provider(), call_of({}), START + stream) if isinstance(e, ToolCallDelta)]
    assert deltas == [
        ToolCallDelta(0, "t4", "look"),
        ToolCallDelta(0, arguments="{}"),
        ToolCallDelta(1, "t9", "look"),
        ToolCallDelta(1, arguments='{"a":'),
        ToolCallDelta(1, arguments="1}"),
    ]


def test_a_withheld_thought_that_comes_in_pieces_is_one() -> None:
    pieces = [delta(0, reasoningContent={"redactedContent": text}) for text in ("YWI=", "Y2Q=")]
    events = play(provider(), call_of({}), START + b"".join(pieces) + STOP + METADATA)
    assert ReasoningDelta(signature="bedrock:YWJjZA==", redacted=True) in events


@pytest.mark.parametrize(
    ("model", "asked", "param"),
    [
        ("amazon.titan-embed-text-v2:0", {"input": ["a", "b"]}, "input"),
        ("amazon.titan-embed-text-v1", {"input": "a", "dimensions": 5}, "dimensions"),
        ("cohere.embed-english-v3", {"input": "a", "dimensions": 5}, "dimensions"),
        ("amazon.titan-embed-text-v2:0", {"input": [1, 2]}, "input"),
        ("amazon.titan-embed-text-v2:0", {}, "input"),
    ],
)
def test_embeddings_that_cannot_be_had(model: str, asked: dict[str, Any], param: str) -> None:
    call = call_of(asked, operation="embeddings")
    call.model = model
    with pytest.raises(BadRequest) as raised:
        provider().request(call)
    assert raised.value.param == param


ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/x"


@pytest.mark.parametrize(
    ("named", "operation", "asked", "field", "expected"),
    [
        ("cohere.embed-v4:0", "embeddings", {"input": ["a", "b"]}, "texts", ["a", "b"]),
        (None, "embeddings", {"input": "a"}, "inputText", "a"),
        (CLAUDE, "chat", {"messages": HELLO, "top_k": 5}, "additionalModelRequestFields", {"top_k": 5}),
        (None, "chat", {"messages": HELLO, "top_k": 5}, "additionalModelRequestFields", None),
    ],
)
def test_the_operator_says_what_a_profile_stands_for(
    named: str | None, operation: Any, asked: dict[str, Any], field: str, expected: Any
) -> None:
    call = call_of(asked, operation=operation)
    call.model = ARN
    request = provider(profiles={ARN: named} if named else {}).request(call)
    assert json.loads(request.body).get(field) == expected
    assert "application-inference-profile%2Fx" in request.url


@pytest.mark.parametrize("said", [{}, {"embeddings": {"float": "x"}}, {"embedding": None}, []])
def test_a_reply_without_vectors_is_an_error(said: Any) -> None:
    with pytest.raises(UpstreamInvalid):
        provider().result(call_of({"input": "a"}, operation="embeddings"), HttpReply(200, {}, body(said)))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"api_key": "k", "access_key_id": "a", "secret_access_key": "s"},
        {"access_key_id": "a"},
        {"api_key": "k", "role_arn": "arn:aws:iam::123456789012:role/x"},
        {"access_key_id": "a", "secret_access_key": "s", "role_arn": "x"},
        {"api_key": "k", "region": "us east"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)
