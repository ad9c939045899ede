"""The how-to about a dialect of its own: its code does what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pixapi.adapters import read_error
from pixapi.errors import UpstreamBusy, UpstreamError, UpstreamRejected
from pixapi.interfaces import (
    Call,
    Ended,
    Failed,
    Finished,
    HttpReply,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from pixapi.pluginhost.scaffold import write_plugin
from pixapi.testing.contracts.calls import call, ordinary

if TYPE_CHECKING:
    from conftest import Block

HELLO = {"role": "user", "content": "hello"}


@pytest.fixture
def code(root: Path, blocks_of: Callable[[Path], list[Block]]) -> list[str]:
    """The page's Python, block by block."""
    blocks = blocks_of(root / "docs/how-to/a-dialect-of-its-own.md")
    return [block.text for block in blocks if block.language == "python"]


@pytest.fixture
def page(code: list[str]) -> dict[str, Any]:
    """What the page defines. Its last block is a test of the plugin that `pixapi plugins new` writes."""
    names: dict[str, Any] = {"__name__": "page"}
    for text in code[:-1]:
        exec(compile(text, "page", "exec", dont_inherit=True), names)  # without the imports of this file
    return names


def test_the_request(page: dict[str, Any]) -> None:
    called = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [HELLO, {"role": "assistant", "tool_calls": [called]}]
    messages.append({"role": "tool", "tool_call_id": "call_1", "content": "a dot"})
    asked: Call = call({"messages": messages}, output_cap=7)
    body = page["write_chat"](asked)
    assert (body["model"], body["most_tokens"]) == (asked.model, 7)
    assert body["messages"][-1] == {"role": "tool", "tool_name": "look", "content": "a dot"}


def test_the_answer(page: dict[str, Any]) -> None:
    whole = b'{"text": "hi", "ended": "limit", "input_tokens": 3, "output_tokens": 2}'
    result = page["result"](HttpReply(200, body=whole))
    assert (result.usage, result.chat.finish_reason) == (Usage(input=3, output=2), "length")
    events = page["AcmeDecoder"]().feed(b'{"text": "hi"}\n{"ended": "end"}\n')
    assert events == [TextDelta("hi"), Finished("stop"), Ended()]


def test_tool_calls_that_come_in_turns(page: dict[str, Any]) -> None:
    events = page["AcmeDecoder"]().feed(
        b'{"tool": {"id": "a", "name": "add"}}\n{"tool": {"id": "b", "name": "sub", "arguments": "{"}}\n'
        b'{"tool": {"id": "a", "arguments": "{}"}}\n{"ended": "end"}\n'
    )
    assert events == [
        ToolCallDelta(0, "a", "add"),
        ToolCallDelta(1, "b", "sub", "{"),
        ToolCallDelta(0, arguments="{}"),
        Finished("tool_calls"),
        Ended(),
    ]
    (failed,) = page["AcmeDecoder"]().feed(b'{"tool": {"id": "c", "arguments": "{}"}}\n')
    assert isinstance(failed, Failed)


def test_no_tool_may_be_called(page: dict[str, Any]) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    body = {"messages": [HELLO], "tools": [tool], "tool_choice": "none"}
    assert page["write_chat"](call(body))["tools"] == []


def test_errors_in_words_of_its_own(page: dict[str, Any]) -> None:
    error = page["error"](HttpReply(400, body=b'{"kind": "bad", "note": "not like this"}'))
    assert (type(error), error.message) == (UpstreamRejected, "not like this")
    busy = page["error"](HttpReply(200, body=b'{"kind": "busy", "wait_s": 7}'))
    assert (type(busy), busy.retry_after_s) == (UpstreamBusy, 7)
    assert isinstance(page["error"](HttpReply(502, body=b"<html>")), UpstreamError)


def test_the_shapes_of_errors_that_are_known() -> None:
    for body in (
        b'{"error": {"message": "so"}}',
        b'{"error": "so"}',
        b'{"errors": [{"message": "so"}]}',
        b'[{"error": {"message": "so"}}]',
        b'{"message": "so"}',
        b'{"msg": "so"}',
        b'{"detail": [{"msg": "so"}]}',
    ):
        assert read_error(HttpReply(400, body=body)).message == "so"
    for headers in ({"retry-after": "7"}, {"retry-after-ms": "7000"}):
        assert read_error(HttpReply(429, headers, b"{}")).retry_after_s == 7
    assert read_error(HttpReply(429, body=b'{"message": "try again in 7s"}')).retry_after_s == 7


def test_embeddings(page: dict[str, Any]) -> None:
    asked = ordinary("embeddings")
    assert page["write_embed"](asked) == {"model": asked.model, "input": ["hello"]}
    assert page["embed_result"](asked, [[0.5]], 3).usage == Usage(input=3)


def test_the_contract_of_what_is_written_at_the_beginning(code: list[str], tmp_path: Path) -> None:
    write_plugin("acme", "dialect", tmp_path / "new")
    (tmp_path / "new/tests/test_page.py").write_text(code[-1], encoding="utf-8")
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_page.py"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "new/src")}
    done = subprocess.run(
        line, cwd=tmp_path / "new", env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout
