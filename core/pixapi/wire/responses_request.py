"""A request of the Responses API, read into the internal model (OpenAI API reference, "Create a response").

Only used where the provider speaks another dialect. What becomes of each field says `responses_fields`; within
the fields, tools that run on the vendor's side are refused as well. Fields that nobody here knows go on in
``extra``, as in the other dialects.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest, Message, ResponseFormat, Text, Tool, ToolChoice
from pixapi.wire.dialect_fields import take
from pixapi.wire.json import Fields, decode_any
from pixapi.wire.responses_fields import FIELDS
from pixapi.wire.responses_input import output_cap, refuse_stateful
from pixapi.wire.responses_items import read_items

_LOGPROBS = "message.output_text.logprobs"


def read_request(fields: Fields) -> ChatRequest:
    """The request that a body states.

    Raises:
        BadRequest: a field has a wrong type, or asks for what only the dialect's own vendor has; ``param``
            names it. Code ``unsupported_parameter`` for what needs stored state.
    """
    refuse_stateful(fields)
    values = {name: value for name in fields if (value := _value(fields, name)) is not None}
    include = values.get("include")
    if isinstance(include, list) and _LOGPROBS in include:
        values["top_logprobs"] = values.get("top_logprobs") or 1
    taken = take(values, FIELDS)
    text = _object(values, "text")
    reasoning = _object(values, "reasoning")
    tools, choice = _tools(values)
    verbosity = text.get("verbosity")
    extra = {**taken.extra, "verbosity": verbosity if isinstance(verbosity, str) else None}
    effort = reasoning.get("effort")
    return ChatRequest(
        messages=_messages(values),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=_typed(values, "parallel_tool_calls", bool, "true or false"),
        response_format=_format(text.get("format")),
        max_output=output_cap(fields),
        temperature=_number(values, "temperature"),
        top_p=_number(values, "top_p"),
        reasoning_effort=effort if isinstance(effort, str) else None,
        user=_typed(values, "user", str, "a string"),
        extra={name: value for name, value in extra.items() if value is not None},
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
    if value is not None and not isinstance(value, kind):
        raise BadRequest(f"{name} has a wrong type; expected {expected}", param=name)
    return value


def _object(values: dict[str, Any], name: str) -> dict[str, Any]:
    return _typed(values, name, dict, "an object") or {}


def _number(values: dict[str, Any], name: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest(f"{name} has a wrong type; expected a number", param=name)
    return float(value)


def _messages(values: dict[str, Any]) -> list[Message]:
    messages = read_items(values.get("input"))
    instructions = _typed(values, "instructions", str, "a string")
    if instructions:
        messages.insert(0, Message("system", [Text(instructions)]))
    if not messages:
        raise BadRequest("input is missing or empty; expected a string or a list of items", param="input")
    return messages


def _tools(values: dict[str, Any]) -> tuple[list[Tool], ToolChoice | None]:
    said = values.get("tools", [])
    if not isinstance(said, list):
        raise BadRequest("tools has a wrong type; expected a list of tools", param="tools")
    tools = [_tool(tool) for tool in said]
    choice = values.get("tool_choice")
    if choice is None or choice in ("auto", "none", "required"):
        return tools, None if choice is None else ToolChoice(choice)
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "function" and isinstance(choice.get("name"), str):
        return tools, ToolChoice("tool", choice["name"])
    if kind == "allowed_tools" and choice.get("mode") in ("auto", "required"):
        listed = choice.get("tools")
        named = listed if isinstance(listed, list) else []
        names = [tool.get("name") for tool in named if isinstance(tool, dict)]
        return [tool for tool in tools if tool.name in names], ToolChoice(choice["mode"])
    raise BadRequest(
        "tool_choice is not understood; expected auto, none, required, one function or allowed_tools",
        param="tool_choice",
    )


def _tool(tool: Any) -> Tool:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind != "function":
        raise BadRequest(
            f"a tool is of type {str(kind)[:40]!r}; this model's provider offers function and no other",
            param="tools",
        )
    name, parameters, strict = tool.get("name"), tool.get("parameters"), tool.get("strict")
    if not isinstance(name, str):
        raise BadRequest("a tool of type function has no name", param="tools")
    if parameters is not None and not isinstance(parameters, dict):
        raise BadRequest(f"the parameters of tool {name[:80]!r} are no JSON schema", param="tools")
    description = tool.get("description")
    return Tool(
        name=name,
        description=description if isinstance(description, str) else None,
        parameters=parameters,
        strict=strict if isinstance(strict, bool) else None,
    )


def _format(said: Any) -> ResponseFormat | None:
    if said is None:
        return None
    kind = said.get("type") if isinstance(said, dict) else None
    if kind in ("text", "json_object"):
        return ResponseFormat(kind=kind)
    if kind != "json_schema" or not isinstance(said.get("schema"), dict):
        raise BadRequest(
            "text.format is not understood; expected type text, json_object, or json_schema with a schema",
            param="text",
        )
    name, strict = said.get("name"), said.get("strict")
    return ResponseFormat(
        kind="json_schema",
        name=name if isinstance(name, str) else None,
        schema=said["schema"],
        strict=strict if isinstance(strict, bool) else None,
    )
