"""Chat requests between OpenAI's shape and the internal model; one table, both ways."""

import json

import msgspec
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
from pixapi.wire.json import decode_fields
from pixapi.wire.openai_chat import read_chat_request
from pixapi.wire.openai_chat_write import write_chat_request

HI = [{"role": "user", "content": "hi"}]
HELLO = [Message("user", [Text("hi")])]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def read(**body):
    """The request without what the caller calls things: test_translation.py has that."""
    request = read_chat_request(decode_fields(json.dumps({"model": "m", **body}).encode()))
    return msgspec.structs.replace(request, names={})


def message(*parts, role="user", name=None):
    return ChatRequest([Message(role, list(parts), name)])


BOTH_WAYS = [
    ("text", {"messages": HI}, ChatRequest(HELLO)),
    ("roles", {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u", "name": "bob"}]},
     ChatRequest([Message("system", [Text("s")]), Message("user", [Text("u")], "bob")])),
    ("an inline picture", {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}]}]},
     message(Text("see"), Image(data="AAAA", media_type="image/png", detail="low"))),
    ("a picture by address", {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}]}, message(Image(url="https://x/y.png"))),
    ("a file", {"messages": [{"role": "user", "content": [
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}}]}]},
     message(File(data="AAAA", media_type="application/pdf", filename="a.pdf"))),
    ("a call and its result", {"messages": [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]},
        {"role": "tool", "tool_call_id": "c", "content": "42"}]},
     ChatRequest([Message("assistant", [ToolCall("c", "f", '{"a":1}')]), Message("tool", [ToolResult("c", [Text("42")])])])),
    ("thoughts with their signatures", {"messages": [
        {"role": "assistant", "content": "yes", "reasoning_content": "hm", "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "sig"},
            {"type": "reasoning.encrypted", "data": "blob"}]}]},
     message(Reasoning("hm", "sig"), Reasoning("", "blob", redacted=True), Text("yes"), role="assistant")),
    ("bare thoughts", {"messages": [{"role": "assistant", "content": "yes", "reasoning_content": "hm"}]},
     message(Reasoning("hm"), Text("yes"), role="assistant")),
    ("tools", {"messages": HI, "tools": [{"type": "function", "function": {
        "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}}], "tool_choice": "required",
        "parallel_tool_calls": False},
     ChatRequest(HELLO, tools=[Tool("f", "d", SCHEMA, True)], tool_choice=ToolChoice("required"), parallel_tool_calls=False)),
    ("one tool", {"messages": HI, "tool_choice": {"type": "function", "function": {"name": "f"}}},
     ChatRequest(HELLO, tool_choice=ToolChoice("tool", "f"))),
    ("a schema", {"messages": HI, "response_format": {"type": "json_schema", "json_schema": {
        "name": "n", "schema": SCHEMA, "strict": True}}},
     ChatRequest(HELLO, response_format=ResponseFormat("json_schema", "n", SCHEMA, True))),
    ("json", {"messages": HI, "response_format": {"type": "json_object"}},
     ChatRequest(HELLO, response_format=ResponseFormat("json_object"))),
    ("numbers", {"messages": HI, "max_completion_tokens": 5, "temperature": 0.5, "top_p": 0.9, "top_k": 3,
                 "stop": ["a", "b"], "seed": 2**60, "n": 2, "reasoning_effort": "high", "user": "u"},
     ChatRequest(HELLO, max_output=5, temperature=0.5, top_p=0.9, top_k=3, stop=["a", "b"], seed=2**60, n=2,
                 reasoning_effort="high", user="u")),
    ("what has no word", {"messages": HI, "logprobs": True, "thinking": {"type": "enabled"}},
     ChatRequest(HELLO, extra={"logprobs": True, "thinking": {"type": "enabled"}})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "request_"), [case[1:] for case in BOTH_WAYS], ids=[c[0] for c in BOTH_WAYS]
)
def test_read_and_write_are_each_others_reverse(body, request_):
    assert read(**body) == request_
    assert write_chat_request(request_, model="m") == {"model": "m", **body}


ONE_WAY = [
    ("developer is system", {"messages": [{"role": "developer", "content": "s"}]}, message(Text("s"), role="system")),
    ("an empty content", {"messages": [{"role": "assistant", "content": ""}]}, message(role="assistant")),
    ("content as parts", {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "a"}]}]},
     message(Text("a"), role="assistant")),
    ("old cap", {"messages": HI, "max_tokens": 9}, ChatRequest(HELLO, max_output=9)),
    ("one stop", {"messages": HI, "stop": "x"}, ChatRequest(HELLO, stop=["x"])),
    ("nulls are absent", {"messages": HI, "stop": None, "tools": None, "temperature": None, "seed": None, "n": None},
     ChatRequest(HELLO)),
    ("no arguments", {"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f"}}]}]},
     message(ToolCall("c", "f", "{}"), role="assistant")),
    ("old functions", {"messages": HI, "functions": [{"name": "f"}], "function_call": {"name": "f"}},
     ChatRequest(HELLO, tools=[Tool("f")], tool_choice=ToolChoice("tool", "f"))),
    ("a budget for thought", {"messages": HI, "reasoning": {"max_tokens": 99, "effort": "low"}},
     ChatRequest(HELLO, reasoning_budget=99, reasoning_effort="low")),
    ("stream fields are the gateway's", {"messages": HI, "stream": True, "stream_options": {"include_usage": True}},
     ChatRequest(HELLO)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "request_"), [case[1:] for case in ONE_WAY], ids=[case[0] for case in ONE_WAY]
)
def test_other_spellings_are_read(body, request_):
    assert read(**body) == request_


WRONG = [
    ("messages", {}),
    ("messages", {"messages": "hi"}),
    ("messages", {"messages": [7]}),
    ("messages", {"messages": [{"role": "king", "content": "x"}]}),
    ("messages", {"messages": [{"role": "user", "content": 7}]}),
    ("messages", {"messages": [{"role": "user", "content": [7]}]}),
    ("messages", {"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
    ("messages", {"messages": [{"role": "user", "content": [{"type": "video"}]}]}),
    ("messages", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}),
    ("messages", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:x,y"}]}]}),
    ("messages", {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
    ("messages", {"messages": [{"role": "tool", "content": "x"}]}),
    ("messages", {"messages": [{"role": "tool", "tool_call_id": "c", "content": [
        {"type": "text", "text": "see"}, {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}]}]}),
    ("messages", {"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}),
    ("messages", {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]}),
    ("temperature", {"messages": HI, "temperature": "hot"}),
    ("temperature", {"messages": HI, "temperature": True}),
    ("top_p", {"messages": HI, "top_p": []}),
    ("seed", {"messages": HI, "seed": 1.5}),
    ("stop", {"messages": HI, "stop": [1]}),
    ("tools", {"messages": HI, "tools": {}}),
    ("tools", {"messages": HI, "tools": [{"type": "web_search"}]}),
    ("tools", {"messages": HI, "tools": [{"type": "function", "function": {}}]}),
    ("tools", {"messages": HI, "tools": [{"type": "function", "function": {"name": "f", "parameters": 7}}]}),
    ("tool_choice", {"messages": HI, "tool_choice": "maybe"}),
    ("tool_choice", {"messages": HI, "tool_choice": ["auto"]}),
    ("response_format", {"messages": HI, "response_format": {"type": "xml"}}),
    ("response_format", {"messages": HI, "response_format": "json"}),
    ("parallel_tool_calls", {"messages": HI, "parallel_tool_calls": "yes"}),
    ("max_tokens", {"messages": HI, "max_tokens": 0}),
    ("n", {"messages": HI, "n": 0}),
    ("user", {"messages": HI, "user": 7}),
]  # fmt: skip


@pytest.mark.parametrize(("param", "body"), WRONG)
def test_a_wrong_type_is_refused_by_name(param, body):
    with pytest.raises(BadRequest) as refusal:
        read(**body)
    assert refusal.value.param == param
    assert len(refusal.value.message) > 10


def test_tool_results_become_messages_of_their_own_and_their_images_one_of_the_user():
    results = [ToolResult("a", [Text("1")]), ToolResult("b", [Text("2"), Image(url="https://x/y")])]
    (one, two, rest) = write_chat_request(
        ChatRequest([Message("tool", [*results, Text("and?")])]), model="m"
    )["messages"]
    assert one == {"role": "tool", "tool_call_id": "a", "content": "1"}
    assert two == {"role": "tool", "tool_call_id": "b", "content": "2"}
    assert rest["role"] == "user"
    assert rest["content"] == [
        {"type": "image_url", "image_url": {"url": "https://x/y"}},
        {"type": "text", "text": "and?"},
    ]
