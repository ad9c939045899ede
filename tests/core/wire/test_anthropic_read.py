"""Requests of callers of the Messages API, read into the internal model, and back."""

from __future__ import annotations

import base64
import json
from typing import Any

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
from pixapi.wire.anthropic_read import read_messages_request
from pixapi.wire.anthropic_request import write_request
from pixapi.wire.json import decode_fields, encode
from pixapi.wire.openai_chat_write import foreign_chat_request, write_chat_request

HI = [{"role": "user", "content": "hi"}]
SAID = [Message("user", [Text("hi")])]
PNG = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}, "additionalProperties": False}


def read(body: dict[str, Any] | bytes) -> ChatRequest:
    """The request without what the caller calls things and does without: test_translation.py has those."""
    text = body if isinstance(body, bytes) else json.dumps({"model": "m", "max_tokens": 50, **body}).encode()
    return msgspec.structs.replace(read_messages_request(decode_fields(text)), names={}, dropped=())


def user(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


PARTS: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("text", {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, [Text("a")]),
    ("inline image", {"type": "image", "source": PNG}, [Image(data="AAAA", media_type="image/png")]),
    ("image by url", {"type": "image", "source": {"type": "url", "url": "https://x/y"}}, [Image(url="https://x/y")]),
    (
        "pdf",
        {"type": "document", "title": "t.pdf", "source": {**PNG, "media_type": "application/pdf"}},
        [File(data="AAAA", media_type="application/pdf", filename="t.pdf")],
    ),
    ("pdf by url", {"type": "document", "source": {"type": "url", "url": "https://x/y"}}, [File(url="https://x/y")]),
    (
        "text document",
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "né"}},
        [File(data=base64.b64encode("né".encode()).decode(), media_type="text/plain")],
    ),
    (
        "document of blocks",
        {"type": "document", "title": "T", "source": {"type": "content", "content": [{"type": "text", "text": "b"}]}},
        [Text("T"), Text("b")],
    ),
    (
        "search result",
        {"type": "search_result", "source": "s", "title": "T", "content": [{"type": "text", "text": "b"}]},
        [Text("T\ns\nb")],
    ),
    ("result in a string", {"type": "tool_result", "tool_use_id": "i", "content": "ok"}, [ToolResult("i", [Text("ok")])]),
    ("empty result", {"type": "tool_result", "tool_use_id": "i"}, [ToolResult("i", [])]),
    (
        "result in blocks",
        {
            "type": "tool_result",
            "tool_use_id": "i",
            "is_error": True,
            "content": [
                {"type": "text", "text": "no"},
                {"type": "image", "source": PNG},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}},
                {"type": "tool_reference", "tool_name": "look"},
            ],
        },
        [ToolResult("i", [Text("no"), Image(data="AAAA", media_type="image/png"), Text("d"), Text("look")], True)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("block", "parts"), [case[1:] for case in PARTS], ids=[case[0] for case in PARTS])
def test_blocks_of_the_user(block: dict[str, Any], parts: list[Any]) -> None:
    assert read({"messages": user(block)}).messages == [Message("user", parts)]


def test_blocks_of_the_assistant_keep_what_the_model_wrote() -> None:
    body = (
        b'{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},'
        b'{"type":"redacted_thinking","data":"gemini:xyz"},{"type":"thinking","thinking":"x","signature":""},'
        b'{"type":"text","text":"so"},{"type":"server_tool_use","id":"s","name":"web_search","input":{}},'
        b'{"type":"web_search_tool_result","tool_use_id":"s","content":[]},'
        b'{"type":"tool_use","id":"i","name":"look","input":{"n": 12345678901234567890, "x": 1.50}}]}]}'
    )
    assert read(body).messages == [
        Message(
            "assistant",
            [
                Reasoning("hm", "anthropic:c2ln"),
                Reasoning("", "gemini:xyz", redacted=True),
                Reasoning("x"),
                Text("so"),
                ToolCall("i", "look", '{"n": 12345678901234567890, "x": 1.50}'),
            ],
        )
    ]


FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"system": "be kind"}, {"messages": [Message("system", [Text("be kind")]), *SAID]}),
    (
        {"system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": None}]},
        {"messages": [Message("system", [Text("a"), Text("b")]), *SAID]},
    ),
    ({"system": ""}, {}),
    ({"max_tokens": None}, {"max_output": None}),
    ({"temperature": 1, "top_p": 0.5, "top_k": 3}, {"temperature": 1.0, "top_p": 0.5, "top_k": 3}),
    ({"stop_sequences": ["END"]}, {"stop": ["END"]}),
    ({"metadata": {"user_id": "u"}}, {"user": "u"}),
    ({"tools": [{"name": "look", "input_schema": SCHEMA, "type": "custom", "description": "d", "strict": True}]},
     {"tools": [Tool("look", "d", SCHEMA, True)]}),
    ({"tools": [{"name": "look", "defer_loading": True}]}, {"tools": [Tool("look")]}),
    ({"tool_choice": {"type": "auto"}}, {"tool_choice": ToolChoice("auto")}),
    ({"tool_choice": {"type": "none"}}, {"tool_choice": ToolChoice("none")}),
    ({"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
     {"tool_choice": ToolChoice("required"), "parallel_tool_calls": False}),
    ({"tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": False}},
     {"tool_choice": ToolChoice("tool", "look"), "parallel_tool_calls": True}),
    ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"reasoning_budget": 2000}),
    ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, {"reasoning_effort": "max"}),
    ({"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}),
    ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
     {"response_format": ResponseFormat("json_schema", schema=SCHEMA)}),
    ({"output_format": {"type": "json_schema", "schema": SCHEMA}},
     {"response_format": ResponseFormat("json_schema", schema=SCHEMA)}),
    ({"service_tier": "auto", "speed": "fast", "workspace_id": "w"}, {}),
    ({"cache_control": {"type": "ephemeral"}}, {"extra": {"cache_control": {"type": "ephemeral"}}}),
    ({"a_field_of_tomorrow": {"x": 1}}, {"extra": {"a_field_of_tomorrow": {"x": 1}}}),
    ({"mcp_servers": [], "container": None, "tools": None, "thinking": None}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), FIELDS, ids=lambda value: ",".join(value)[:40])
