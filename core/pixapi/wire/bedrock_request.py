"""A chat request of the internal model as the body of ``POST /model/{id}/converse`` (Amazon Bedrock API
reference, "Converse").

Converse has one form for the models of many makers, and ``additionalModelRequestFields`` for what only some
of them take: thinking of Claude models as Anthropic's API has it, an effort for the models that have levels
of it, ``top_k``. What it has words for says `WORDS`; what becomes of the rest, `chat_terms`. A caller's
``cache_control`` becomes cache points after what repeats: the tools, the instructions, and the last turn of the
user.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest, Tool
from pixapi.wire.anthropic_models import Traits, traits_of
from pixapi.wire.anthropic_schema import closed
from pixapi.wire.anthropic_thinking import write_thinking
from pixapi.wire.bedrock_messages import has_lost_thoughts, has_tool_blocks, write_messages
from pixapi.wire.chat_limits import refuse_blank_stops, require_tools_for
from pixapi.wire.chat_terms import Word, Words, refuse_unsayable
from pixapi.wire.json import encode

_THINKING_ROOM = 4096
"""The cap for a call that thinks and was priced without one."""
_MORE = "additionalModelRequestFields"
_EFFORTS = tuple(
    f"{_MORE}.{name}" for name in ("thinking", "output_config", "reasoning_effort", "reasoning_config")
)
_NEEDS_SCHEMA = "JSON without a schema is refused"
_SAMPLING = "dropped where the model refuses it, and while it thinks"
WORDS = Words(
    {
        "tools": Word(("toolConfig",)),
        "tool_choice": Word(("toolConfig.toolChoice",)),
        "parallel_tool_calls": Word(
            (f"{_MORE}.tool_choice",), but="refused where the model is none of Claude's"
        ),
        "response_format": Word(("outputConfig.textFormat",), but=_NEEDS_SCHEMA),
        "max_output": Word(("inferenceConfig.maxTokens",)),
        "stop": Word(("inferenceConfig.stopSequences",)),
        "temperature": Word(("inferenceConfig.temperature",), but=_SAMPLING),
        "top_p": Word(("inferenceConfig.topP",), but=_SAMPLING),
        "top_k": Word(
            (f"{_MORE}.top_k", f"{_MORE}.inferenceConfig.topK"),
            but="dropped where the model is neither Claude nor Nova",
        ),
        "reasoning_effort": Word(_EFFORTS, but="dropped where the model has no levels of it"),
        "reasoning_budget": Word(_EFFORTS, but="dropped where the model is no Claude that thinks"),
        "thinking": Word((f"{_MORE}.thinking",), but="dropped where the model is no Claude"),
        "cache_control": Word(("messages",)),
    }
)
_MODES = {"auto": "auto", "required": "any", "tool": "tool"}
_EFFORT_FIELDS = {"gpt-oss": "reasoning_effort", "qwen3": "reasoning_config"}
"""What the effort is called for models that have levels of it, by a part of their names."""
_LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


def write_request(request: ChatRequest, *, model: str, max_tokens: int | None) -> dict[str, Any]:
    """The body, ready to be encoded.

    Args:
        request: what the caller asks for.
        model: the model's id, inference profile or ARN.
        max_tokens: the cap on output; None leaves it to the model.

    Raises:
        BadRequest: something cannot be said in this dialect; ``param`` names the field.
    """
    refuse_unsayable(request, WORDS)
    refuse_blank_stops(request)
    require_tools_for(request)
    system, turns = write_messages(request.messages, model)
    limits: dict[str, Any] = {} if max_tokens is None else {"maxTokens": max_tokens}
    body: dict[str, Any] = {"messages": turns, "inferenceConfig": limits}
    more: dict[str, Any] = {}
    if system:
        body["system"] = system
    if request.stop:
        limits["stopSequences"] = request.stop
    _write_tools(body, more, request, model)
    if "claude" in model:
        _write_claude(limits, more, request, turns, traits_of(model))
    else:
        _write_others(limits, more, request, model)
    if more:
        body["additionalModelRequestFields"] = more
    _write_format(body, request)
    _write_cache_points(body, request)
    return body


def _write_tools(body: dict[str, Any], more: dict[str, Any], request: ChatRequest, model: str) -> None:
    choice = request.tool_choice
    called = has_tool_blocks(body["messages"])
    if called and not request.tools:
        raise BadRequest(
            "tools is empty, and the conversation holds tool calls; expected the tools that were called",
            param="tools",
        )
    if called and choice is not None and choice.mode == "none":
        raise BadRequest(
            "tool_choice is none, and the conversation holds tool calls: this model's provider cannot keep "
            "the model from calling again; leave tool_choice out",
            param="tool_choice",
        )
    if not request.tools or (choice is not None and choice.mode == "none"):
        return
    config: dict[str, Any] = {"tools": [_tool(tool, strict="claude" in model) for tool in request.tools]}
    if choice is not None:
        config["toolChoice"] = {_MODES[choice.mode]: {"name": choice.name} if choice.mode == "tool" else {}}
    body["toolConfig"] = config
    if request.parallel_tool_calls is False:
        if "claude" not in model:
            raise BadRequest(
                "parallel_tool_calls cannot be turned off for this model; leave it out",
                param="parallel_tool_calls",
            )
        kind = _MODES[choice.mode] if choice is not None else "auto"
        named = {"name": choice.name} if choice is not None and choice.mode == "tool" else {}
        more["tool_choice"] = {"type": kind, **named, "disable_parallel_tool_use": True}


def _tool(tool: Tool, *, strict: bool) -> dict[str, Any]:
    """``strict``: the model can be held to a schema, where the caller asks for it."""
    schema = {"type": "object", **(tool.parameters or {"properties": {}})}
    said: dict[str, Any] = {"name": tool.name}
    if tool.description:
        said["description"] = tool.description
    if strict and tool.strict:
        schema, said["strict"] = closed(schema), True
    return {"toolSpec": {**said, "inputSchema": {"json": schema}}}


def _write_claude(
    limits: dict[str, Any],
    more: dict[str, Any],
    request: ChatRequest,
    turns: list[dict[str, Any]],
    traits: Traits,
) -> None:
    choice = request.tool_choice
    forced = choice is not None and choice.mode in ("required", "tool")
    room = limits.get("maxTokens", _THINKING_ROOM)
    thinking, effort = write_thinking(request, traits, room, forced=forced, lost=has_lost_thoughts(turns))
    if thinking is not None:
        more["thinking"] = thinking
        limits["maxTokens"] = room
    if effort is not None:
        more["output_config"] = {"effort": effort}
    if not traits.sampling or (thinking or {}).get("type", "disabled") != "disabled":
        return
    if request.temperature is not None:
        limits["temperature"] = min(request.temperature, traits.hottest)
    if request.top_p is not None and not (traits.one_sampler and request.temperature is not None):
        limits["topP"] = request.top_p
    if request.top_k is not None:
        more["top_k"] = request.top_k


def _write_others(limits: dict[str, Any], more: dict[str, Any], request: ChatRequest, model: str) -> None:
    if request.temperature is not None:
        limits["temperature"] = min(request.temperature, 1.0)
    if request.top_p is not None:
        limits["topP"] = request.top_p
    if request.top_k is not None and "amazon.nova" in model:
        more["inferenceConfig"] = {"topK": request.top_k}
    for part, field in _EFFORT_FIELDS.items():
        if part in model and request.reasoning_effort in _LEVELS:
            more[field] = _LEVELS[request.reasoning_effort]


def _write_format(body: dict[str, Any], request: ChatRequest) -> None:
    asked = request.response_format
    if asked is None or asked.kind == "text":
        return
    if asked.kind == "json_object" or asked.schema is None:
        raise BadRequest(
            "response_format asks for JSON without a schema, which this model's provider does not offer; "
            "use type json_schema with a schema",
            param="response_format",
        )
    shape = {"name": asked.name or "answer", "schema": encode(closed(asked.schema)).decode()}
    form = {"type": "json_schema", "structure": {"jsonSchema": shape}}
    body["outputConfig"] = {"textFormat": form}


def _write_cache_points(body: dict[str, Any], request: ChatRequest) -> None:
    asked = request.extra.get("cache_control")
    if not isinstance(asked, dict):
        return
    point: dict[str, Any] = {"type": "default"}
    if asked.get("ttl") in ("5m", "1h"):
        point["ttl"] = asked["ttl"]
    places = [body.get("toolConfig", {}).get("tools"), body.get("system")]
    if body["messages"][-1]["role"] == "user":
        places.append(body["messages"][-1]["content"])
    for place in places:
        if place:
            place.append({"cachePoint": point})
