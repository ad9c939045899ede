"""A chat request of the internal model as the body of ``POST /v2/chat`` (Cohere API reference, "Chat API
(v2)"), and an embeddings request as that of ``POST /v2/embed``.

What steers chance is brought into the range that the API takes. A tool that must be called goes alone, with
the demand that some tool be called: the API has no word for one among several.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest, Tool
from pixapi.wire.chat_limits import refuse_blank_stops, require_tools_for
from pixapi.wire.chat_terms import Word, Words, refuse_unsayable
from pixapi.wire.cohere_messages import write_messages
from pixapi.wire.openai_embeddings import EmbeddingsRequest

_TOP_P = (0.01, 0.99)
_TOP_K = 500
WORDS = Words(
    {
        "tools": Word(("tools",)),
        "tool_choice": Word(("tool_choice",)),
        "response_format": Word(("response_format",)),
        "max_output": Word(("max_tokens",)),
        "stop": Word(("stop_sequences",)),
        "temperature": Word(("temperature",)),
        "top_p": Word(("p",)),
        "top_k": Word(("k",)),
        "seed": Word(("seed",), but="dropped where it is negative"),
        "presence_penalty": Word(("presence_penalty",)),
        "frequency_penalty": Word(("frequency_penalty",)),
        "reasoning_effort": Word(("thinking",), but="dropped where the model does not think"),
        "reasoning_budget": Word(("thinking",), but="dropped where the model does not think"),
    },
)
_MODES = {"none": "NONE", "required": "REQUIRED", "tool": "REQUIRED"}
_PENALTIES = ("frequency_penalty", "presence_penalty")


def write_chat(request: ChatRequest, *, model: str, max_tokens: int | None, stream: bool) -> dict[str, Any]:
    """The body of a chat request, ready to be encoded.

    Args:
        request: what the caller asks for.
        model: the model's name at the vendor.
        max_tokens: the cap on output; None leaves it to the model.
        stream: whether the reply is to be streamed.

    Raises:
        BadRequest: something cannot be said in this dialect; ``param`` names the field.
    """
    refuse_unsayable(request, WORDS)
    refuse_blank_stops(request)
    require_tools_for(request)
    body: dict[str, Any] = {
        "model": model,
        "messages": write_messages(request.messages),
        "stream": stream,
    }
    if max_tokens is not None:
        body["max_tokens"] = max_tokens
    if request.stop:
        body["stop_sequences"] = request.stop
    _write_tools(body, request)
    _write_format(body, request)
    _write_sampling(body, request)
    if "reasoning" in model:
        _write_thinking(body, request)
    return body


def write_embed(asked: EmbeddingsRequest, model: str) -> dict[str, Any]:
    """The body of an embeddings request. A text that is too long is refused rather than cut in silence."""
    body: dict[str, Any] = {
        "model": model,
        "texts": asked.texts,
        "input_type": asked.purpose or "search_document",
        "embedding_types": ["float"],
        "truncate": "NONE",
    }
    if asked.dimensions is not None:
        body["output_dimension"] = asked.dimensions
    return body


def _write_tools(body: dict[str, Any], request: ChatRequest) -> None:
    choice, tools = request.tool_choice, request.tools
    if not tools:
        return
    if choice is not None and choice.mode == "tool":
        tools = [tool for tool in tools if tool.name == choice.name]
        if not tools:
            raise BadRequest("tool_choice names a tool that tools does not hold", param="tool_choice")
    body["tools"] = [_tool(tool) for tool in tools]
    if all(tool.strict for tool in tools):
        body["strict_tools"] = True
    if choice is not None and choice.mode in _MODES:
        body["tool_choice"] = _MODES[choice.mode]


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = {"type": "object", **(tool.parameters or {"properties": {}})}
    return {"type": "function", "function": function}


def _write_format(body: dict[str, Any], request: ChatRequest) -> None:
    asked = request.response_format
    if asked is None or asked.kind == "text":
        return
    schema = {} if asked.schema is None else {"json_schema": asked.schema}
    body["response_format"] = {"type": "json_object", **schema}


def _write_sampling(body: dict[str, Any], request: ChatRequest) -> None:
    if request.temperature is not None:
        body["temperature"] = min(request.temperature, 1.0)
    if request.top_p is not None:
        body["p"] = min(max(request.top_p, _TOP_P[0]), _TOP_P[1])
    if request.top_k is not None:
        body["k"] = min(request.top_k, _TOP_K)
    if request.seed is not None and request.seed >= 0:
        body["seed"] = request.seed
    for name in _PENALTIES:
        asked = request.extra.get(name)
        if isinstance(asked, int | float) and not isinstance(asked, bool):
            body[name] = min(max(asked, 0.0), 1.0)


def _write_thinking(body: dict[str, Any], request: ChatRequest) -> None:
    if request.reasoning_effort == "none":
        body["thinking"] = {"type": "disabled"}
    elif request.reasoning_budget is not None:
        body["thinking"] = {"type": "enabled", "token_budget": request.reasoning_budget}
    elif request.reasoning_effort is not None:
        body["thinking"] = {"type": "enabled"}