def test_fields(body: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read({"messages": HI, **body}) == ChatRequest(**{"messages": SAID, "max_output": 50, **expected})


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("messages", {"messages": None}),
    ("messages", {"messages": []}),
    ("messages", {"messages": "hi"}),
    ("messages", {"messages": ["hi"]}),
    ("messages", {"messages": [{"content": "hi"}]}),
    ("messages", {"messages": [{"role": "king", "content": "hi"}]}),
    ("messages", {"messages": [{"role": "user"}]}),
    ("messages", {"messages": [{"role": "user", "content": 5}]}),
    ("messages", {"messages": [{"role": "user", "content": [5]}]}),
    ("messages", {"messages": user({"type": "text"})}),
    ("messages", {"messages": user({"type": "smell"})}),
    ("messages", {"messages": user({"type": ["text"]})}),
    ("messages", {"messages": user({"type": "container_upload", "file_id": "f"})}),
    ("messages", {"messages": user({"type": "image"})}),
    ("messages", {"messages": user({"type": "image", "source": {"type": "file", "file_id": "f"}})}),
    ("messages", {"messages": user({"type": "image", "source": {"type": "base64", "data": 5}})}),
    ("messages", {"messages": user({"type": "document", "source": {"type": "tape"}})}),
    ("messages", {"messages": user({"type": "tool_result", "content": "x"})}),
    ("messages", {"messages": user({"type": "tool_use", "id": "i", "input": {}})}),
    ("system", {"system": 5}),
    ("system", {"system": [{"type": "image", "source": PNG}]}),
    ("max_tokens", {"max_tokens": 0}),
    ("max_tokens", {"max_tokens": "many"}),
    ("temperature", {"temperature": "hot"}),
    ("top_k", {"top_k": 1.5}),
    ("stop_sequences", {"stop_sequences": "END"}),
    ("metadata", {"metadata": {"user_id": 5}}),
    ("tools", {"tools": {}}),
    ("tools", {"tools": ["look"]}),
    ("tools", {"tools": [{"input_schema": {}}]}),
    ("tools", {"tools": [{"name": "look", "input_schema": []}]}),
    ("tools", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ("tool_choice", {"tool_choice": "auto"}),
    ("tool_choice", {"tool_choice": {"type": "tool"}}),
    ("tool_choice", {"tool_choice": {"type": ["auto"]}}),
    ("thinking", {"thinking": {"type": "enabled"}}),
    ("thinking", {"thinking": {"type": "deep"}}),
    ("output_config", {"output_config": {"effort": 5}}),
    ("output_config", {"output_config": {"format": {"type": "xml"}}}),
    ("mcp_servers", {"mcp_servers": [{"type": "url"}]}),
    ("container", {"container": "c"}),
]


@pytest.mark.parametrize(("param", "body"), WRONG, ids=lambda value: str(value)[:60])
def test_what_cannot_be_read_is_refused_by_name(param: str, body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refusal:
        read({"messages": HI, **body})
    assert refusal.value.param == param
    assert len(refusal.value.message) > 10


@pytest.mark.parametrize("hole", [b"[" * 9_000 + b"]" * 9_000, b'"\\ud800"', b'{"a":' * 9_000])
def test_what_is_nested_or_escaped_without_end_is_refused(hole: bytes) -> None:
    for name in (b"system", b"messages", b"tools"):
        try:
            fields = decode_fields(
                b'{"messages":[{"role":"user","content":"x"}],"' + name + b'":' + hole + b"}"
            )
        except (ValueError, RecursionError):
            continue  # it does not come as far as this
        with pytest.raises(BadRequest):
            read_messages_request(fields)


ROUND = ChatRequest(
    messages=[
        Message("system", [Text("be kind")]),
        Message(
            "user",
            [
                Text("look"),
                Image(data="AAAA", media_type="image/png"),
                Image(url="https://x/y"),
                File(data="AAAA", media_type="application/pdf", filename="t.pdf"),
            ],
        ),
        Message(
            "assistant",
            [
                Reasoning("hm", "anthropic:s"),
                Reasoning("", "anthropic:r", redacted=True),
                Text("I look."),
                ToolCall("i", "look", '{"at": 1}'),
                ToolCall("j", "look", "{}"),
            ],
        ),
        Message(
            "user",
            [ToolResult("i", [Text("no")], is_error=True), ToolResult("j", [Image(url="https://x/z")])],
        ),
    ],
    tools=[Tool("look", "looks", SCHEMA)],
    tool_choice=ToolChoice("auto"),
    parallel_tool_calls=False,
    response_format=ResponseFormat("json_schema", schema=SCHEMA),
    max_output=50,
    stop=["END"],
    user="u",
)


def test_a_request_written_as_a_message_is_read_as_itself() -> None:
    body = write_request(
        ROUND, model="claude-sonnet-4-5", max_tokens=50, version="2026-10-21", maker="anthropic", stream=False
    )
    assert read(encode(body)) == ROUND


@pytest.mark.parametrize(
    ("asked", "effort"),
    [
        ({"reasoning_budget": 1024}, "low"),
        ({"reasoning_budget": 8192}, "medium"),
        ({"reasoning_budget": 30_000}, "high"),
        ({"reasoning_budget": 30_000, "reasoning_effort": "low"}, "low"),
        ({}, None),
    ],
)
def test_for_servers_of_openais_dialect(asked: dict[str, Any], effort: str | None) -> None:
    """They know efforts and not budgets, no `top_k`, and no thoughts that another vendor signed."""
    said = Message("assistant", [Reasoning("a", "anthropic:s"), Reasoning("b"), Text("c")])
    request = foreign_chat_request(ChatRequest([*SAID, said], top_k=5, **asked))
    body = write_chat_request(request, model="m")
    assert body.get("reasoning_effort") == effort
    assert "top_k" not in body
    assert body["messages"][1] == {"role": "assistant", "content": "c", "reasoning_content": "b"}
