"""From the internal model to the body of `POST /v1/messages`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from pixapi.wire.anthropic_request import write_request
from pixapi.wire.json import encode

OLD, NEW = "2023-06-01", "2026-10-21"
HELLO = [Message("user", [Text("hello")])]
WEATHER = Tool("weather", "Tells the weather", {"type": "object", "properties": {"city": {"type": "string"}}})


def body(
    messages: list[Message] = HELLO,
    *,
    model: str = "claude-sonnet-4-5",
    version: str = OLD,
    cap: int = 1000,
    **asked: Any,
) -> dict[str, Any]:
    request = ChatRequest(messages=messages, **asked)
    said = write_request(
        request, model=model, max_tokens=cap, version=version, maker="anthropic", stream=False
    )
    return json.loads(encode(said))


def turns(*messages: Message) -> list[Any]:
    return body(list(messages))["messages"]


def said(*parts: Part) -> Message:
    return Message("assistant", list(parts))


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_the_smallest_request() -> None:
    assert body() == {
        "model": "claude-sonnet-4-5", "max_tokens": 1000, "messages": [{"role": "user", "content": [text("hello")]}],
    }  # fmt: skip


def test_instructions_lie_outside_the_messages() -> None:
    messages = [
        Message("system", [Text("Be kind.")]), *HELLO, said(Text("hi")),
        Message("system", [Text("Be short."), Text(" ")]), Message("user", [Text("and?")]),
    ]  # fmt: skip
    written = body(messages)
    assert written["system"] == [text("Be kind."), text("Be short.")]
    assert [turn["role"] for turn in written["messages"]] == ["user", "assistant", "user"]


def test_instructions_alone_are_said_by_the_user() -> None:
    written = body([Message("system", [Text("Be kind.")]), Message("system", [Text("Say hi.")])])
    assert written["system"] == [text("Be kind.")]
    assert written["messages"] == [{"role": "user", "content": [text("Say hi.")]}]


def test_neighbours_of_one_role_become_one_turn_and_empty_text_goes() -> None:
    written = turns(
        Message("user", [Text("a")]), Message("user", [Text(""), Text("b")]), said(Text(" ")), said(Text("c")),
        Message("user", [Text("d")]),
    )  # fmt: skip
    assert written == [
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": [text("c")]},
        {"role": "user", "content": [text("d")]},
    ]


def test_an_answer_to_be_continued_does_not_end_with_space() -> None:
    assert turns(*HELLO, said(Text("It is ")))[-1]["content"] == [text("It is")]


def test_results_of_parallel_calls_come_first_in_one_turn() -> None:
    written = turns(
        *HELLO,
        said(
            Text("I look."),
            ToolCall("call_1", "weather", '{"city":"Rome"}'),
            ToolCall("call.2", "weather", ""),
        ),
        Message("tool", [ToolResult("call_1", [Text("sunny")])]),
        Message("tool", [ToolResult("call.2", [Text("")], is_error=True)]),
        Message("user", [Text("thanks")]),
    )
    assert written[1]["content"] == [
        text("I look."),
        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rome"}},
        {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"INVALID_JSON": ""}},
    ]
    assert written[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "content": [text("sunny")]},
        {"type": "tool_result", "tool_use_id": "call_2", "is_error": True},
        text("thanks"),
    ]


def test_arguments_are_sent_back_as_they_were_written() -> None:
    """Trap 26: numbers beyond 2**53 among them."""
    request = ChatRequest([*HELLO, said(ToolCall("c", "f", '{"n": 12345678901234567890.10}'))])
    written = write_request(request, model="claude", max_tokens=9, version=NEW, maker="m", stream=True)
    assert b'{"n": 12345678901234567890.10}' in encode(written)
    assert written["stream"] is True


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Image(url="https://example.com/a.png"), {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}),
        (Image(data="QUJD", media_type="image/webp"),
         {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "QUJD"}}),
        (File(data="QUJD", media_type="application/pdf", filename="a.pdf"),
         {"type": "document", "title": "a.pdf",
          "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}}),
        (File(data="QUJD", media_type="text/csv"),
         {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "ABC"}}),
        (File(data="QUJD", media_type="image/png"),
         {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}),
        (File(url="https://example.com/a.pdf"), {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}),
    ],
)  # fmt: skip
def test_images_and_documents(part: Part, block: dict[str, Any]) -> None:
    assert turns(Message("user", [part])) == [{"role": "user", "content": [block]}]


def test_trap_18_thoughts_go_back_to_whom_they_came_from_and_to_nobody_else() -> None:
    written = turns(
        *HELLO,
        said(Reasoning("mine", "anthropic:sig"), Reasoning("", "anthropic:data", redacted=True), Reasoning("unsigned"),
             Reasoning("another's", "elsewhere:sig"), Reasoning("raw", "sig"), Text("hi")),
    )  # fmt: skip
    assert written[1]["content"] == [
        {"type": "thinking", "thinking": "mine", "signature": "sig"},
        {"type": "redacted_thinking", "data": "data"},
        text("hi"),
    ]


@pytest.mark.parametrize(
    ("asked", "choice"),
    [
        ({}, None),
        ({"tool_choice": ToolChoice("auto")}, {"type": "auto"}),
        ({"tool_choice": ToolChoice("none")}, {"type": "none"}),
        ({"tool_choice": ToolChoice("none"), "parallel_tool_calls": False}, {"type": "none"}),
        ({"tool_choice": ToolChoice("required")}, {"type": "any"}),
        ({"tool_choice": ToolChoice("tool", "weather")}, {"type": "tool", "name": "weather"}),
        ({"parallel_tool_calls": True}, None),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"tool_choice": ToolChoice("required"), "parallel_tool_calls": False},
         {"type": "any", "disable_parallel_tool_use": True}),
    ],
)  # fmt: skip
def test_choice_of_tools(asked: dict[str, Any], choice: Any) -> None:
    written = body(tools=[WEATHER], **asked)
    assert written.get("tool_choice") == choice
    assert written["tools"] == [
        {"name": "weather", "description": "Tells the weather", "input_schema": WEATHER.parameters}
    ]


def test_a_tool_without_parameters_and_a_strict_one() -> None:
    strict = Tool("s", None, {"type": "object", "properties": {"o": {"type": "object"}}}, strict=True)
    assert body(tools=[Tool("bare"), strict])["tools"] == [
        {"name": "bare", "input_schema": {"type": "object", "properties": {}}},
        {"name": "s", "strict": True, "input_schema": {
            "type": "object", "additionalProperties": False,
            "properties": {"o": {"type": "object", "additionalProperties": False}},
        }},
    ]  # fmt: skip


def test_a_schema_for_the_answer() -> None:
    schema = {
        "type": "object",
        "properties": {"default": {"type": ["object", "null"], "enum": [{"type": "object"}]}},
    }
    written = body(
        response_format=ResponseFormat("json_schema", "a", schema, strict=True),
        reasoning_effort="low",
        model="claude-opus-4-6",
    )
    assert written["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {
            "type": "object", "additionalProperties": False, "properties": {"default": {
                "type": ["object", "null"], "enum": [{"type": "object"}], "additionalProperties": False,
            }},
        }},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "version", "asked", "sent"),
    [
        ("claude-haiku-4-5", OLD, {"temperature": 0.2, "top_k": 40}, {"temperature": 0.2, "top_k": 40}),
        ("claude-haiku-4-5", NEW, {"temperature": 0.2, "top_p": 0.9, "top_k": 40}, {}),
        ("claude-haiku-4-5", OLD, {"temperature": 1.7, "top_p": 0.9}, {"temperature": 1.0}),
        ("claude-haiku-4-5", OLD, {"top_p": 0.9}, {"top_p": 0.9}),
        ("claude-3-haiku-20240307", OLD, {"temperature": 0.3, "top_p": 0.9}, {"temperature": 0.3, "top_p": 0.9}),
        ("claude-opus-4-8", OLD, {"temperature": 0.2}, {}),
        ("claude-opus-5-5", OLD, {"temperature": 0.2}, {}),
        ("claude-sonnet-4-6", OLD, {"temperature": 0.2, "reasoning_effort": "low"}, {}),
        ("deepseek-v4", OLD, {"temperature": 1.5, "top_p": 0.9}, {"temperature": 1.5, "top_p": 0.9}),
    ],
)  # fmt: skip
def test_sampling_goes_only_where_it_is_taken(
    model: str, version: str, asked: dict[str, Any], sent: dict[str, Any]
) -> None:
    written = body(model=model, version=version, **asked)
    assert {name: written[name] for name in ("temperature", "top_p", "top_k") if name in written} == sent


def test_stop_user_and_what_is_this_apis_own() -> None:
    extra = {"cache_control": {"type": "ephemeral"}, "store": True, "seed": 1, "safety_identifier": "u2"}
    written = body(stop=["END"], user="u1", extra=extra, seed=7)
    assert written["stop_sequences"] == ["END"]
    assert written["metadata"] == {"user_id": "u1"}
    assert written["cache_control"] == {"type": "ephemeral"}
    assert not {"store", "seed", "safety_identifier"} & written.keys()
    assert body(extra={"safety_identifier": "u2"})["metadata"] == {"user_id": "u2"}


@pytest.mark.parametrize(
    ("param", "asked"),
    [
        ("n", {"n": 2}),
        ("logprobs", {"extra": {"logprobs": True}}),
        ("top_logprobs", {"extra": {"top_logprobs": 3}}),
        ("logit_bias", {"extra": {"logit_bias": {"1": 1}}}),
        ("modalities", {"extra": {"modalities": ["text", "audio"]}}),
        ("audio", {"extra": {"audio": {"voice": "x"}}}),
        ("web_search_options", {"extra": {"web_search_options": {}}}),
        ("stop", {"stop": ["\n"]}),
        ("tool_choice", {"tool_choice": ToolChoice("required")}),
        ("response_format", {"response_format": ResponseFormat("json_object")}),
        ("reasoning_effort", {"reasoning_effort": "huge"}),
        ("reasoning", {"reasoning_budget": 10}),
        ("thinking", {"extra": {"thinking": "yes"}}),
        ("messages", {"messages": [Message("system", [Image(url="https://example.com")])]}),
        ("messages", {"messages": [*HELLO, said(Image(url="https://example.com"))]}),
        ("messages", {"messages": [*HELLO, said(File(data="QQ==", media_type="application/pdf"))]}),
        ("messages", {"messages": [Message("user", [File(data="QQ==", media_type="audio/wav")])]}),
        ("messages", {"messages": [Message("user", [File(data="%", media_type="text/plain")])]}),
        ("messages", {"messages": [Message("user", [Text("  ")])]}),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_by_name(param: str, asked: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as caught:
        body(**asked)
    assert caught.value.param == param


def test_harmless_spellings_of_the_same_are_not_refused() -> None:
    extra = {
        "logprobs": False,
        "top_logprobs": 0,
        "logit_bias": {},
        "modalities": ["text"],
        "frequency_penalty": 0.5,
    }
    assert body(extra=extra, tool_choice=ToolChoice("auto")) == body()
