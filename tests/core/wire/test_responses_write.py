"""The internal model as a request of the Responses API; and what cannot be said there."""

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
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from pixapi.wire.json import encode
from pixapi.wire.responses_write import ENCRYPTED, write_request

SAID = [Message("user", [Text("hello")])]
PLAIN: dict[str, Any] = {
    "model": "gpt-5",
    "input": [{"role": "user", "content": "hello"}],
    "store": False,
    "include": [ENCRYPTED],
}


def written(request: ChatRequest, **more: Any) -> dict[str, Any]:
    settings = {
        "model": "gpt-5",
        "max_output": None,
        "maker": "openai",
        "stream": False,
        "summary": None,
        **more,
    }
    return json.loads(encode(write_request(request, **settings)))


def asked(**more: Any) -> ChatRequest:
    return ChatRequest(messages=SAID, **more)


FIELDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("nothing but words", {}, {}),
    ("a tool", {"tools": [Tool("look", "Looks.", {"type": "object"}, strict=True), Tool("stare")]},
     {"tools": [{"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"},
                 "strict": True},
                {"type": "function", "name": "stare", "parameters": {"type": "object", "properties": {}},
                 "strict": False}]}),
    ("a choice", {"tool_choice": ToolChoice("required")}, {"tool_choice": "required"}),
    ("one function", {"tool_choice": ToolChoice("tool", "look")},
     {"tool_choice": {"type": "function", "name": "look"}}),
    ("one at a time", {"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
    ("a schema", {"response_format": ResponseFormat("json_schema", None, {"type": "object"}, strict=True)},
     {"text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": True}}}),
    ("any JSON", {"response_format": ResponseFormat("json_object")}, {"text": {"format": {"type": "json_object"}}}),
    ("a cap", {"max_output": 9}, {"max_output_tokens": 9}),
    ("sampling", {"temperature": 0.0, "top_p": 0.5}, {"temperature": 0.0, "top_p": 0.5}),
    ("effort", {"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
    ("who asks", {"user": "u", "extra": {"safety_identifier": "s", "metadata": {"a": "b"}}},
     {"user": "u", "safety_identifier": "s", "metadata": {"a": "b"}}),
    ("verbosity", {"extra": {"verbosity": "low"}}, {"text": {"verbosity": "low"}}),
    ("what only steers chance", {"seed": 7, "top_k": 3, "extra": {"frequency_penalty": 1, "store": True}}, {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"), [case[1:] for case in FIELDS], ids=[case[0] for case in FIELDS]
)
def test_a_field(more: dict[str, Any], expected: dict[str, Any]) -> None:
    assert written(asked(**more)) == PLAIN | expected


def test_what_the_provider_adds() -> None:
    sent = written(asked(max_output=900), max_output=5, stream=True, summary="auto")
    assert sent == PLAIN | {"max_output_tokens": 5, "stream": True, "reasoning": {"summary": "auto"}}


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "openai.gpt-oss-120b", "chatgpt-4o-latest"])
def test_models_that_have_no_thoughts_to_encrypt_are_not_asked_for_them(model: str) -> None:
    sent = written(asked(), model=model, summary="auto")
    assert "include" not in sent
    assert "reasoning" not in sent


CONVERSATIONS: list[tuple[str, list[Message], list[dict[str, Any]]]] = [
    ("instructions", [Message("system", [Text("Be kind.")])], [{"role": "system", "content": "Be kind."}]),
    ("a turn of the model", [Message("assistant", [
        Reasoning("hm", "openai:gAAA"), Reasoning("", "openai:gBBB", redacted=True), Text("I look."),
        ToolCall("c1", "look", "{}")])],
     [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAA"},
      {"type": "reasoning", "summary": [], "encrypted_content": "gBBB"},
      {"role": "assistant", "content": "I look."},
      {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}]),
    ("thoughts of others stay away", [Message("assistant", [
        Reasoning("hm", "anthropic:s"), Reasoning("hm"), Text("hi")])], [{"role": "assistant", "content": "hi"}]),
    ("answers of tools", [Message("tool", [ToolResult("c1", [Text("a"), Text("b")])]),
                          Message("user", [ToolResult("c2", [Image(url="u")]), Text("and?")])],
     [{"type": "function_call_output", "call_id": "c1", "output": "ab"},
      {"type": "function_call_output", "call_id": "c2",
       "output": [{"type": "input_image", "image_url": "u", "detail": "auto"}]},
      {"role": "user", "content": "and?"}]),
    ("pictures and files", [Message("user", [
        Text("see"), Image(data="R0", media_type="image/gif", detail="low"), File(url="https://e.x/a.pdf"),
        File(data="JV", media_type="application/pdf", filename="a.pdf"), File(data="aa", media_type="image/png")])],
     [{"role": "user", "content": [
         {"type": "input_text", "text": "see"},
         {"type": "input_image", "image_url": "data:image/gif;base64,R0", "detail": "low"},
         {"type": "input_file", "file_url": "https://e.x/a.pdf"},
         {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JV"},
         {"type": "input_image", "image_url": "data:image/png;base64,aa", "detail": "auto"}]}]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("messages", "items"), [c[1:] for c in CONVERSATIONS], ids=[c[0] for c in CONVERSATIONS]
)
def test_a_conversation(messages: list[Message], items: list[dict[str, Any]]) -> None:
    assert written(ChatRequest(messages=messages))["input"] == items


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"stop": ["END"]}, "stop"),
        ({"extra": {"logprobs": True}}, "logprobs"),
        ({"extra": {"top_logprobs": 2}}, "top_logprobs"),
        ({"extra": {"logit_bias": {"1": 2}}}, "logit_bias"),
        ({"extra": {"modalities": ["text", "audio"]}}, "modalities"),
        ({"extra": {"web_search_options": {}}}, "web_search_options"),
    ],
)
def test_what_cannot_be_said_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        written(asked(**more))
    assert refusal.value.param == param


def test_the_model_shows_no_pictures() -> None:
    with pytest.raises(BadRequest):
        written(ChatRequest(messages=[Message("assistant", [Image(url="u")])]))
