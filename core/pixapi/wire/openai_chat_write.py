"""The internal model of a conversation written as OpenAI's chat request: for callers of other dialects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pixapi.interfaces.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)


def write_chat_request(request: ChatRequest, *, model: str) -> dict[str, Any]:
    """``request`` as the JSON object of ``POST /chat/completions``; what was not said is left out."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [m for message in request.messages for m in _write(message)],
    }
    if request.tools:
        body["tools"] = [{"type": "function", "function": _function(tool)} for tool in request.tools]
    form = request.response_format
    if form is not None:
        schema = _known(name=form.name or "answer", schema=form.schema, strict=form.strict)
        body["response_format"] = _known(
            type=form.kind, json_schema=schema if form.kind == "json_schema" else None
        )
    body |= _known(
        tool_choice=_choice(request.tool_choice),
        parallel_tool_calls=request.parallel_tool_calls,
        max_completion_tokens=request.max_output,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=request.stop or None,
        seed=request.seed,
        n=None if request.n == 1 else request.n,
        reasoning_effort=request.reasoning_effort,
        user=request.user,
    )
    return body | request.extra


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _function(tool: Tool) -> dict[str, Any]:
    return _known(
        name=tool.name, description=tool.description, parameters=tool.parameters, strict=tool.strict
    )


def _choice(choice: ToolChoice | None) -> Any:
    if choice is None or choice.mode != "tool":
        return None if choice is None else choice.mode
    return {"type": "function", "function": {"name": choice.name}}


def _write(message: Message) -> list[dict[str, Any]]:
    """One internal message; tool results become messages of their own."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    written = [
        {"role": "tool", "tool_call_id": result.call_id, "content": _content(list(result.content))}
        for result in results
    ]
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    if rest or not results:
        written.append(_one(message, rest))
    return written


def _one(message: Message, parts: Sequence[Part]) -> dict[str, Any]:
    calls = [part for part in parts if isinstance(part, ToolCall)]
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    shown = [part for part in parts if isinstance(part, Text | Image | File)]
    role = "user" if message.role == "tool" else message.role  # what is left of a message of tool results
    body: dict[str, Any] = {"role": role, "content": _content(shown) if shown or not calls else None}
    if message.name is not None:
        body["name"] = message.name
    if thoughts:
        body |= write_reasoning(thoughts)
    if calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return body


def write_reasoning(thoughts: list[Reasoning]) -> dict[str, Any]:
    """The members of an assistant message that carry its reasoning, opaque signatures included."""
    body: dict[str, Any] = {}
    text = "".join(thought.text for thought in thoughts if not thought.redacted)
    if text:
        body["reasoning_content"] = text
    if any(thought.signature for thought in thoughts):
        body["reasoning_details"] = [write_detail(thought) for thought in thoughts]
    return body


def write_detail(thought: Reasoning) -> dict[str, Any]:
    """One block of thought as callers get it and give it back."""
    if thought.redacted:
        return {"type": "reasoning.encrypted", "data": thought.signature}
    return _known(type="reasoning.text", text=thought.text, signature=thought.signature)


def _content(parts: list[Any]) -> Any:
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts)
    return [_part(part) for part in parts]


def _part(part: Text | Image | File) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        url = part.url or f"data:{part.media_type};base64,{part.data}"
        return {"type": "image_url", "image_url": _known(url=url, detail=part.detail)}
    data = part.url or f"data:{part.media_type or 'application/pdf'};base64,{part.data}"
    return {"type": "file", "file": _known(file_data=data, filename=part.filename)}
