"""A chat request of the Messages API, read into the internal model (Anthropic API reference, "Messages").

Only used where the provider speaks another dialect. What becomes of each field says `anthropic_fields`; what only
Anthropic's own servers can do (tools that run there, stored files) is refused within the fields as well.

Effort and budget are the model's own words; thinking that is turned off is the effort "none", and thinking that
the model decides about itself ("adaptive") is the effort that is asked for, if any.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest, Message, ResponseFormat, Tool, ToolChoice
from pixapi.wire.anthropic_fields import FIELDS
from pixapi.wire.anthropic_read_blocks import read_messages, read_system
from pixapi.wire.anthropic_sizes import output_cap
from pixapi.wire.dialect_fields import take
from pixapi.wire.json import Fields, decode_any, is_null

_MODES = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}


def read_messages_request(fields: Fields) -> ChatRequest:
    """The request that a body states.

    Raises:
        BadRequest: a field has a wrong type, or asks for what only Anthropic's own servers do; ``param`` names it.
    """
    values = {
        name: _value(fields, name) for name in fields if name != "messages" and not is_null(fields[name])
    }
    taken = take(values, FIELDS)
    choice, parallel = _tool_choice(values)
    effort, budget = _thinking(values)
    system = read_system(fields.get("system"))
    return ChatRequest(
        messages=[*([Message("system", system)] if system else []), *read_messages(fields.get("messages"))],
        tools=_tools(values),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=_response_format(values),
        max_output=output_cap(fields),
        temperature=_number(values, "temperature"),
        top_p=_number(values, "top_p"),
        top_k=_typed(values, "top_k", int, "a whole number"),
        stop=_stop(values),
        reasoning_effort=effort,
        reasoning_budget=budget,
        user=_user(values),
        extra=taken.extra,
        dropped=taken.dropped,
        names=taken.names,
    )


def _value(fields: Fields, name: str) -> Any:
    try:
        return decode_any(fields[name])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest(f"{name} is not valid JSON", param=name) from None


def _typed(values: dict[str, Any], name: str, kind: type, expected: str) -> Any:
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadRequest(f"{name} has a wrong type; expected {expected}", param=name)
    return value


def _number(values: dict[str, Any], name: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest(f"{name} has a wrong type; expected a number", param=name)
    return float(value)


def _stop(values: dict[str, Any]) -> list[str]:
    stops = values.get("stop_sequences") or []
    if not isinstance(stops, list) or not all(isinstance(item, str) for item in stops):
        raise BadRequest(
            "stop_sequences has a wrong type; expected a list of strings", param="stop_sequences"
        )
    return stops


def _user(values: dict[str, Any]) -> str | None:
    metadata = _typed(values, "metadata", dict, "an object") or {}
    user = metadata.get("user_id")
    if user is not None and not isinstance(user, str):
        raise BadRequest("metadata.user_id is not a string", param="metadata")
    return user


def _tools(values: dict[str, Any]) -> list[Tool]:
    return [_tool(tool) for tool in _typed(values, "tools", list, "a list of tools") or []]


def _tool(tool: Any) -> Tool:
    if not isinstance(tool, dict):
        raise BadRequest("tools holds something that is no object; expected tools", param="tools")
    if tool.get("type") not in (None, "custom"):
        raise BadRequest(
            f"a tool is of type {str(tool['type'])[:40]!r}, which this model's provider does not offer; "
            "expected tools with a name and an input_schema",
            param="tools",
        )
    name, schema = tool.get("name"), tool.get("input_schema")
    if not isinstance(name, str) or not name:
        raise BadRequest("a tool has no name; expected a string", param="tools")
    if schema is not None and not isinstance(schema, dict):
        raise BadRequest(f"the input_schema of tool {name[:64]!r} is no JSON schema", param="tools")
    description, strict = tool.get("description"), tool.get("strict")
    return Tool(
        name=name,
        description=description if isinstance(description, str) else None,
        parameters=schema,
        strict=strict if isinstance(strict, bool) else None,
    )


def _tool_choice(values: dict[str, Any]) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether several calls at once are allowed; None where the caller left it open."""
    said = _typed(values, "tool_choice", dict, "an object with a type")
    if said is None:
        return None, None
    kind, name = said.get("type"), said.get("name")
    if not isinstance(kind, str) or kind not in _MODES or (kind == "tool" and not isinstance(name, str)):
        raise BadRequest(
            "tool_choice is not understood; expected type auto, any, none, or tool with a name",
            param="tool_choice",
        )
    single = said.get("disable_parallel_tool_use")
    parallel = not single if isinstance(single, bool) else None
    if kind == "tool":
        return ToolChoice("tool", name), parallel
    return ToolChoice(_MODES[kind]), parallel  # ty: ignore[invalid-argument-type]


def _thinking(values: dict[str, Any]) -> tuple[str | None, int | None]:
    """The effort and the budget of thought."""
    config = _typed(values, "output_config", dict, "an object") or {}
    effort = config.get("effort")
    if effort is not None and not isinstance(effort, str):
        raise BadRequest("output_config.effort is not a string", param="output_config")
    thinking = _typed(values, "thinking", dict, "an object with a type")
    if thinking is None:
        return effort, None
    kind = thinking.get("type")
    if kind in ("disabled", "between_tools"):
        return "none", None
    if kind not in ("enabled", "adaptive"):
        raise BadRequest(
            "thinking is not understood; expected type enabled, adaptive or disabled", param="thinking"
        )
    budget = thinking.get("budget_tokens")
    if kind == "enabled" and (isinstance(budget, bool) or not isinstance(budget, int) or budget < 1):
        raise BadRequest("thinking.budget_tokens is not a positive whole number", param="thinking")
    return effort, budget if isinstance(budget, int) else None


def _response_format(values: dict[str, Any]) -> ResponseFormat | None:
    """The shape of the answer; ``output_format`` is where it stood before ``output_config``."""
    said = (values.get("output_config") or {}).get("format", values.get("output_format"))
    if said is None:
        return None
    schema = said.get("schema") if isinstance(said, dict) else None
    if not isinstance(schema, dict) or said.get("type") != "json_schema":
        raise BadRequest(
            "output_config.format is not understood; expected type json_schema with a schema",
            param="output_config",
        )
    return ResponseFormat(kind="json_schema", schema=schema)
