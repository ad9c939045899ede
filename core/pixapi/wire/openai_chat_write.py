"""The internal model of a conversation written as OpenAI's chat request: for callers of other dialects."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

from pixapi.errors import BadRequest
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
from pixapi.wire.chat_terms import Word, Words, is_foreign
from pixapi.wire.openai_chat_fields import SAME
from pixapi.wire.openai_hosted import SEARCHES
from pixapi.wire.openai_input import CAPS, SERVERS_CAP

WORDS = Words(
    {
        **{name: Word((name,)) for name in SAME},
        "max_output": Word(("max_completion_tokens", "max_tokens")),
        "reasoning_budget": Word(("reasoning_effort",)),
    },
    passes_unknown=True,
)
_OWN = frozenset(
    {"messages", "model", "n", "stream", "stream_options", "tools", "tool_choice", "functions", "function_call",
     *CAPS, SERVERS_CAP, *SEARCHES}
)  # fmt: skip
"""Fields of this dialect that were never read, priced or allowed where a caller of another one sends them along."""
_ONLY_TEXT = frozenset({Text})
_EFFORTS = ((2048, "low"), (8192, "medium"))
"""Up to how many tokens of thought an effort stands for a budget."""


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


def foreign_chat_request(request: ChatRequest) -> ChatRequest:
    """A request of another dialect without what servers of this one refuse: ``top_k``, which few of them know, words
    of another vendor's, and thoughts that a vendor signed, which are for that vendor alone. A budget of thought
    becomes an effort.

    Raises:
        BadRequest: among the fields that its own dialect does not know is one that would count here.
    """
    for name in request.extra:
        if name.casefold() in _OWN:
            shown = name[:40]
            raise BadRequest(f"{shown} is no field of the API that you call; leave it out", param=shown)
    return msgspec.structs.replace(
        request,
        messages=[_without_signed_thoughts(message) for message in request.messages],
        top_k=None,
        reasoning_effort=effort_of(request),
        extra={name: value for name, value in request.extra.items() if not is_foreign(name, WORDS)},
    )


def effort_of(request: ChatRequest) -> str | None:
    """The effort that is asked for; a budget of thought stands for one."""
    if request.reasoning_effort is not None or request.reasoning_budget is None:
        return request.reasoning_effort
    return next((name for most, name in _EFFORTS if request.reasoning_budget <= most), "high")


def _without_signed_thoughts(message: Message) -> Message:
    kept = [part for part in message.parts if not isinstance(part, Reasoning) or part.signature is None]
    return message if len(kept) == len(message.parts) else msgspec.structs.replace(message, parts=kept)


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
    """One internal message; tool results become messages of their own, and the images in them one of the user,
    since a tool can only answer with text.
    """
    if _ONLY_TEXT.issuperset(
        map(type, message.parts)
    ):  # as most are: quicker said than by looking for all else
        return [_begun(message, _content(message.parts))]
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    written: list[dict[str, Any]] = []
    seen: list[Part] = []
    for result in results:
        texts = [part for part in result.content if isinstance(part, Text)]
        seen += [part for part in result.content if isinstance(part, Image)]
        written.append({"role": "tool", "tool_call_id": result.call_id, "content": _content(texts)})
    rest = [*seen, *(part for part in message.parts if not isinstance(part, ToolResult))]
    if rest or not results:
        written.append(_one(message, rest))
    return written


def _one(message: Message, parts: Sequence[Part]) -> dict[str, Any]:
    calls = [part for part in parts if isinstance(part, ToolCall)]
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    shown = [part for part in parts if isinstance(part, Text | Image | File)]
    body = _begun(message, _content(shown) if shown or not calls else None)
    if thoughts:
        body |= write_reasoning(thoughts)
    if calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return body


def _begun(message: Message, content: Any) -> dict[str, Any]:
    """What every message has."""
    role = "user" if message.role == "tool" else message.role  # what is left of a message of tool results
    body = {"role": role, "content": content}
    if message.name is not None:
        body["name"] = message.name
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
    if (part.media_type or "").startswith("text/") and part.data is not None:
        return {"type": "text", "text": _text_file(part)}
    data = part.url or f"data:{part.media_type or 'application/pdf'};base64,{part.data}"
    return {"type": "file", "file": _known(file_data=data, filename=part.filename)}


def _text_file(part: File) -> str:
    """A text file as the text that it is; servers of this dialect read no files but PDF."""
    try:
        text = base64.b64decode(part.data or "", validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadRequest("a text file is not base64 of UTF-8 text", param="messages") from None
    return f"{part.filename}\n\n{text}" if part.filename else text
