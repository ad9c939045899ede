"""How much a model is asked to think, generation by generation."""

from __future__ import annotations

from typing import Any

import pytest

from pixapi.interfaces.chat import (
    ChatRequest,
    Message,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from pixapi.wire.anthropic_models import COMPATIBLE, Traits, traits_of
from pixapi.wire.anthropic_request import write_request

ADAPTIVE = {"type": "adaptive"}
SHOWN = {"type": "adaptive", "display": "summarized"}
HELLO = [Message("user", [Text("hello")])]


def budget(tokens: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": tokens}


def written(model: str, cap: int = 32_000, messages: list[Message] = HELLO, **asked: Any) -> dict[str, Any]:
    request = ChatRequest(messages, **asked)
    return write_request(request, model=model, max_tokens=cap, version="2026-10-21", maker="m", stream=False)


@pytest.mark.parametrize(
    ("model", "asked", "thinking", "effort"),
    [
        ("claude-opus-5", {}, None, None),
        ("claude-3-5-sonnet-latest", {"reasoning_effort": "high"}, None, None),
        ("claude-3-7-sonnet-20250219", {"reasoning_effort": "high"}, budget(16_000), None),
        ("claude-sonnet-4-20250514", {"reasoning_effort": "low"}, budget(2048), None),
        ("claude-haiku-4-5", {"reasoning_effort": "minimal"}, budget(1024), None),
        ("claude-haiku-4-5", {"reasoning_effort": "none"}, None, None),
        ("claude-haiku-4-5", {"reasoning_budget": 5000}, budget(5000), None),
        ("claude-haiku-4-5", {"reasoning_budget": 50_000}, budget(31_999), None),
        ("claude-opus-4-6", {"reasoning_effort": "medium"}, ADAPTIVE, "medium"),
        ("claude-opus-4-6", {"reasoning_effort": "xhigh"}, ADAPTIVE, "high"),
        ("claude-opus-4-6", {"reasoning_effort": "max"}, ADAPTIVE, "max"),
        ("claude-opus-4-6", {"reasoning_effort": "none"}, None, None),
        ("claude-opus-4-7", {"reasoning_effort": "xhigh"}, SHOWN, "xhigh"),
        ("claude-opus-4-8", {"reasoning_budget": 5000}, SHOWN, None),
        ("claude-opus-5", {"reasoning_effort": "minimal"}, SHOWN, "low"),
        ("claude-opus-5", {"reasoning_effort": "none"}, {"type": "disabled"}, None),
        ("claude-sonnet-5-5", {"reasoning_effort": "none"}, {"type": "between_tools"}, None),
        ("claude-opus-5-5", {"reasoning_effort": "none"}, None, "low"),
        ("claude-fable-5", {"reasoning_effort": "none"}, None, "low"),
        ("claude-mythos-preview", {"reasoning_effort": "high"}, SHOWN, "high"),
        ("anthropic.claude-opus-4-6-v1", {"reasoning_effort": "high"}, ADAPTIVE, "high"),
        ("claude-sonnet-4@20250514", {"reasoning_effort": "low"}, budget(2048), None),
        ("MiniMax-M3", {"reasoning_effort": "high"}, budget(16_000), None),
        ("claude-opus-5", {"extra": {"thinking": {"type": "adaptive", "x": 1}}}, {"type": "adaptive", "x": 1}, None),
        ("claude-opus-5", {"extra": {"output_config": {"effort": "max"}}}, None, "max"),
    ],
)  # fmt: skip
def test_effort_by_model(model: str, asked: dict[str, Any], thinking: Any, effort: str | None) -> None:
    body = written(model, **asked)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort


def test_a_small_cap_leaves_room_for_the_answer() -> None:
    assert written("claude-haiku-4-5", 4000, reasoning_effort="high")["thinking"] == budget(2000)
    assert "thinking" not in written("claude-haiku-4-5", 2000, reasoning_effort="high")


def loop(*thoughts: Reasoning) -> list[Message]:
    return [
        *HELLO,
        Message("assistant", [*thoughts, ToolCall("c", "f", "{}")]),
        Message("tool", [ToolResult("c", [Text("done")])]),
    ]


def test_trap_18_without_its_thoughts_a_tool_loop_goes_on_without_thinking() -> None:
    """A budget of thoughts demands that the turn with the calls begins with one."""
    lost, kept = loop(), loop(Reasoning("hm", "m:sig"))
    assert "thinking" not in written("claude-haiku-4-5", messages=lost, reasoning_effort="low")
    assert written("claude-haiku-4-5", messages=kept, reasoning_effort="low")["thinking"] == budget(2048)
    assert written("claude-opus-4-6", messages=lost, reasoning_effort="low")["thinking"] == ADAPTIVE


def test_a_forced_tool_goes_before_a_budget_of_thoughts() -> None:
    forced = {"tools": [Tool("f")], "tool_choice": ToolChoice("required"), "reasoning_effort": "low"}
    assert "thinking" not in written("claude-haiku-4-5", **forced)
    assert written("claude-opus-4-6", **forced)["thinking"] == ADAPTIVE


def test_thoughts_of_an_edited_conversation_are_dropped_instead_of_refused() -> None:
    binding = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    kept = loop(Reasoning("hm", "m:sig"))
    assert written("claude-opus-5-5", messages=kept)["thinking"] == {"type": "adaptive", **binding}
    assert written("claude-opus-5-5", messages=kept, reasoning_effort="low")["thinking"] == SHOWN | binding
    assert "thinking" not in written("claude-opus-5-5", messages=loop())
    assert "thinking" not in written("claude-opus-5", messages=kept)


@pytest.mark.parametrize(
    ("model", "traits"),
    [
        ("deepseek-v4", COMPATIBLE),
        ("claude-opus-4-7", Traits()),
        ("claude-something-new", Traits(always_on=True, binds=True)),
        ("claude-haiku-6", Traits(always_on=True, binds=True)),
        ("claude-2.1", Traits("none", efforts=(), sampling=True, one_sampler=False, shows=False)),
    ],
)
def test_a_generation_is_read_from_the_name(model: str, traits: Traits) -> None:
    assert traits_of(model) == traits
