"""A chat request in OpenAI's dialect, read into the internal model (OpenAI API reference, "Create chat
completion").

Only used where the provider speaks another dialect. What becomes of each field says `openai_chat_fields`. Fields
without a word in the model end up in ``extra``, as plain values; the provider decides which of them it can do
without.

Reasoning comes back from callers as they got it: ``reasoning_details``, a list of ``{"type":
"reasoning.text", "text", "signature"}`` and ``{"type": "reasoning.encrypted", "data"}``, else the bare
``reasoning_content``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest, ResponseFormat, Tool, ToolChoice
from pixapi.wire.dialect_fields import take
from pixapi.wire.json import Fields, decode_any
from pixapi.wire.openai_chat_fields import FIELDS
from pixapi.wire.openai_chat_messages import read_messages
from pixapi.wire.openai_input import choices, output_cap


def read_chat_request(fields: Fields) -> ChatRequest:
    """The request that a body states.

    Raises:
        BadRequest: a field has a wrong type; ``param`` names it and the sentence says what was expected.
    """
    values = {name: value for name in fields if (value := _value(fields, name)) is not None}
    messages = values.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages is missing or empty; expected a list of messages", param="messages")
    budget = None
    effort = _typed(values, "reasoning_effort", str, "a string")
    reasoning = values.get("reasoning")
    if isinstance(reasoning, dict):
        effort = effort or (reasoning.get("effort") if isinstance(reasoning.get("effort"), str) else None)
        budget = reasoning.get("max_tokens") if isinstance(reasoning.get("max_tokens"), int) else None
    taken = take(values, FIELDS)
    return ChatRequest(
        messages=read_messages(messages),
        tools=_tools(values),
        tool_choice=_tool_choice(values),
        parallel_tool_calls=_typed(values, "parallel_tool_calls", bool, "true or false"),
        response_format=_response_format(values),
        max_output=output_cap(fields),
        temperature=_number(values, "temperature"),
        top_p=_number(values, "top_p"),
        top_k=_typed(values, "top_k", int, "a whole number"),
        stop=_stop(values),
        seed=_typed(values, "seed", int, "a whole number"),
        n=choices(fields),
        reasoning_effort=effort,
        reasoning_budget=budget,
        user=_typed(values, "user", str, "a string"),
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
    stop = values.get("stop")
    if stop is None:
        return []
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or not all(isinstance(item, str) for item in stops):
        raise BadRequest("stop has a wrong type; expected a string or a list of strings", param="stop")
    return stops


def _tools(values: dict[str, Any]) -> list[Tool]:
    tools = values.get("tools")
    if tools is None:
        functions = values.get("functions") or []
        tools = [{"type": "function", "function": function} for function in functions]
    if not isinstance(tools, list):
        raise BadRequest("tools has a wrong type; expected a list of tools", param="tools")
    return [_tool(tool) for tool in tools]


def _tool(tool: Any) -> Tool:
    if not isinstance(tool, dict) or tool.get("type", "function") != "function":
        raise BadRequest(
            "a tool is not of type function; this model's provider offers no other", param="tools"
        )
    function = tool.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise BadRequest("a tool has no function with a name", param="tools")
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise BadRequest(f"the parameters of tool {function['name']!r} are no JSON schema", param="tools")
    description, strict = function.get("description"), function.get("strict")
    return Tool(
        name=function["name"],
        description=description if isinstance(description, str) else None,
        parameters=parameters,
        strict=strict if isinstance(strict, bool) else None,
    )


def _tool_choice(values: dict[str, Any]) -> ToolChoice | None:
    choice = values.get("tool_choice", values.get("function_call"))
    if choice is None:
        return None
    if choice in ("auto", "none", "required"):
        return ToolChoice(mode=choice)
    if isinstance(choice, dict):
        function = choice.get("function", choice)
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            return ToolChoice(mode="tool", name=function["name"])
    raise BadRequest(
        "tool_choice is not understood; expected auto, none, required or one function", param="tool_choice"
    )


def _response_format(values: dict[str, Any]) -> ResponseFormat | None:
    said = values.get("response_format")
    if said is None:
        return None
    kind = said.get("type") if isinstance(said, dict) else None
    if kind in ("text", "json_object"):
        return ResponseFormat(kind=kind)
    schema = said.get("json_schema") if isinstance(said, dict) else None
    if (
        kind != "json_schema"
        or not isinstance(schema, dict)
        or not isinstance(schema.get("schema", {}), dict)
    ):
        raise BadRequest(
            "response_format is not understood; expected type text, json_object or json_schema",
            param="response_format",
        )
    name, strict = schema.get("name"), schema.get("strict")
    return ResponseFormat(
        kind="json_schema",
        name=name if isinstance(name, str) else None,
        schema=schema.get("schema"),
        strict=strict if isinstance(strict, bool) else None,
    )
