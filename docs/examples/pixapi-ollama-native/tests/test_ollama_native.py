"""The contract, and what this vendor is told and says in its own words (docs.ollama.com/api)."""

import json
from collections.abc import Callable
from typing import Any

import pixapi_ollama_native as ollama
import pytest

from pixapi import interfaces as pix
from pixapi.errors import (
    BadRequest,
    UpstreamBusy,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.testing import Recorded, provider_contract

(kind,) = ollama.pixapi_register_providers()
COUNTED = b'"done":true,"done_reason":"stop","total_duration":5,"prompt_eval_count":26,"eval_count":8}'
USAGE = pix.Usage(input=26, output=8)
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}},
}


def lines(*texts: bytes) -> bytes:
    return b"".join(text + b"\n" for text in texts)


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


RECORDED = [
    Recorded(
        "a greeting",
        b'{"model":"m","message":{"role":"assistant","content":"Gr\xc3\xbc\xc3\x9f dich!","thinking":"Hm."},'
        + COUNTED,
        text="Grüß dich!",
        reasoning="Hm.",
        finish_reason="stop",
        usage=USAGE,
    ),
    Recorded(
        "a tool",
        b'{"message":{"role":"assistant","content":"","images":null,"tool_calls":[{"function":{"name":"look",'
        b'"arguments":{"far": 12345678901234567890123}}}]},' + COUNTED,
        text="",
        tool_calls=(("look", {"far": 12345678901234567890123}),),
        finish_reason="tool_calls",
    ),
    Recorded(
        "a stream",
        lines(
            b'{"model":"m","created_at":"t","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}',
            b'{"message":{"role":"assistant","content":"","thinking":"\xe2\x80\xa6"},"done":false}',
            b'{"message":{"role":"assistant","content":"Gr\xc3\xbc\xc3\x9f"},"done":false}',
            b'{"message":{"role":"assistant","content":" dich"},"done":false}',
            b'{"message":{"role":"assistant","content":""},' + COUNTED.replace(b"stop", b"length"),
        ),
        is_stream=True,
        text="Grüß dich",
        reasoning="Hm…",
        finish_reason="length",
        usage=USAGE,
    ),
    Recorded(
        "tools in a stream",
        lines(
            b'{"message":{"content":"","tool_calls":[{"function":{"name":"a","arguments":{"n":[1]}}}]},"done":false}',
            b'{"message":{"content":"","tool_calls":[{"id":"x1","function":{"name":"b","arguments":{}}},'
            b'{"function":{"name":"c"}}]},"done":false}',
            b'{"message":{"content":""},' + COUNTED,
        ),
        is_stream=True,
        tool_calls=(("a", {"n": [1]}), ("b", {}), ("c", {})),
        finish_reason="tool_calls",
    ),
    Recorded(
        "an error within a stream",
        lines(b'{"message":{"content":"Yes"},"done":false}', b'{"error":"an error was encountered"}'),
        is_stream=True,
        error=UpstreamError,
    ),
    Recorded("an error with status 200", b'{"error":"an error was encountered"}', error=UpstreamError),
    Recorded("half an answer", b'{"message":{"content":"Yes"},"done":false}', error=UpstreamInvalid),
    Recorded("no such model", b'{"error":"model \'x\' not found"}', status=404, error=UpstreamRejected),
    Recorded("no tools", b'{"error":"m does not support tools"}', status=400, error=UpstreamRejected),
    Recorded("a wrong key", b'{"error":"unauthorized"}', status=401, error=UpstreamDenied),
    Recorded("too many", b'{"error":"server busy, please try again"}', status=503, error=UpstreamBusy),
    Recorded(
        "embeddings",
        b'{"model":"m","embeddings":[[0.5,-0.25]],"prompt_eval_count":3}',
        operation="embeddings",
        usage=pix.Usage(input=3),
    ),
]
test_contract = provider_contract(kind, {"api_key": "a-key-for-tests"}, RECORDED)

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def provider() -> pix.Provider:
    return kind.build(ollama.Config())


@pytest.fixture
def ask(provider: pix.Provider, pixapi_call: Callable[..., pix.Call]) -> Ask:
    """The body that is sent for a call."""
    return lambda *said, **more: json.loads(provider.request(pixapi_call(*said, **more)).body)


