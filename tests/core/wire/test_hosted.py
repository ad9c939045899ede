"""Which tools of a call the vendor would run itself, and which calls name what is stored in the operator's account."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pixapi.errors import BadRequest
from pixapi.testing.contracts.calls import fields_of
from pixapi.wire.offered import DIALECTS

FUNCTION = {"type": "function", "function": {"name": "look"}}
CLIENTS = [{"name": "look", "input_schema": {}}, {"type": "custom", "name": "x"}, {"type": "bash_20250124", "name": "bash"},
           {"type": "text_editor_20250728", "name": "e"}, {"type": "computer_20250124", "name": "c"},
           {"type": "memory_20250818", "name": "memory"}]  # fmt: skip


def kinds(dialect: str, body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(tool.kind, tool.param) for tool in DIALECTS[dialect].hosted_tools(fields_of(body))]


@pytest.mark.parametrize(
    ("dialect", "body", "found"),
    [
        ("openai", {}, []),
        ("openai", {"tools": None}, []),
        ("openai", {"tools": [FUNCTION, {"type": "custom", "custom": {}}, {"function": {"name": "no type"}}]}, []),
        ("openai", {"tools": [FUNCTION, {"type": "web_search", "web_search": {}}]}, ["web_search"]),
        ("openai", {"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]}, ["builtin_function"]),
        ("openai", {"web_search_options": {}}, ["web_search"]),
        ("openai", {"search_parameters": {"mode": "auto"}}, ["web_search"]),
        ("openai", {"enable_search": True, "plugins": [{"id": "web"}]}, ["web_search", "plugins"]),
        ("openai", {"enable_search": False, "plugins": [], "web_search_options": None}, []),
        ("responses", {"tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}]}, []),
        ("responses", {"tools": [{"type": "local_shell"}, {"type": "apply_patch"}, {"type": "shell", "environment": {"type": "local"}}]}, []),
        ("responses", {"tools": [{"type": "web_search_preview_2025_03_11"}, {"type": "web_search_2025_08_26"}]}, ["web_search"] * 2),
        ("responses", {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, ["file_search"]),
        ("responses", {"tools": [{"type": "mcp", "server_url": "https://a.example"}]}, ["mcp"]),
        ("responses", {"tools": [{"type": "computer_use_preview"}]}, ["computer_use"]),
        ("responses", {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, ["code_interpreter"]),
        ("responses", {"tools": [{"type": "shell"}, {"type": "image_generation"}]}, ["shell", "image_generation"]),
        ("anthropic", {"tools": CLIENTS}, []),
        ("anthropic", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, ["web_search"]),
        ("anthropic", {"tools": [*CLIENTS, {"type": "code_execution_20250825", "name": "code_execution"}]}, ["code_execution"]),
        ("anthropic", {"mcp_servers": [{"type": "url", "url": "https://a.example"}], "tools": [{"type": "mcp_toolset"}]}, ["mcp"]),
        ("anthropic", {"mcp_servers": [], "container": None}, []),
        ("gemini", {"tools": [{"functionDeclarations": [{"name": "f"}]}, {"function_declarations": []}, {"computer_use": {}}]}, []),
        ("gemini", {"tools": {"google_search": {}}}, ["googleSearch"]),
        ("gemini", {"tools": [{"codeExecution": {}, "url_context": {}}]}, ["codeExecution", "urlContext"]),
    ],
)  # fmt: skip
def test_the_vendors_own_tools(dialect: str, body: dict[str, Any], found: list[str]) -> None:
    assert [kind for kind, _ in kinds(dialect, body)] == found


def test_the_field_that_asks_is_named() -> None:
    assert kinds("openai", {"web_search_options": {}}) == [("web_search", "web_search_options")]
    assert kinds("anthropic", {"mcp_servers": [{}]}) == [("mcp", "mcp_servers")]


def said(*parts: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": list(parts)}]}


FILE = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}


@pytest.mark.parametrize(
    ("dialect", "body", "param"),
    [
        ("openai", said({"type": "file", "file": {"file_id": "file-1"}}), "messages"),
        ("openai", said({"type": "input_image", "file_id": "file-1"}), "messages"),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}, "input"),
        ("responses", {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "file_id": "f"}]}]}, "input"),
        ("responses", {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot", "file_id": "f"}}]}, "input"),
        ("responses", {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, "tools"),
        ("responses", {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]}, "tools"),
        ("responses", {"tools": [{"type": "shell", "environment": {"type": "container_reference", "container_id": "c"}}]}, "tools"),
        ("anthropic", said(FILE), "messages"),
        ("anthropic", said({"type": "image", "source": {"type": "file", "file_id": "file_1"}}), "messages"),
        ("anthropic", said({"type": "container_upload", "file_id": "file_1"}), "messages"),
        ("anthropic", said({"type": "tool_result", "tool_use_id": "t", "content": [FILE]}), "messages"),
        ("anthropic", {"container": "container_1"}, "container"),
        ("anthropic", {"container": {"id": "container_1", "skills": []}}, "container"),
    ],
)  # fmt: skip
def test_what_is_stored_in_the_operators_account_is_refused(
    dialect: str, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(BadRequest) as refusal:
        kinds(dialect, body)
    assert (refusal.value.code, refusal.value.param) == ("unsupported_parameter", param)


def test_a_number_that_cannot_be_read_does_not_hide_a_container() -> None:
    """Many servers read 1e999 as infinity, and all that stands beside it."""
    fields = fields_of({"input": "hi"})
    fields["tools"] = msgspec.Raw(
        b'[{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"],"x":1e999}}]'
    )
    with pytest.raises(BadRequest, match="something broken"):
        DIALECTS["responses"].hosted_tools(fields)


def test_escapes_do_not_hide_a_name() -> None:
    fields = fields_of({})
    fields["messages"] = msgspec.Raw(
        rb'[{"role":"user","content":[{"type":"im\u0061ge","source":{"type":"f\u0069le","f\u0069le_id":"file_1"}}]}]'
    )
    with pytest.raises(BadRequest, match="file_id"):
        DIALECTS["anthropic"].hosted_tools(fields)


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "what is a file_id in a container?"}]},
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"file_id": "mine", "container": 1}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": '{"file_id": "a"}'}]}]},
        {"input": [{"type": "function_call", "name": "f", "arguments": '{"file_id": "mine"}'}]},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "file_id"}}]}]},
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_let_by(dialect: str, body: dict[str, Any]) -> None:
    assert kinds(dialect, body) == []


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize("tools", ["look", {"type": "web_search"}, [{"type": "web_search"}, 5]])
def test_tools_of_a_wrong_shape_are_refused(dialect: str, tools: Any) -> None:
    with pytest.raises(BadRequest, match="tools"):
        kinds(dialect, {"tools": tools})


def test_messages_too_deep_to_be_looked_into_are_refused() -> None:
    fields = fields_of({})
    deep = b"[" * 5000 + b'{"file_id":"a"}' + b"]" * 5000
    fields["messages"] = msgspec.Raw(b'[{"role":"user","content":' + deep + b"}]")
    with pytest.raises(BadRequest, match="too deeply"):
        DIALECTS["anthropic"].hosted_tools(fields)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_words_that_are_known_are_those_by_which_calls_ask(dialect: str) -> None:
    words = sorted(DIALECTS[dialect].hosted_kinds - {"mcp", "plugins"})
    tools = [{word: {}} if dialect == "gemini" else {"type": word} for word in words]
    assert [kind for kind, _ in kinds(dialect, {"tools": tools})] == words
    assert words
