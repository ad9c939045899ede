"""A chat request of the internal model as the body of ``POST /responses`` (OpenAI API reference, "Create a
response").

Nothing is ever stored (``store`` is false), so the model's thoughts have to travel: they are asked for in
encrypted form and sent back where this vendor made them. What the dialect has words for says
`WORDS`; what becomes of the rest, `chat_terms`.
"""

from __future__ import annotations

import re
from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from pixapi.wire.chat_terms import Word, Words, refuse_unsayable
from pixapi.wire.openai_chat_write import effort_of
from pixapi.wire.seal import unseal

Item = dict[str, Any]

ENCRYPTED = "reasoning.encrypted_content"
_THINKS_NOT = re.compile(r"(?:^|[./])(?:gpt-[34]|chatgpt-4|gpt-oss|computer-use)")
"""Models that have no thoughts to encrypt, or show them."""
_KEPT = (
    "metadata",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
)
"""Fields of other requests that mean the same here."""
WORDS = Words(
    {
        "tools": Word(("tools",)),
        "tool_choice": Word(("tool_choice",)),
        "parallel_tool_calls": Word(("parallel_tool_calls",)),
        "response_format": Word(("text.format",)),
        "max_output": Word(("max_output_tokens",)),
        "temperature": Word(("temperature",)),
        "top_p": Word(("top_p",)),
        "reasoning_effort": Word(("reasoning.effort",)),
        "reasoning_budget": Word(("reasoning.effort",)),
        "user": Word(("user",)),
        "verbosity": Word(("text.verbosity",)),
        **{name: Word((name,)) for name in _KEPT},
    }
)


def write_request(
    request: ChatRequest, *, model: str, max_output: int | None, maker: str, stream: bool, summary: str | None
) -> dict[str, Any]:
    """The body, ready to be encoded.

    Args:
        request: what the caller asks for.
        model: the model's name at the vendor.
        max_output: the cap on output tokens, thoughts included.
        maker: whose thoughts are sent back (`seal`).
        stream: whether the reply is to be streamed.
        summary: how the model is to sum up its thoughts (``auto``, ``concise``, ``detailed``); None: not.

    Raises:
        BadRequest: something cannot be said in this dialect; ``param`` names the field.
    """
    refuse_unsayable(request, WORDS)
    body: dict[str, Any] = {"model": model, "input": write_items(request.messages, maker), "store": False}
    thinks = has_thoughts(model)
    if thinks:
        body["include"] = [ENCRYPTED]
    if stream:
        body["stream"] = True
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    verbosity = request.extra.get("verbosity")
    body |= _known(
        max_output_tokens=max_output if max_output is not None else request.max_output,
        tool_choice=_choice(request.tool_choice),
        parallel_tool_calls=request.parallel_tool_calls,
        temperature=request.temperature,
        top_p=request.top_p,
        user=request.user,
        reasoning=_known(effort=effort_of(request), summary=summary if thinks else None) or None,
        text=_known(format=_format(request), verbosity=verbosity if isinstance(verbosity, str) else None)
        or None,
    )
    return body | {name: request.extra[name] for name in _KEPT if request.extra.get(name) is not None}


def has_thoughts(model: str) -> bool:
    """Whether ``model`` may be asked to encrypt its thoughts; others refuse the request."""
    return _THINKS_NOT.search(model) is None


def write_items(messages: list[Message], maker: str) -> list[Item]:
    """A conversation as items of ``input``."""
    items: list[Item] = []
    for message in messages:
        if message.role == "assistant":
            items += _turn(message, maker)
            continue
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        items += [
            {"type": "function_call_output", "call_id": result.call_id, "output": _content(result.content)}
            for result in results
        ]
        shown = [part for part in message.parts if isinstance(part, Text | Image | File)]
        if shown or not results:
            role = "system" if message.role == "system" else "user"
            items.append({"role": role, "content": _content(shown)})
    return items


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _tool(tool: Tool) -> Item:
    # Without ``strict`` this API would take the schema for a strict one; for callers of others it is not.
    return {
        "type": "function",
        **_known(name=tool.name, description=tool.description),
        "parameters": tool.parameters or {"type": "object", "properties": {}},
        "strict": tool.strict is True,
    }


def _choice(choice: ToolChoice | None) -> Any:
    if choice is None or choice.mode != "tool":
        return None if choice is None else choice.mode
    return {"type": "function", "name": choice.name}


def _format(request: ChatRequest) -> Item | None:
    asked = request.response_format
    if asked is None:
        return None
    if asked.kind != "json_schema":
        return {"type": asked.kind}
    named = {"type": "json_schema", "name": asked.name or "answer", "schema": asked.schema or {}}
    return named | _known(strict=asked.strict)


def _turn(message: Message, maker: str) -> list[Item]:
    items: list[Item] = []
    for part in message.parts:
        if isinstance(part, Text) and part.text:
            items.append({"role": "assistant", "content": part.text})
        elif isinstance(part, ToolCall):
            call = {"call_id": part.id, "name": part.name, "arguments": part.arguments}
            items.append({"type": "function_call", **call})
        elif isinstance(part, Reasoning):
            items += _thought(part, maker)
        elif isinstance(part, Image | File):
            raise _wrong("an assistant message holds an image or a file, which this model's provider refuses")
    return items


def _thought(part: Reasoning, maker: str) -> list[Item]:
    encrypted = unseal(maker, part.signature)
    if encrypted is None:
        return []
    summary = [{"type": "summary_text", "text": part.text}] if part.text and not part.redacted else []
    return [{"type": "reasoning", "summary": summary, "encrypted_content": encrypted}]


def _content(parts: list[Any]) -> Any:
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts)
    return [_part(part) for part in parts]


def _part(part: Text | Image | File) -> Item:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, Image):
        url = part.url or f"data:{part.media_type or 'image/png'};base64,{part.data or ''}"
        return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
    kind = part.media_type or "application/pdf"
    if part.url is not None:
        return {"type": "input_file", "file_url": part.url}
    if kind.startswith("image/"):
        return _part(Image(data=part.data, media_type=kind))
    data = f"data:{kind};base64,{part.data or ''}"
    return {"type": "input_file", "filename": part.filename or "document", "file_data": data}


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="messages")