def test_a_plain_call(ask: Ask) -> None:
    assert ask(
        "hi", output_cap=9, stream=True, temperature=0.5, stop="END", presence_penalty=1, user="ada"
    ) == {
        "model": "model-of-the-route",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "options": {"num_predict": 9, "temperature": 0.5, "stop": ["END"], "presence_penalty": 1},
    }


def test_a_conversation_with_tools(ask: Ask) -> None:
    called = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"far":1.50}'}}
    messages = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "See?"}, image(PIXEL)]},
        {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_1", "content": "A dot."},
    ]
    body = ask(messages=messages, tools=[TOOL], output_cap=9)
    assert body["tools"] == [TOOL]
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "See?", "images": [PIXEL.partition(",")[2]]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "Hm.",
            "tool_calls": [{"id": "call_1", "function": {"name": "look", "arguments": {"far": 1.5}}}],
        },
        {"role": "tool", "content": "A dot.", "tool_name": "look", "tool_call_id": "call_1"},
    ]


def test_results_beside_text(provider: pix.Provider, pixapi_call: Callable[..., pix.Call]) -> None:
    """As the Messages API has them: in the user's next message."""
    call = pixapi_call()
    results: list[pix.Part] = [
        pix.ToolResult("1", [pix.Text("A dot.")]),
        pix.ToolResult("2", [pix.Text("A line.")]),
    ]
    tools: list[pix.Part] = [pix.ToolCall("1", "look", "{}"), pix.ToolCall("2", "feel", "{}")]
    turns = [pix.Message("assistant", tools), pix.Message("user", [*results, pix.Text("And now?")])]
    call.chat = pix.ChatRequest(turns)
    said = json.loads(provider.request(call).body)["messages"][1:]
    assert [(one["role"], one.get("tool_name"), one["content"]) for one in said] == [
        ("tool", "look", "A dot."),
        ("tool", "feel", "A line."),
        ("user", None, "And now?"),
    ]


@pytest.mark.parametrize(
    ("more", "name", "expected"),
    [
        ({"reasoning_effort": "none"}, "think", False),
        ({"reasoning_effort": "minimal"}, "think", "low"),
        ({"reasoning": {"max_tokens": 2000}}, "think", True),
        ({}, "think", None),
        ({"tools": [TOOL], "tool_choice": "none"}, "tools", None),
        ({"response_format": {"type": "json_object"}}, "format", "json"),
        ({"response_format": {"type": "text"}}, "format", None),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"type": "object"}},
                }
            },
            "format",
            {"type": "object"},
        ),
    ],
)
def test_what_steers_the_answer(ask: Ask, more: dict[str, Any], name: str, expected: object) -> None:
    assert ask(**more).get(name) == expected


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [TOOL], "tool_choice": "required"},
        {"tools": [TOOL], "parallel_tool_calls": False},
        {"n": 2},
        {"messages": [{"role": "user", "content": [image("https://a.example/b")]}]},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "QQ=="}}]}]},
    ],
)
def test_what_it_has_no_word_for(ask: Ask, more: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        ask(**more)


def test_a_count_that_is_half_there_is_none(
    provider: pix.Provider, pixapi_call: Callable[..., pix.Call]
) -> None:
    """So that the input is charged by an estimate, and not as nothing."""
    reply = pix.HttpReply(200, {}, b'{"message":{"content":"Yes"},"done":true,"eval_count":2}')
    assert provider.result(pixapi_call(), reply).usage is None


def test_ids_that_it_does_not_give(provider: pix.Provider, pixapi_call: Callable[..., pix.Call]) -> None:
    (reply,) = (item for item in RECORDED if item.name == "tools in a stream")
    call = pixapi_call(stream=True)
    events = provider.decoder(call).feed(reply.body)
    ids = [event.id for event in events if isinstance(event, pix.ToolCallDelta)]
    assert ids == [f"{call.reply_id}_0", "x1", f"{call.reply_id}_2"]


@pytest.mark.parametrize("key", [None, "a-key"])
def test_a_key_is_sent_where_there_is_one(key: str | None) -> None:
    config = ollama.Config(base_url="https://a.example/", api_key=None if key is None else pix.Secret(key))
    probe = kind.build(config).probe()
    assert probe is not None
    assert (probe.method, probe.url) == ("GET", "https://a.example/api/tags")
    assert dict(probe.headers).get("authorization") == (None if key is None else "Bearer a-key")
