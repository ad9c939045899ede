"""The internal model as Gemini's request: what each thing is called there, and what cannot be said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import BadRequest
from pixapi.interfaces import (
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
from pixapi.wire.gemini_contents import UNSIGNED
from pixapi.wire.gemini_models import traits_of
from pixapi.wire.gemini_request import write_request
from pixapi.wire.json import encode

HI = Message("user", [Text("hi")])
CALL = ToolCall("call_1", "look", '{"at": 1}')


def written(*messages: Message, model: str = "gemini-2.5-flash", cap: int | None = None, **more: Any) -> Any:
    request = ChatRequest(messages=list(messages) or [HI], **more)
    return json.loads(encode(write_request(request, model=model, max_output=cap, maker="gemini")))


def contents(*messages: Message, model: str = "gemini-2.5-flash") -> Any:
    return written(*messages, model=model)["contents"]


def answer(*parts: Part) -> Message:
    return Message("assistant", list(parts))


def test_a_conversation() -> None:
    body = written(
        Message("system", [Text("Be kind.")]),
        Message("system", [Text("Be brief.")]),
        HI,
        answer(Text("hello")),
        Message("user", [Text("and")]),
        Message("user", [Text("so on")]),
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "Be kind."}, {"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"text": "hello"}]},
            {"role": "user", "parts": [{"text": "and"}, {"text": "so on"}]},
        ],
    }


def test_instructions_alone_are_what_the_user_says() -> None:
    assert written(Message("system", [Text("Say hi.")])) == {
        "contents": [{"role": "user", "parts": [{"text": "Say hi."}]}]
    }


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        (
            Image(data="AAAA", media_type="image/gif"),
            {"inlineData": {"mimeType": "image/gif", "data": "AAAA"}},
        ),
        (
            Image(url="https://example.com/a.jpg?x=1"),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a.jpg?x=1"}},
        ),
        (
            Image(url="https://example.com/a"),
            {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a"}},
        ),
        (
            File(data="AAAA", media_type="audio/wav"),
            {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
        ),
        (File(data="AAAA"), {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}}),
    ],
)
def test_images_and_files(part: Part, sent: dict[str, Any]) -> None:
    assert contents(Message("user", [part])) == [{"role": "user", "parts": [sent]}]


@pytest.mark.parametrize(
    "url",
    [
        "gs://a-bucket/secret.pdf",
        "https://generativelanguage.googleapis.com/v1beta/files/abc",
        "https://STORAGE.googleapis.com./a-bucket/secret.pdf",
        "https://storage.cloud.google.com/a/b",
        "file:///etc/passwd",
        "http://[",
        "files/abc",
    ],
)
def test_trap_14_files_of_the_operator_are_out_of_reach(url: str) -> None:
    with pytest.raises(BadRequest, match="operator"):
        contents(Message("user", [Image(url=url)]))


def test_calls_and_their_results() -> None:
    parts = contents(
        HI,
        answer(Text("I look."), CALL, ToolCall("call_2", "look", "{}")),
        Message("tool", [ToolResult("call_1", [Text("seen")])]),
        Message("tool", [ToolResult("call_2", [Text('{"temp": 3}')])]),
        Message("user", [Text("well?")]),
    )
    assert parts[1]["parts"][1] == {"functionCall": {"id": "call_1", "name": "look", "args": {"at": 1}}}
    assert parts[2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "call_1", "name": "look", "response": {"output": "seen"}}},
            {"functionResponse": {"id": "call_2", "name": "look", "response": {"temp": 3}}},
            {"text": "well?"},
        ],
    }


def test_results_that_are_errors_or_hold_images() -> None:
    result = ToolResult("call_1", [Text("no"), Image(data="AA", media_type="image/png")], is_error=True)
    said = contents(HI, answer(CALL), Message("tool", [result]))[2]["parts"][0]["functionResponse"]
    assert said["response"] == {"error": "no"}
    assert said["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]


def test_arguments_that_broke_off_are_shown_as_they_are() -> None:
    said = contents(HI, answer(ToolCall("c", "look", '{"at": ')), Message("tool", [ToolResult("c", [])]))
    assert said[1]["parts"][0]["functionCall"]["args"] == {"INVALID_JSON": '{"at": '}


# Trap 18: signatures


def signed(signature: str, text: str = "", maker: str = "gemini") -> Reasoning:
    return Reasoning(text, f"{maker}:{signature}")


@pytest.mark.parametrize(
    ("parts", "sent"),
    [
        ([signed("s"), CALL], [("call", "s")]),
        ([signed("s", "I thought"), CALL], [("call", "s")]),
        ([Reasoning("I thought"), CALL], [("call", None)]),
        ([signed("s"), Text("a")], [("a", "s")]),
        ([Text("a"), signed("s"), CALL], [("a", None), ("call", "s")]),
        ([signed("s"), Text("a"), CALL], [("a", None), ("call", "s")]),
        ([signed("s"), signed("t"), Text("a"), CALL], [("a", "s"), ("call", "t")]),
        ([signed("s"), Text("a"), signed("t"), CALL], [("a", "s"), ("call", "t")]),
        ([signed("s"), CALL, signed("t"), CALL], [("call", "s"), ("call", "t")]),
        ([Text("a"), signed("s")], [("a", None), ("", "s")]),
        ([signed("s", maker="anthropic"), CALL], [("call", None)]),
        ([Reasoning("", "gemini:s", redacted=True), Text("a")], [("a", None)]),
    ],
)
def test_a_signature_goes_on_the_part_that_followed_it(parts: list[Part], sent: list[Any]) -> None:
    (content,) = contents(answer(*parts))
    found = [
        ("call" if "functionCall" in part else part["text"], part.get("thoughtSignature"))
        for part in content["parts"]
    ]
    assert found == sent


@pytest.mark.parametrize(
    ("model", "signature"),
    [("gemini-3-pro-preview", UNSIGNED), ("gemini-flash-latest", UNSIGNED), ("gemini-2.5-pro", None)],
)
def test_a_call_without_a_signature_says_so_where_one_is_demanded(model: str, signature: str | None) -> None:
    """Only in the current turn, and only on the first call of each step."""
    old = [HI, answer(CALL), Message("tool", [ToolResult("call_1", [])])]
    now = [
        Message("user", [Text("again")]),
        answer(ToolCall("call_2", "look", "{}"), ToolCall("call_3", "look", "{}")),
        Message("tool", [ToolResult("call_2", []), ToolResult("call_3", [])]),
    ]
    said = contents(*old, *now, model=model)
    assert "thoughtSignature" not in said[1]["parts"][0]
    assert [part.get("thoughtSignature") for part in said[3]["parts"]] == [signature, None]


# Tools, formats, settings


@pytest.mark.parametrize(
    ("choice", "strict", "config"),
    [
        (None, None, None),
        (ToolChoice("auto"), None, None),
        (None, True, {"mode": "VALIDATED"}),
        (ToolChoice("none"), True, {"mode": "NONE"}),
        (ToolChoice("required"), None, {"mode": "ANY"}),
        (ToolChoice("tool", "look"), None, {"mode": "ANY", "allowedFunctionNames": ["look"]}),
    ],
)
def test_tools(choice: ToolChoice | None, strict: bool | None, config: Any) -> None:
    schema = {"type": "object", "$defs": {"a": {"type": ["string", "null"]}}}
    body = written(tools=[Tool("look", "Looks.", schema, strict), Tool("wait")], tool_choice=choice)
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "look", "description": "Looks.", "parametersJsonSchema": schema},
                {"name": "wait"},
            ]
        }
    ]
    assert body.get("toolConfig", {}).get("functionCallingConfig") == config


def test_settings() -> None:
    body = written(
        cap=77,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        seed=7,
        stop=["END"],
        extra={"presence_penalty": 0.1, "frequency_penalty": -0.1, "store": True},
    )
    assert body["generationConfig"] == {
        "maxOutputTokens": 77,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "seed": 7,
        "stopSequences": ["END"],
        "presencePenalty": 0.1,
        "frequencyPenalty": -0.1,
    }


@pytest.mark.parametrize(
    ("asked", "config"),
    [
        (ResponseFormat("text"), None),
        (ResponseFormat("json_object"), {"responseMimeType": "application/json"}),
        (
            ResponseFormat("json_schema", "a", {"type": "object"}),
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ),
    ],
)
def test_formats(asked: ResponseFormat, config: Any) -> None:
    assert written(response_format=asked).get("generationConfig") == config


@pytest.mark.parametrize(
    ("model", "effort", "budget", "config"),
    [
        ("gemini-2.0-flash", "high", None, None),
        ("gemma-3", "high", None, None),
        ("gemini-2.5-flash", None, None, None),
        ("gemini-2.5-flash", "none", None, {"thinkingBudget": 0}),
        ("gemini-2.5-flash", None, 0, {"thinkingBudget": 0}),
        ("gemini-2.5-pro", "none", None, {"thinkingBudget": 128}),
        ("gemini-2.5-flash", "low", None, {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", "max", None, {"thinkingBudget": 24_576, "includeThoughts": True}),
        ("gemini-2.5-flash-lite", None, 100, {"thinkingBudget": 512, "includeThoughts": True}),
        ("gemini-2.5-pro", None, 99_999, {"thinkingBudget": 32_768, "includeThoughts": True}),
        ("gemini-3-pro-preview", "none", None, {"thinkingLevel": "low"}),
        ("gemini-3-flash", "none", None, {"thinkingLevel": "minimal"}),
        ("gemini-3-pro-preview", "minimal", None, {"thinkingLevel": "low", "includeThoughts": True}),
        ("gemini-3-pro-preview", "medium", None, {"thinkingLevel": "high", "includeThoughts": True}),
        ("gemini-3.1-pro", "medium", None, {"thinkingLevel": "medium", "includeThoughts": True}),
        ("gemini-4-flash", "xhigh", None, {"thinkingLevel": "high", "includeThoughts": True}),
        ("gemini-3-flash", None, 2000, {"thinkingBudget": 2000, "includeThoughts": True}),
    ],
)
def test_thinking(model: str, effort: str | None, budget: int | None, config: Any) -> None:
    body = written(model=model, reasoning_effort=effort, reasoning_budget=budget)
    assert body.get("generationConfig", {}).get("thinkingConfig") == config


def test_thoughts_leave_half_of_the_cap_to_the_answer() -> None:
    body = written(model="gemini-2.5-flash", cap=1000, reasoning_effort="high")
    assert body["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 500


def test_what_is_said_to_google_alone() -> None:
    own = {"thinking_config": {"thinkingBudget": 7}, "safety_settings": [{"category": "X"}]}
    body = written(extra={"extra_body": {"google": own}})
    assert body["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 7}}
    assert body["safetySettings"] == [{"category": "X"}]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"extra": {"logprobs": True}}, "logprobs"),
        ({"extra": {"modalities": ["text", "audio"]}}, "modalities"),
        ({"extra": {"web_search_options": {}}}, "web_search_options"),
        ({"extra": {"extra_body": {"google": {"cached_content": "cachedContents/x"}}}}, "extra_body"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"reasoning_budget": -1}, "reasoning"),
        ({"tool_choice": ToolChoice("required")}, "tool_choice"),
        ({"model": "gemini-2.5-flash-image"}, "model"),
        ({"messages": [answer(Image(data="AA"))]}, "messages"),
        ({"messages": [Message("system", [Image(data="AA")])]}, "messages"),
        ({"messages": [Message("user", [CALL])]}, "messages"),
        ({"messages": [HI, Message("tool", [ToolResult("nobody", [])])]}, "messages"),
        ({"messages": [Message("user", [])]}, "messages"),
    ],
)
def test_what_cannot_be_said_is_refused(more: dict[str, Any], param: str) -> None:
    messages = more.pop("messages", [HI])
    with pytest.raises(BadRequest) as refused:
        written(*messages, **more)
    assert refused.value.param == param
    assert len(refused.value.message) > 20


def test_traits_of_names_with_their_path() -> None:
    assert traits_of("publishers/google/models/gemini-2.5-pro") == traits_of("gemini-2.5-pro-001")
    assert traits_of("models/gemini-pro-latest").levels == ("low", "medium", "high")
