"""Requests of the Responses API as the internal model, field by field; and what is refused, and how."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from pixapi.errors import BadRequest
from pixapi.interfaces import (
    Call,
    ChatReply,
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
from pixapi.wire.json import decode_fields
from pixapi.wire.responses_dialect import ResponsesDialect

DIALECT = ResponsesDialect()
HELLO = {"input": "hello"}
SAID = Message("user", [Text("hello")])
LOOK = {
    "type": "function",
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object"},
    "strict": True,
}
TOOL = Tool("look", "Looks.", {"type": "object"}, strict=True)
STARE = {"type": "function", "name": "stare"}
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at":1}'}
ANSWER = {"type": "function_call_output", "call_id": "c1", "output": "seen"}


def read(body: dict[str, Any]) -> ChatRequest:
    """The request without what the caller calls things and does without: test_translation.py has those."""
    request = DIALECT.read(decode_fields(json.dumps(body).encode()))
    return msgspec.structs.replace(request, names={}, dropped=())


CONVERSATIONS: list[tuple[str, Any, list[Message]]] = [
    ("a string", "hello", [SAID]),
    ("messages without a type", [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "hello"}],
     [Message("system", [Text("Be kind.")]), SAID]),
    ("messages with one", [{"type": "message", "role": "system", "content": [{"type": "input_text", "text": "a"}]},
                           {"type": "message", "role": "user", "content": "hello"}],
     [Message("system", [Text("a")]), SAID]),
    ("pictures", [{"role": "user", "content": [
        {"type": "input_image", "image_url": "https://e.x/a.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/gif;base64,R0lG"}]}],
     [Message("user", [Image(url="https://e.x/a.png", detail="low"), Image(data="R0lG", media_type="image/gif")])]),
    ("files", [{"role": "user", "content": [
        {"type": "input_file", "file_url": "https://e.x/a.pdf"},
        {"type": "input_file", "file_data": "data:text/plain;base64,aGk=", "filename": "a.txt"},
        {"type": "input_file", "file_data": "JVBE"}]}],
     [Message("user", [File(url="https://e.x/a.pdf"), File(data="aGk=", media_type="text/plain", filename="a.txt"),
                       File(data="JVBE", media_type="application/pdf")])]),
    ("one turn of the model is one message", [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"},
                                                        {"type": "summary_text", "text": "so"}],
         "encrypted_content": "anthropic:s"},
        {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
         "content": [{"type": "output_text", "text": "I look.", "annotations": []}]},
        CALL, {**CALL, "call_id": "c2", "arguments": ""}, ANSWER, {**ANSWER, "call_id": "c2"}],
     [Message("assistant", [Reasoning("hm\n\nso", "anthropic:s"), Text("I look."),
                            ToolCall("c1", "look", '{"at":1}'), ToolCall("c2", "look", "{}")]),
      Message("tool", [ToolResult("c1", [Text("seen")])]), Message("tool", [ToolResult("c2", [Text("seen")])])]),
    ("two texts are two messages", [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
     [Message("assistant", [Text("a")]), Message("assistant", [Text("b")])]),
    ("but not between a call and its answer", [CALL, {"role": "assistant", "content": "wait"}, ANSWER],
     [Message("assistant", [ToolCall("c1", "look", '{"at":1}'), Text("wait")]),
      Message("tool", [ToolResult("c1", [Text("seen")])])]),
    ("thoughts as the model had them", [{"type": "reasoning", "summary": [{"text": "short"}],
                                         "content": [{"type": "reasoning_text", "text": "long"}]}],
     [Message("assistant", [Reasoning("long")])]),
    ("a withheld thought", [{"type": "reasoning", "summary": [], "encrypted_content": "redacted:anthropic:d"}],
     [Message("assistant", [Reasoning("", "anthropic:d", redacted=True)])]),
    ("an answer with a picture", [{**ANSWER, "output": [{"type": "input_text", "text": "see"},
                                                        {"type": "input_image", "image_url": "https://e.x/b"}]}],
     [Message("tool", [ToolResult("c1", [Text("see"), Image(url="https://e.x/b")])])]),
    ("a refusal of before", [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}],
     [Message("assistant", [Text("no")])]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("items", "messages"), [c[1:] for c in CONVERSATIONS], ids=[c[0] for c in CONVERSATIONS]
)
def test_a_conversation(items: Any, messages: list[Message]) -> None:
    assert read({"input": items}).messages == messages


def test_instructions_come_first() -> None:
    assert read({**HELLO, "instructions": "Be kind."}).messages == [
        Message("system", [Text("Be kind.")]),
        SAID,
    ]
    assert read({"instructions": "Write."}).messages == [Message("system", [Text("Write.")])]


FIELDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("nothing but words", {}, {}),
    ("a tool", {"tools": [LOOK]}, {"tools": [TOOL]}),
    ("a bare tool", {"tools": [STARE]}, {"tools": [Tool("stare")]}),
    ("a choice", {"tools": [LOOK], "tool_choice": "required"}, {"tools": [TOOL], "tool_choice": ToolChoice("required")}),
    ("one function", {"tools": [LOOK], "tool_choice": {"type": "function", "name": "look"}},
     {"tools": [TOOL], "tool_choice": ToolChoice("tool", "look")}),
    ("allowed tools are all there is", {"tools": [LOOK, STARE], "tool_choice": {
        "type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]}},
     {"tools": [TOOL], "tool_choice": ToolChoice("auto")}),
    ("one at a time", {"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
    ("a schema", {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}}},
     {"response_format": ResponseFormat("json_schema", "a", {"type": "object"}, strict=True)}),
    ("any JSON", {"text": {"format": {"type": "json_object"}}}, {"response_format": ResponseFormat("json_object")}),
    ("verbosity", {"text": {"verbosity": "low"}}, {"extra": {"verbosity": "low"}}),
    ("effort", {"reasoning": {"effort": "high", "summary": "auto"}}, {"reasoning_effort": "high"}),
    ("a cap", {"max_output_tokens": 99}, {"max_output": 99}),
    ("sampling", {"temperature": 0, "top_p": 0.5}, {"temperature": 0.0, "top_p": 0.5}),
    ("who asks", {"user": "u", "safety_identifier": "s", "prompt_cache_key": "k"},
     {"user": "u", "extra": {"safety_identifier": "s", "prompt_cache_key": "k"}}),
    ("no state", {"store": False, "background": False, "previous_response_id": None, "conversation": None}, {}),
    ("what only steers", {"metadata": {"a": "b"}, "truncation": "auto", "max_tool_calls": 3, "stream_options": {},
                          "include": ["reasoning.encrypted_content", "file_search_call.results"]}, {}),
    ("a field of tomorrow", {"a_field_of_tomorrow": [1]}, {"extra": {"a_field_of_tomorrow": [1]}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"), [case[1:] for case in FIELDS], ids=[case[0] for case in FIELDS]
)
def test_a_field(more: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read({**HELLO, **more}) == ChatRequest(messages=[SAID], **expected)


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "input", "input is missing or empty"),
    ({"input": []}, "input", "missing or empty"),
    ({"input": 5}, "input", "neither a string nor a list"),
    ({"input": ["hello"]}, "input", "of type ''"),
    ({"input": [{"role": "king", "content": "x"}]}, "input", "no known role"),
    ({"input": [{"role": "user", "content": 5}]}, "input", "neither a string nor a list of parts"),
    ({"input": [{"role": "user", "content": [{"type": "smell"}]}]}, "input", "of type 'smell'"),
    ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input", "has no text"),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}, "input", "stored files"),
    ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "input", "stored files"),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png,x"}]}]},
     "input", "not base64"),
    ({"input": [{"type": "web_search_call", "id": "ws"}]}, "input", "of type 'web_search_call'"),
    ({"input": [{"type": "function_call", "name": "look"}]}, "input", "without call_id"),
    ({"input": [{"type": "function_call_output", "output": "x"}]}, "input", "no call_id"),
    ({"input": [{**ANSWER, "output": 5}]}, "input", "neither a string nor a list of parts"),
    ({"input": [{**ANSWER, "output": [{"type": "input_file", "file_url": "u"}]}]}, "input", "is a file"),
    ({**HELLO, "instructions": 5}, "instructions", "expected a string"),
    ({**HELLO, "tools": "look"}, "tools", "expected a list"),
    ({**HELLO, "tools": [{"type": "web_search"}]}, "tools", "'web_search'"),
    ({**HELLO, "tools": [{"type": "function"}]}, "tools", "no name"),
    ({**HELLO, "tools": [{**LOOK, "parameters": 5}]}, "tools", "no JSON schema"),
    ({**HELLO, "tool_choice": {"type": "mcp"}}, "tool_choice", "not understood"),
    ({**HELLO, "text": {"format": {"type": "grammar"}}}, "text", "not understood"),
    ({**HELLO, "text": "short"}, "text", "expected an object"),
    ({**HELLO, "temperature": "hot"}, "temperature", "expected a number"),
    ({**HELLO, "max_output_tokens": 0}, "max_output_tokens", "not a positive"),
    ({**HELLO, "top_logprobs": 2}, "top_logprobs", "not offered"),
    ({**HELLO, "include": ["message.output_text.logprobs"]}, "top_logprobs", "not offered"),
    ({**HELLO, "moderation": {"model": "m"}}, "moderation", "not offered"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "param", "words"), REFUSED, ids=[case[2] + " " + case[1] for case in REFUSED]
)
def test_a_wrong_shape_is_refused_with_a_sentence(body: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        read(body)
    assert (refusal.value.param, refusal.value.code) == (param, "invalid_request")
    assert words in refusal.value.message


STATEFUL: list[tuple[dict[str, Any], str]] = [
    ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ({"conversation": "conv_1"}, "conversation"),
    ({"conversation": {"id": "conv_1"}}, "conversation"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ({"store": True}, "store"),
    ({"background": True}, "background"),
    ({"input": [{"type": "item_reference", "id": "rs_1"}]}, "input"),
]


@pytest.mark.parametrize(("more", "param"), STATEFUL, ids=[json.dumps(case[0])[:40] for case in STATEFUL])
def test_what_needs_stored_state_is_refused_before_anything_is_priced(
    more: dict[str, Any], param: str
) -> None:
    fields = decode_fields(json.dumps({**HELLO, **more}).encode())
    with pytest.raises(BadRequest) as sized:
        DIALECT.sizes(fields, 100)
    with pytest.raises(BadRequest) as refused:
        DIALECT.read(fields)
    for refusal in (sized.value, refused.value):
        assert (refusal.param, refusal.code) == (param, "unsupported_parameter")
        assert param in refusal.message


@pytest.mark.parametrize(("value", "streams"), [(True, True), (False, False), (None, False)])
def test_whether_it_streams(value: bool | None, streams: bool) -> None:
    assert DIALECT.streams(decode_fields(json.dumps({"stream": value}).encode())) is streams
    assert DIALECT.streams({}) is False
    with pytest.raises(BadRequest):
        DIALECT.streams(decode_fields(b'{"stream":"yes"}'))


EVERYTHING: dict[str, Any] = {
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "u"},
                                     {"type": "input_file", "file_url": "u", "filename": "f"}]},
        {"type": "reasoning", "summary": [{"text": "hm"}], "content": [{"text": "hm"}], "encrypted_content": "a:b"},
        CALL, {**ANSWER, "output": [{"type": "input_text", "text": "x"}]},
    ],
    "instructions": "Be kind.", "tools": [LOOK], "text": {"format": {"type": "json_schema", "name": "a", "schema": {}},
                                                          "verbosity": "low"},
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
    "reasoning": {"effort": "low"}, "include": ["x"], "metadata": {}, "user": "u", "temperature": 1, "top_logprobs": 0,
    "max_output_tokens": 9, "parallel_tool_calls": True, "store": False, "stream": True,
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a value, as the path to it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield (*path, name)
        yield from places(item, (*path, name))


@pytest.mark.parametrize("odd", [None, 5, -1.5, True, "x", "", [], {}, [None], [[]], {"a": None}], ids=repr)
def test_whatever_stands_anywhere_is_read_or_refused_with_a_sentence(odd: Any) -> None:
    call = Call("r", "chat", "responses", "alias", "m", {}, "resp_1", 1)
    for *path, last in places(EVERYTHING):
        body = copy.deepcopy(EVERYTHING)
        holder: Any = body
        for name in path:
            holder = holder[name]
        holder[last] = odd
        call.fields = decode_fields(json.dumps(body).encode())
        json.loads(DIALECT.reply(call, ChatReply([Text("hi")], "stop"), None))
        for look in (DIALECT.read, lambda fields: DIALECT.sizes(fields, 9), DIALECT.streams):
            try:
                look(call.fields)
            except BadRequest as refusal:
                assert len(refusal.message) > 20  # noqa: PT017
