"""What goes to a compatible server, field by field."""

import json

import pytest

from pixapi.adapters import OpenAICompatible, Quirks
from pixapi.errors import BadRequest, UpstreamBusy, UpstreamDenied, UpstreamRejected
from pixapi.interfaces import Call, ChatReply, ChatRequest, HttpReply, Message, Secret, Text
from pixapi.wire.json import decode_fields
from pixapi.wire.openai_relay import OpenAIChatRelay
from pixapi.wire.openai_stream import OpenAIChatDecoder

URL = "http://127.0.0.1:9/v1"
HI = [{"role": "user", "content": "hi"}]


def call(body, **more):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    settings = {"operation": "chat", **more}
    return Call(
        "r", settings.pop("operation"), "openai", "alias", "up-m", decode_fields(text), "id", 7, **settings
    )


def provider(quirks=None, key="sk-secret-key", **more):
    return OpenAICompatible(Secret(key), base_url=URL, quirks=quirks or Quirks(), **more)


def body_of(body, quirks=None, **more):
    return json.loads(provider(quirks).request(call(body, **more)).body)


CASES = [
    ("the model's name there", {"model": "alias", "messages": HI}, {}, Quirks(), {"model": "up-m", "messages": HI}),
    ("unknown fields survive", {"messages": HI, "thinking": {"a": [1]}}, {}, Quirks(),
     {"messages": HI, "thinking": {"a": [1]}, "model": "up-m"}),
    ("usage is always asked for", {"messages": HI, "stream": True}, {"stream": True}, Quirks(),
     {"messages": HI, "stream": True, "stream_options": {"include_usage": True}, "model": "up-m"}),
    ("other stream options stay", {"messages": HI, "stream": True, "stream_options": {"include_usage": False, "x": 1}},
     {"stream": True}, Quirks(),
     {"messages": HI, "stream": True, "stream_options": {"include_usage": True, "x": 1}, "model": "up-m"}),
    ("null stream options", {"messages": HI, "stream_options": None}, {"stream": True}, Quirks(),
     {"messages": HI, "stream_options": {"include_usage": True}, "model": "up-m", "stream": True}),
    ("not where they are refused", {"messages": HI, "stream": True, "stream_options": {"include_usage": True}},
     {"stream": True}, Quirks(stream_usage=False), {"messages": HI, "stream": True, "model": "up-m"}),
    ("the cap under the caller's name", {"messages": HI, "max_tokens": 99}, {"output_cap": 5},
     Quirks(cap_field="max_completion_tokens"), {"messages": HI, "max_tokens": 5, "model": "up-m"}),
    ("the cap under the newer name", {"messages": HI, "max_completion_tokens": 99}, {"output_cap": 5}, Quirks(),
     {"messages": HI, "max_completion_tokens": 5, "model": "up-m"}),
    ("the cap under both", {"messages": HI, "max_tokens": 9, "max_completion_tokens": 99}, {"output_cap": 5}, Quirks(),
     {"messages": HI, "max_tokens": 5, "max_completion_tokens": 5, "model": "up-m"}),
    ("the cap under the server's name", {"messages": HI, "max_tokens": None}, {"output_cap": 5},
     Quirks(cap_field="max_completion_tokens"), {"messages": HI, "max_completion_tokens": 5, "model": "up-m"}),
    ("renamed", {"messages": HI, "max_completion_tokens": 9}, {"output_cap": 5},
     Quirks(rename=(("max_completion_tokens", "max_tokens"),)), {"messages": HI, "max_tokens": 5, "model": "up-m"}),
    ("dropped", {"messages": HI, "user": "u", "store": True}, {}, Quirks(drop=frozenset({"user"})),
     {"messages": HI, "store": True, "model": "up-m"}),
    ("lists of text joined", {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"},
      {"type": "text", "text": "b"}]}]}, {}, Quirks(flatten_text=True),
     {"messages": [{"role": "user", "content": "ab"}], "model": "up-m"}),
    ("but not with pictures", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
     {}, Quirks(flatten_text=True),
     {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "model": "up-m"}),
    ("thoughts sent back", {"messages": [{"role": "assistant", "content": "x", "reasoning_content": "hm"}]}, {},
     Quirks(), {"messages": [{"role": "assistant", "content": "x", "reasoning_content": "hm"}], "model": "up-m"}),
    ("thoughts under their name", {"messages": [{"role": "assistant", "content": "x", "reasoning_content": "hm"}]}, {},
     Quirks(reasoning_field="reasoning"),
     {"messages": [{"role": "assistant", "content": "x", "reasoning": "hm"}], "model": "up-m"}),
    ("thoughts kept back", {"messages": [{"role": "assistant", "content": "x", "reasoning_content": "hm",
      "reasoning_details": []}]}, {}, Quirks(echo_reasoning=False),
     {"messages": [{"role": "assistant", "content": "x"}], "model": "up-m"}),
    ("no empty content", {"messages": [{"role": "assistant", "content": "", "tool_calls": [{"id": "c"}]}]}, {},
     Quirks(omit_empty_content=True),
     {"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}], "model": "up-m"}),
    ("plain schemas", {"messages": HI, "tools": [{"function": {"name": "f", "strict": True, "parameters": {
      "$schema": "s", "additionalProperties": False, "properties": {"a": {"additionalProperties": True}}}}}]}, {},
     Quirks(plain_schemas=True),
     {"messages": HI, "model": "up-m", "tools": [{"function": {"name": "f", "parameters": {
      "properties": {"a": {"additionalProperties": True}}}}}]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "settings", "quirks", "sent"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_body(body, settings, quirks, sent):
    made = call(body, **settings)
    request = provider(quirks).request(made)
    assert json.loads(request.body) == sent
    assert provider(quirks).request(made) == request, "asked twice it is the same"
    assert (request.method, request.url, request.paid) == ("POST", URL + "/chat/completions", False)


def test_trap_26_the_text_of_values_survives():
    sent = provider().request(
        call(b'{"messages":[ {"role":"user","content":"\\u4f60"} ],"seed":18446744073709551617}')
    )
    assert b'[ {"role":"user","content":"\\u4f60"} ]' in sent.body
    assert b"18446744073709551617" in sent.body


def test_of_a_name_given_twice_only_the_last_goes_on():
    sent = provider().request(
        call(b'{"model":"cheap","messages":[],"max_tokens":9,"max_tokens":1,"model":"dear"}')
    )
    assert sent.body.count(b"model") == 1
    assert sent.body.count(b"max_tokens") == 1


def test_stream_options_of_a_wrong_type_are_refused():
    with pytest.raises(BadRequest) as refusal:
        provider().request(call({"messages": HI, "stream_options": "yes"}, stream=True))
    assert refusal.value.param == "stream_options"


def test_a_call_that_is_not_streamed_does_not_become_one():
    assert body_of({"messages": HI, "stream": False})["stream"] is False
    assert "stream" not in body_of({"messages": HI})
    assert body_of({"messages": HI, "stream": True})["stream"] is False


def test_embeddings_go_to_their_own_path():
    request = provider().request(call({"input": "x", "encoding_format": "base64"}, operation="embeddings"))
    assert request.url == URL + "/embeddings"
    assert json.loads(request.body) == {"input": "x", "encoding_format": "base64", "model": "up-m"}


@pytest.mark.parametrize(
    ("key", "quirks", "sent"),
    [
        ("sk-x", Quirks(), ("authorization", "Bearer sk-x")),
        ("sk-x", Quirks(auth="api-key"), ("api-key", "sk-x")),
        ("", Quirks(), None),
        ("none", Quirks(), None),
    ],
)
def test_the_key(key, quirks, sent):
    headers = provider(quirks, key).request(call({"messages": HI})).headers
    found = [header for header in headers if header[0] in ("authorization", "api-key")]
    assert found == ([sent] if sent else [])
    assert ("content-type", "application/json") in headers
    assert ("accept-encoding", "identity") in headers


def test_a_rotated_key_is_used_at_once(tmp_path):
    file = tmp_path / "key"
    file.write_text("one")
    rotated = OpenAICompatible(Secret(file=file), base_url=URL)
    assert ("authorization", "Bearer one") in rotated.request(call({"messages": HI})).headers


def test_headers_of_the_row_and_of_the_configuration():
    made = provider(Quirks(extra_headers=(("x-row", "1"),)), headers=(("x-own", "2"),))
    headers = made.request(call({"messages": HI})).headers
    assert ("x-row", "1") in headers
    assert ("x-own", "2") in headers


def test_the_key_shows_nowhere():
    made = provider()
    error = made.error(
        HttpReply(400, {}, b'{"error":{"message":"your header said sk-secret-key, which is odd"}}')
    )
    assert "secret" not in error.message
    assert "secret" not in str(error)
    assert "secret" not in repr(made)


def test_errors_and_replies_are_read_as_the_dialect_has_them():
    made = provider()
    assert type(made.error(HttpReply(401, {}, b"{}"))) is UpstreamDenied
    assert made.error(HttpReply(429, {"retry-after": "3"}, b"{}")).retry_after_s == 3
    assert type(made.error(HttpReply(429, {}, b"{}"))) is UpstreamBusy
    assert type(made.error(HttpReply(400, {}, b"{}"))) is UpstreamRejected
    assert isinstance(made.decoder(call({}, stream=True)), OpenAIChatRelay)
    reply = HttpReply(
        200, {"content-type": "application/octet-stream"}, b'{"choices":[{"message":{"content":"x"}}]}'
    )
    assert json.loads(made.result(call({}), reply).body)["model"] == "alias"
    vectors = HttpReply(200, {}, b'{"data":[{"embedding":[1.0]}]}')
    assert json.loads(made.result(call({}, operation="embeddings"), vectors).body)["model"] == "alias"


# Callers of other dialects

TURN = Message("user", [Text("hi")])
FOREIGN = [
    ("the caller's words", {}, {}, Quirks(), {}),
    ("the cap under the server's name", {"max_output": 9}, {}, Quirks(cap_field="max_completion_tokens"),
     {"max_completion_tokens": 9}),
    ("the cap that was priced", {"max_output": 9}, {"output_cap": 5}, Quirks(), {"max_tokens": 5}),
    ("no cap of the caller", {}, {"output_cap": 5}, Quirks(), {"max_tokens": 5}),
    ("a stream with its usage", {}, {"stream": True}, Quirks(),
     {"stream": True, "stream_options": {"include_usage": True}}),
    ("an effort for a budget, and no top_k", {"reasoning_budget": 4000, "top_k": 3, "temperature": 1.0}, {}, Quirks(),
     {"reasoning_effort": "medium", "temperature": 1.0}),
    ("unknown fields", {"extra": {"enable_thinking": True}}, {}, Quirks(), {"enable_thinking": True}),
    ("what the row drops", {"user": "u", "seed": 1}, {}, Quirks(drop=frozenset({"user"})), {"seed": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "settings", "quirks", "sent"), [case[1:] for case in FOREIGN], ids=[c[0] for c in FOREIGN]
)
def test_the_body_for_callers_of_other_dialects(asked, settings, quirks, sent):
    made = call({"max_tokens": 987, "system": "theirs"}, chat=ChatRequest([TURN], **asked), **settings)
    made.dialect = "anthropic"
    body = json.loads(provider(quirks).request(made).body)
    assert body == {"model": "up-m", "messages": HI, **sent}


def test_other_dialects_are_answered_in_the_internal_model():
    made = call({}, chat=ChatRequest([TURN]))
    made.dialect = "anthropic"
    result = provider().result(made, HttpReply(200, {}, b'{"choices":[{"message":{"content":"x"}}]}'))
    assert (result.body, result.chat) == (None, ChatReply([Text("x")], "stop"))
    assert isinstance(provider().decoder(made), OpenAIChatDecoder)


def test_other_dialects_need_the_internal_model():
    made = call({"messages": HI})
    made.dialect = "gemini"
    with pytest.raises(BadRequest):
        provider().request(made)


def test_the_probe_is_free():
    probe = provider().probe()
    assert (probe.method, probe.url, probe.paid) == ("GET", URL + "/models", False)
    assert ("authorization", "Bearer sk-secret-key") in probe.headers


def test_trap_24_only_our_own_headers_go_out():
    headers = dict(provider().request(call({"messages": HI}, stream=True)).headers)
    assert headers == {
        "authorization": "Bearer sk-secret-key",
        "content-type": "application/json",
        "accept-encoding": "identity",
    }
