"""What goes to a server's ``/responses``, and which calls go there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.adapters import OpenAICompatible, ResponsesApi
from pixapi.errors import BadRequest
from pixapi.interfaces import Call, ChatRequest, HttpReply, Message, Reasoning, Secret, Text
from pixapi.wire.json import decode_fields
from pixapi.wire.openai_relay import OpenAIChatRelay
from pixapi.wire.responses_relay import ResponsesRelay
from pixapi.wire.responses_stream import ResponsesDecoder

URL = "http://127.0.0.1:9/v1"
HELLO = {"model": "alias", "input": "hello"}
MESSAGES = {"model": "alias", "messages": [{"role": "user", "content": "hello"}]}


def call(body: dict[str, Any], dialect: Any = "responses", **more: Any) -> Call:
    fields = decode_fields(json.dumps(body).encode())
    return Call("r", more.pop("operation", "chat"), dialect, "alias", "up-m", fields, "resp_1", 7, **more)


def provider(**more: Any) -> OpenAICompatible:
    return OpenAICompatible(Secret("sk"), base_url=URL, responses=ResponsesApi("openai"), **more)


def sent(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    return json.loads(ResponsesApi("host").body(call(body, **more))[0])


PASSED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("the model's name there, and no store", {}, {}, {}),
    ("store is never left to the server", {"store": None}, {}, {}),
    ("unknown fields survive", {"a_field_of_tomorrow": [1]}, {}, {"a_field_of_tomorrow": [1]}),
    ("tools on the server's side", {"tools": [{"type": "web_search"}]}, {}, {"tools": [{"type": "web_search"}]}),
    ("the cap", {"max_output_tokens": 99}, {"output_cap": 5}, {"max_output_tokens": 5}),
    ("the cap that was priced", {}, {"output_cap": 5}, {"max_output_tokens": 5}),
    ("a stream", {"stream": True, "stream_options": {"include_obfuscation": False}}, {"stream": True},
     {"stream": True, "stream_options": {"include_obfuscation": False}}),
    ("no stream", {"stream": None}, {}, {"stream": False}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "more", "expected"), [p[1:] for p in PASSED], ids=[p[0] for p in PASSED])
def test_a_call_in_the_dialect_goes_on_as_it_came(
    body: dict[str, Any], more: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert sent(HELLO | body, **more) == HELLO | {"model": "up-m", "store": False} | expected


KEPT = ["reasoning.encrypted_content"]
REMEMBERED: list[tuple[str, dict[str, Any], Any]] = [
    ("gpt-5", {}, KEPT),
    ("gpt-5", {"include": None}, KEPT),
    ("gpt-5", {"include": ["file_search_call.results"]}, ["file_search_call.results", *KEPT]),
    ("gpt-5", {"include": KEPT}, KEPT),
    ("gpt-5", {"store": False}, None),
    ("gpt-4o", {}, None),
]


@pytest.mark.parametrize(("model", "more", "include"), REMEMBERED)
def test_trap_18_callers_who_count_on_a_memory_get_thoughts_that_they_can_send_back(
    model: str, more: dict[str, Any], include: Any
) -> None:
    asked = call(HELLO | more)
    asked.model = model
    assert json.loads(ResponsesApi("openai").body(asked)[0]).get("include") == include
    assert json.loads(ResponsesApi("other").body(asked)[0]).get("include") == more.get("include")


def test_trap_18_thoughts_that_another_vendor_encrypted_stay_away() -> None:
    own = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA-_=="}
    others = [
        {**own, "encrypted_content": secret}
        for secret in ("anthropic:s", "redacted:anthropic:d", "api.deepseek.com:x", "redacted:openai:gAAA")
    ]
    word = {"role": "user", "content": 'an "encrypted_content":"anthropic:s" in a text'}
    assert sent(HELLO | {"input": [word, *others, own]})["input"] == [word, own]
    items = call(HELLO | {"input": [word, own]})
    assert items.fields["input"] == decode_fields(ResponsesApi("openai").body(items)[0])["input"], (
        "byte for byte"
    )


def test_a_call_of_another_dialect_is_translated() -> None:
    thought = Reasoning("hm", "openai:gAAA")
    chat = ChatRequest(messages=[Message("assistant", [thought]), Message("user", [Text("hi")])])
    for dialect in ("openai", "anthropic", "gemini"):
        body = json.loads(provider(api="responses").request(call({}, dialect, chat=chat, output_cap=9)).body)
        assert (body["model"], body["max_output_tokens"], body["store"]) == ("up-m", 9, False)
        assert body["input"][0]["encrypted_content"] == "gAAA"


def test_a_chat_completion_that_the_core_did_not_read_is_read_here() -> None:
    body = json.loads(provider(api="responses").request(call(MESSAGES, "openai")).body)
    assert body["input"] == [{"role": "user", "content": "hello"}]


def test_what_cannot_be_translated_is_refused() -> None:
    with pytest.raises(BadRequest) as refusal:
        provider(api="responses").request(call(MESSAGES | {"stop": ["END"]}, "openai"))
    assert refusal.value.param == "stop"


WAYS: list[tuple[dict[str, Any], str, str, type]] = [
    ({}, "openai", "/chat/completions", OpenAIChatRelay),
    ({}, "responses", "/responses", ResponsesRelay),
    ({"api": "responses"}, "openai", "/responses", ResponsesDecoder),
    ({"api": "responses"}, "responses", "/responses", ResponsesRelay),
]


@pytest.mark.parametrize(("settings", "dialect", "path", "decoder"), WAYS)
def test_where_a_call_goes(settings: dict[str, Any], dialect: Any, path: str, decoder: type) -> None:
    asked = call(HELLO if dialect == "responses" else MESSAGES, dialect)
    made = provider(**settings).request(asked)
    assert (made.method, made.url, made.paid) == ("POST", URL + path, False)
    assert dict(made.headers)["authorization"] == "Bearer sk"
    assert type(provider(**settings).decoder(asked)) is decoder


def test_embeddings_never_go_there() -> None:
    made = provider(api="responses").request(call({"input": "a"}, "openai", operation="embeddings"))
    assert made.url == URL + "/embeddings"


def test_the_dialects_that_are_passed_on() -> None:
    assert provider().dialects == {"openai", "responses"}
    assert provider(api="responses").dialects == {"responses"}
    assert OpenAICompatible(Secret("sk"), base_url=URL).dialects == {"openai"}


@pytest.mark.parametrize(
    ("base_url", "maker"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://api.deepseek.com", "api.deepseek.com"),
        ("http://[::1]:8080/v1", "--1"),
    ],
)
def test_who_encrypts(base_url: str, maker: str) -> None:
    result = ResponsesApi.at(base_url).result(
        call(MESSAGES, "openai"),
        HttpReply(
            200, {}, b'{"output":[{"type":"reasoning","encrypted_content":"gA"}],"status":"completed"}'
        ),
    )
    assert result.chat is not None
    assert result.chat.parts == [Reasoning("", f"{maker}:gA", redacted=True)]
