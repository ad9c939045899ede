"""A Gemini request, read into the internal model (Gemini API reference, "GenerateContentRequest").

Only used where the provider speaks another dialect, or the stream is wanted in another framing. What becomes of each
field says `gemini_fields`; tools of Google's own are refused as well.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest, ResponseFormat, Tool, ToolChoice
from pixapi.wire.dialect_fields import Taken, take
from pixapi.wire.gemini_fields import CONFIG, FIELDS, camel
from pixapi.wire.gemini_names import listed, member, value, whole, words
from pixapi.wire.gemini_read_contents import ContentsReader, read_system
from pixapi.wire.gemini_schema import json_schema
from pixapi.wire.gemini_sizes import config_of, sizes_of_config
from pixapi.wire.json import Fields

_PENALTIES = (("presence_penalty", "presencePenalty"), ("frequency_penalty", "frequencyPenalty"))


def read_request(fields: Fields) -> ChatRequest:
    """The request that a body states.

    Raises:
        BadRequest: a field has a wrong type, or asks for what only Google has; ``param`` names it.
    """
    if value(fields, "cachedContent") is not None:
        raise BadRequest(
            "cachedContent is Google's own; send the content itself, or use one of Google's models",
            param="cachedContent",
        )
    config = config_of(fields)
    taken = _taken(fields, config)
    cap, choices, _ = sizes_of_config(config)
    tools = _tools(value(fields, "tools"))
    choice, allowed = _choice(value(fields, "toolConfig"))
    effort, budget = _thinking(config)
    return ChatRequest(
        messages=[
            *read_system(value(fields, "systemInstruction")),
            *ContentsReader().read(value(fields, "contents")),
        ],
        tools=[tool for tool in tools if not allowed or tool.name in allowed],
        tool_choice=choice,
        response_format=_format(config),
        max_output=cap,
        temperature=_number(config, "temperature"),
        top_p=_number(config, "topP"),
        top_k=whole(_number(config, "topK")),
        stop=_stop(config),
        seed=whole(_number(config, "seed")),
        n=choices,
        reasoning_effort=effort,
        reasoning_budget=budget,
        extra=_extra(fields, config),
        dropped=taken.dropped,
        names=taken.names,
    )


def _taken(fields: Fields, config: dict[str, Any]) -> Taken:
    """What the fields come to by the table; those that it does not know are dropped, for no other dialect has their
    like.
    """
    values = {
        name: value(fields, name)
        for name in map(camel, fields)
        if name not in ("contents", "systemInstruction", CONFIG)
    }
    values |= {f"{CONFIG}.{camel(name)}": said for name, said in config.items()}
    taken = take(values, FIELDS)
    unknown = [name for name in taken.extra if name in values and name not in FIELDS]
    return msgspec.structs.replace(taken, dropped=(*taken.dropped, *unknown))


def _extra(fields: Fields, config: dict[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {ours: _number(config, theirs) for ours, theirs in _PENALTIES}
    settings = value(fields, "safetySettings")
    extra["google"] = None if settings is None else {"safetySettings": settings}
    return {name: said for name, said in extra.items() if said is not None}


def _tools(said: Any) -> list[Tool]:
    tools: list[Tool] = []
    for tool in listed(said):
        if not isinstance(tool, dict):
            raise BadRequest("tools holds something that is no object", param="tools")
        others = [name for name in tool if name not in ("functionDeclarations", "function_declarations")]
        if others:
            raise BadRequest(
                f"the tool {others[0][:40]!r} is Google's own; this model's provider offers functions only",
                param="tools",
            )
        tools += [_tool(function) for function in listed(member(tool, "functionDeclarations"))]
    return tools


def _tool(said: Any) -> Tool:
    if not isinstance(said, dict) or not isinstance(said.get("name"), str):
        raise BadRequest("a function in tools has no name", param="tools")
    plain, own = member(said, "parametersJsonSchema"), member(said, "parameters")
    if plain is not None and not isinstance(plain, dict):
        raise BadRequest(
            f"the parameters of function {said['name'][:80]!r} are no JSON schema", param="tools"
        )
    parameters = plain if plain is not None else json_schema(own) if isinstance(own, dict) else None
    return Tool(said["name"], words(said.get("description")) or None, parameters)


def _choice(said: Any) -> tuple[ToolChoice | None, list[str]]:
    """Whether tools are to be called, and which of them may be; none named means all."""
    config = member(said, "functionCallingConfig") if isinstance(said, dict) else None
    if not isinstance(config, dict):
        return None, []
    mode = words(member(config, "mode")).upper()
    allowed = [name for name in listed(member(config, "allowedFunctionNames")) if isinstance(name, str)]
    if mode == "NONE":
        return ToolChoice("none"), []
    if mode == "ANY":
        return (ToolChoice("tool", allowed[0]) if len(allowed) == 1 else ToolChoice("required")), allowed
    if mode in ("AUTO", "VALIDATED"):
        return ToolChoice("auto"), allowed if mode == "VALIDATED" else []
    if mode in ("", "MODE_UNSPECIFIED"):
        return None, []
    raise BadRequest(
        "toolConfig.functionCallingConfig.mode is unknown; expected AUTO, ANY, NONE or VALIDATED",
        param="toolConfig",
    )


def _format(config: dict[str, Any]) -> ResponseFormat | None:
    kind = words(member(config, "responseMimeType"))
    own = member(config, "responseSchema")
    schema = member(config, "responseJsonSchema") or (json_schema(own) if own is not None else None)
    if schema is not None and not isinstance(schema, dict):
        raise _wrong("generationConfig.responseJsonSchema is no JSON schema")
    if kind == "application/json" or (schema is not None and not kind):
        if schema is None:
            return ResponseFormat("json_object")
        return ResponseFormat("json_schema", words(schema.get("title")) or "answer", schema)
    if kind in ("", "text/plain"):
        return None
    raise _wrong(f"generationConfig.responseMimeType {kind[:40]!r} is not offered; expected application/json")


def _thinking(config: dict[str, Any]) -> tuple[str | None, int | None]:
    said = member(config, "thinkingConfig")
    if not isinstance(said, dict):
        return None, None
    level = words(member(said, "thinkingLevel")).lower()
    if level and level != "thinking_level_unspecified":
        return level, None
    budget = whole(member(said, "thinkingBudget"))
    if budget == 0:
        return "none", None
    return None, budget if budget is not None and budget > 0 else None


def _stop(config: dict[str, Any]) -> list[str]:
    stops = listed(member(config, "stopSequences"))
    if not all(isinstance(stop, str) for stop in stops):
        raise _wrong("generationConfig.stopSequences is no list of strings")
    return stops


def _number(config: dict[str, Any], name: str) -> float | None:
    said = member(config, name)
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise _wrong(f"generationConfig.{name} has a wrong type; expected a number")
    return float(said)


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="generationConfig")
