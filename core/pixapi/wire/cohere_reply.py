"""Whole replies of Cohere's chat and embeddings (Cohere API reference, "Chat API (v2)", "Embed API (v2)").

What a model plans to do before it calls tools is text to whoever reads the answer. Two counts come with it:
``billed_units`` are what the vendor charges for, ``tokens`` what went through the model, its own
instructions included. The first are used, and the second where they are missing; only of the second is known
how many came from a cache.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces.call import Result
from pixapi.interfaces.chat import ChatReply, FinishReason, Reasoning, Text, ToolCall
from pixapi.interfaces.usage import Usage
from pixapi.wire.cohere_errors import broken_off, not_understood
from pixapi.wire.cohere_messages import mark_thought
from pixapi.wire.json import decode_any

_REASONS: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
}


def read_reply(body: bytes) -> Result:
    """What a reply says and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status, or was broken off.
        UpstreamInvalid: it is not JSON, or no message.
    """
    said = _opened(body)
    message = said.get("message")
    if not isinstance(message, dict):
        raise not_understood(body)
    parts: list[Text | Reasoning | ToolCall] = []
    for block in _objects(message.get("content")):
        text, thought = block.get("text"), block.get("thinking")
        if isinstance(thought, str) and thought:
            parts.append(Reasoning(thought, mark_thought()))
        if isinstance(text, str) and text:
            parts.append(Text(text))
    plan = message.get("tool_plan")
    if isinstance(plan, str) and plan:
        parts.append(Text(plan))
    calls = [_call(call) for call in _objects(message.get("tool_calls"))]
    reason = finish_reason(said.get("finish_reason"), said.get("error"), has_calls=bool(calls))
    return Result(usage=read_usage(said.get("usage")), chat=ChatReply([*parts, *calls], reason))


def read_vectors(body: bytes) -> tuple[list[list[float]], Usage | None]:
    """The vectors of an embeddings reply, and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it holds no vectors.
    """
    said = _opened(body)
    if "embeddings" not in said:
        raise not_understood(body)
    found = said["embeddings"]
    try:
        vectors = msgspec.convert(found.get("float") if isinstance(found, dict) else found, list[list[float]])
    except msgspec.ValidationError:
        raise UpstreamInvalid("The provider of this model answered without vectors; try again.") from None
    units = _object(_object(said.get("meta")).get("billed_units"))
    text, image = _count(units.get("input_tokens")), _count(units.get("image_tokens"))
    return vectors, None if text is None else Usage(input=text, image_input=image or None)


def finish_reason(said: Any, words: Any, *, has_calls: bool) -> FinishReason:
    """Why the model stopped, in the words of the internal model. ``words`` explain an error.

    Raises:
        UpstreamError: it did not stop of itself.
    """
    if isinstance(said, str):
        if said in _REASONS:
            return _REASONS[said]
        if said.startswith("ERROR") or said == "TIMEOUT":
            raise broken_off(said, words)
    return "tool_calls" if has_calls else "stop"


def read_usage(said: Any) -> Usage | None:
    """The counts of a chat reply; None where it says nothing."""
    billed, passed = _object(_object(said).get("billed_units")), _object(_object(said).get("tokens"))
    output = _count(billed.get("output_tokens"))
    thought: int | None = None
    if output is None:
        output, thought = _count(passed.get("output_tokens")), _count(passed.get("reasoning_tokens"))
        if output is not None and thought is not None:
            thought = min(thought, output)
            output -= thought
    given = _count(billed.get("input_tokens"))
    cached: int | None = None
    if given is None:
        given, cached = _count(passed.get("input_tokens")), _count(_object(said).get("cached_tokens"))
        if given is not None and cached is not None:
            cached = min(cached, given)
            given -= cached
    usage = Usage(input=given, cached_input=cached, output=output, reasoning=thought)
    return usage if usage != Usage() else None


def whole_arguments(text: str) -> str:
    """Arguments as a JSON object: a call without any has none, or null."""
    return "{}" if text.strip() in ("", "null") else text


def _call(said: dict[str, Any]) -> ToolCall:
    function = _object(said.get("function"))
    texts = (said.get("id"), function.get("name"), function.get("arguments"))
    call_id, name, arguments = (text if isinstance(text, str) else "" for text in texts)
    return ToolCall(call_id, name, whole_arguments(arguments))


def _opened(body: bytes) -> dict[str, Any]:
    try:
        said = decode_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise not_understood(body) from None
    if not isinstance(said, dict):
        raise not_understood(body)
    return said


def _count(value: Any) -> int | None:
    """A count, which may come as a number with a fraction of nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return max(0, int(value)) if value == value and abs(value) < 1e18 else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
