"""A chat request of the internal model as the body of ``POST /v1/messages`` (Anthropic API reference,
"Messages"; "API version 2026-10-21").

What the dialect has words for says `WORDS`; what becomes of the rest, `chat_terms`. Fields that are the Messages
API's own (``thinking``, ``cache_control``, ``output_config``) are taken from callers who send them in a request of
another dialect.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest, Tool, ToolChoice
from pixapi.wire.anthropic_messages import has_lost_thoughts, has_thoughts, write_messages
from pixapi.wire.anthropic_models import Traits, traits_of
from pixapi.wire.anthropic_schema import closed
from pixapi.wire.anthropic_thinking import write_thinking
from pixapi.wire.chat_limits import refuse_blank_stops, require_tools_for
from pixapi.wire.chat_terms import Word, Words, refuse_unsayable

NEWEST_VERSION = "2026-10-21"
"""From this version of the API on, sampling parameters are refused and keys are bearer tokens."""

_USER_ID_CHARACTERS = 256
_NEEDS_SCHEMA = "JSON without a schema is refused"
_SAMPLING = "dropped where the model or the API version refuses it, and while the model thinks"
_THOUGHT = "dropped where the model does not think, or must call a tool"
WORDS = Words(
    {
        "tools": Word(("tools",)),
        "tool_choice": Word(("tool_choice",)),
        "parallel_tool_calls": Word(("tool_choice.disable_parallel_tool_use",)),
        "response_format": Word(("output_config.format",), but=_NEEDS_SCHEMA),
        "max_output": Word(("max_tokens",)),
        "stop": Word(("stop_sequences",)),
        "temperature": Word(("temperature",), but=_SAMPLING),
        "top_p": Word(("top_p",), but=_SAMPLING),
        "top_k": Word(("top_k",), but=_SAMPLING),
        "reasoning_effort": Word(("thinking", "output_config.effort"), but=_THOUGHT),
        "reasoning_budget": Word(("thinking", "output_config.effort"), but=_THOUGHT),
        "user": Word(("metadata.user_id",)),
        "safety_identifier": Word(("metadata.user_id",)),
        "cache_control": Word(("cache_control",)),
        "thinking": Word(("thinking",)),
        "output_config": Word(("output_config",)),
    }
)
_MODES = {"auto": "auto", "none": "none", "required": "any", "tool": "tool"}


def write_request(
    request: ChatRequest, *, model: str, max_tokens: int, version: str, maker: str, stream: bool
) -> dict[str, Any]:
    """The body, ready to be encoded.

    Args:
        request: what the caller asks for.
        model: the model's name at the vendor.
        max_tokens: the cap on output; the API insists on one.
        version: what ``anthropic-version`` will say.
        maker: whose signatures are sent back (`seal`).
        stream: whether the reply is to be streamed.

    Raises:
        BadRequest: something cannot be said in this dialect; ``param`` names the field.
    """
    refuse_unsayable(request, WORDS)
    refuse_blank_stops(request)
    require_tools_for(request)
    traits = traits_of(model)
    system, turns = write_messages(request.messages, maker)
    body: dict[str, Any] = {"model": model, "max_tokens": max_tokens, "messages": turns}
    if system:
        body["system"] = system
    if stream:
        body["stream"] = True
    if request.stop:
        body["stop_sequences"] = request.stop
    user = request.user or request.extra.get("safety_identifier")
    if isinstance(user, str) and user:
        body["metadata"] = {"user_id": user[:_USER_ID_CHARACTERS]}
    if isinstance(request.extra.get("cache_control"), dict):
        body["cache_control"] = request.extra["cache_control"]
    _write_tools(body, request, traits)
    _write_thinking(body, request, traits)
    _write_format(body, request)
    thinks = body.get("thinking", {}).get("type", "disabled") != "disabled"
    if traits.sampling and version < NEWEST_VERSION and not thinks:
        _write_sampling(body, request, traits)
    return body


def _write_tools(body: dict[str, Any], request: ChatRequest, traits: Traits) -> None:
    choice = request.tool_choice
    if not request.tools:
        return
    body["tools"] = [_tool(tool) for tool in request.tools]
    if choice is None and request.parallel_tool_calls is not False:
        return
    choice = choice or ToolChoice("auto")
    said: dict[str, Any] = {"type": _MODES[choice.mode]}
    if choice.mode == "tool":
        said["name"] = choice.name
    if request.parallel_tool_calls is False and choice.mode != "none":
        said["disable_parallel_tool_use"] = True
    body["tool_choice"] = said


def _tool(tool: Tool) -> dict[str, Any]:
    schema = {"type": "object", **(tool.parameters or {"properties": {}})}
    said: dict[str, Any] = {"name": tool.name}
    if tool.description:
        said["description"] = tool.description
    said["input_schema"] = closed(schema) if tool.strict else schema
    if tool.strict:
        said["strict"] = True
    return said


def _write_thinking(body: dict[str, Any], request: ChatRequest, traits: Traits) -> None:
    forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
    lost = has_lost_thoughts(body["messages"])
    thinking, effort = write_thinking(request, traits, body["max_tokens"], forced=forced, lost=lost)
    if traits.binds and has_thoughts(body["messages"]):
        # What was said before may have been edited since; then the model does without its old thoughts.
        thinking = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}, **(thinking or {})}
        thinking.setdefault("type", "adaptive")
    if thinking is not None:
        body["thinking"] = thinking
    own = request.extra.get("output_config")
    config = dict(own) if isinstance(own, dict) else {}
    if effort is not None:
        config.setdefault("effort", effort)
    if config:
        body["output_config"] = config


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
    shape = {"type": "json_schema", "schema": closed(asked.schema)}
    body["output_config"] = {**body.get("output_config", {}), "format": shape}


def _write_sampling(body: dict[str, Any], request: ChatRequest, traits: Traits) -> None:
    if request.temperature is not None:
        body["temperature"] = min(request.temperature, traits.hottest)
    if request.top_p is not None and not (traits.one_sampler and request.temperature is not None):
        body["top_p"] = request.top_p
    if request.top_k is not None:
        body["top_k"] = request.top_k
