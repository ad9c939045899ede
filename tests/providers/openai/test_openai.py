"""OpenAI itself: what its settings make of a request."""

import json

import pytest
from pydantic import ValidationError

from pixapi.errors import UpstreamBusy, UpstreamRejected
from pixapi.interfaces import Call, Secret, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.recorded import Recorded
from pixapi.wire.json import decode_fields
from pixapi_providers.openai import Config, build, pixapi_register_providers

(KIND,) = pixapi_register_providers()
USED = Usage(input=5, cached_input=3, output=6, reasoning=1)
USAGE = (
    b'"usage":{"input_tokens":8,"input_tokens_details":{"cached_tokens":3},"output_tokens":7,'
    b'"output_tokens_details":{"reasoning_tokens":1},"total_tokens":15}'
)
CALLED = (
    b'{"object":"response","status":"completed","error":null,"output":[{"type":"reasoning","summary":[],'
    b'"encrypted_content":"gAAA"},{"type":"message","content":[{"type":"output_text","text":"I look."}]},'
    b'{"type":"function_call","call_id":"c1","name":"look","arguments":"{\\"at\\":\\"Z\xc3\xbcrich\\"}"}],'
    + USAGE
    + b"}"
)
STREAM = (
    b'event: response.created\r\ndata: {"type":"response.created","response":{"status":"in_progress","output":[]}}\r\n\r\n'
    b": a comment\r\n\r\n"
    b'event: response.output_text.delta\r\ndata: {"type":"response.output_text.delta","output_index":0,\r\n'
    b'data: "delta":"Gr\xc3\xbc\xc3\x9fe"}\r\n\r\n'
    b'event: response.incomplete\r\ndata: {"type":"response.incomplete","response":{"status":"incomplete",'
    b'"incomplete_details":{"reason":"max_output_tokens"},"output":[],' + USAGE + b"}}\r\n\r\n"
)
BUSY_STREAM = STREAM[: STREAM.index(b"event: response.incomplete")] + (
    b'event: error\ndata: {"type":"error","error":{"code":"rate_limit_exceeded","message":"Slow down."}}\n\n'
)
TOO_LONG = (
    b'{"error":{"message":"Too long.","type":"invalid_request_error","code":"context_length_exceeded"}}'
)

test_the_contract_over_chat_completions = provider_contract(KIND, {"api_key": "sk-for-tests"})
test_the_contract_over_responses = provider_contract(
    KIND,
    {"api_key": "sk-for-tests", "api": "responses", "reasoning_summary": "auto"},
    recorded=[
        Recorded(
            "tools",
            CALLED,
            text="I look.",
            tool_calls=(("look", {"at": "Zürich"}),),
            finish_reason="tool_calls",
            usage=USED,
        ),
        Recorded("stream", STREAM, is_stream=True, text="Grüße", finish_reason="length", usage=USED),
        Recorded("busy stream", BUSY_STREAM, is_stream=True, error=UpstreamBusy),
        Recorded("busy", b'{"error":{"code":"slow_down"}}', status=429, error=UpstreamBusy),
        Recorded("too long", TOO_LONG, status=400, error=UpstreamRejected),
    ],
)


def request(config, body=b'{"messages":[]}', **more):
    call = Call("r", "chat", "openai", "alias", "gpt-x", decode_fields(body), "id", 1, **more)
    return build(config).request(call)


def test_a_request():
    made = request(Config(api_key=Secret("sk-x")), output_cap=5)
    assert made.url == "https://api.openai.com/v1/chat/completions"
    assert ("authorization", "Bearer sk-x") in made.headers
    assert json.loads(made.body) == {"messages": [], "model": "gpt-x", "max_completion_tokens": 5}


def test_the_callers_own_name_for_the_cap_is_kept():
    made = request(Config(api_key=Secret("sk-x")), b'{"messages":[],"max_tokens":9}', output_cap=5)
    assert json.loads(made.body) == {"messages": [], "model": "gpt-x", "max_tokens": 5}


def test_organization_project_and_address():
    config = Config(
        api_key=Secret("k"), base_url="https://eu.api.openai.com/v1", organization="org", project="proj"
    )
    made = request(config)
    assert made.url.startswith("https://eu.api.openai.com/v1/")
    assert ("openai-organization", "org") in made.headers
    assert ("openai-project", "proj") in made.headers
    assert not [
        name for name, _ in request(Config(api_key=Secret("k"))).headers if name.startswith("openai-")
    ]


def test_models_that_are_offered_over_responses_only():
    config = Config(api_key=Secret("sk-x"), api="responses", reasoning_summary="concise")
    made = request(
        config, b'{"messages":[{"role":"user","content":"hi"}],"reasoning_effort":"low"}', output_cap=5
    )
    assert made.url == "https://api.openai.com/v1/responses"
    assert json.loads(made.body) == {
        "model": "gpt-x",
        "input": [{"role": "user", "content": "hi"}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 5,
        "reasoning": {"effort": "low", "summary": "concise"},
    }
    with pytest.raises(ValidationError):
        Config(api_key=Secret("k"), api="completions")


def test_it_is_registered():
    assert (KIND.name, KIND.config, KIND.evidence) == ("openai", Config, "recorded")
