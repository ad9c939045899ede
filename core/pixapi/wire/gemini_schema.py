"""Schemas of Gemini's own kind as JSON schemas (Gemini API reference, "Schema").

It is a part of OpenAPI 3.0: types are spelt in capitals, ``nullable`` stands beside the type, whole numbers
may be strings, and the order of properties has a member of its own.
"""

from __future__ import annotations

from typing import Any

from pixapi.wire.gemini_names import listed, snake, whole

_TYPES = {"string", "number", "integer", "boolean", "array", "object", "null"}
_LIMITS = frozenset({"maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties"})
_PLAIN = ("title", "description", "format", "pattern", "minimum", "maximum", "default", "enum", "required")
_NESTED = ("items", "additionalProperties")


def json_schema(schema: Any) -> dict[str, Any]:
    """``schema`` as a JSON schema; what it has no word for is left out."""
    if not isinstance(schema, dict):
        return {}
    said = {name: _get(schema, name) for name in _PLAIN}
    found = {name: value for name, value in said.items() if value is not None}
    kind = _get(schema, "type")
    if isinstance(kind, str) and kind.lower() in _TYPES:
        found["type"] = kind.lower()
    elif isinstance(kind, list):
        found["type"] = [str(one).lower() for one in kind]
    for name in _LIMITS:
        number = whole(_get(schema, name))
        if number is not None:
            found[name] = number
    for name in _NESTED:
        inner = _get(schema, name)
        if isinstance(inner, dict):
            found[name] = json_schema(inner)
        elif isinstance(inner, bool):
            found[name] = inner
    for name, ours in (("properties", "properties"), ("defs", "$defs"), ("$defs", "$defs")):
        inner = _get(schema, name)
        if isinstance(inner, dict):
            found[ours] = {key: json_schema(one) for key, one in inner.items()}
    choices = _get(schema, "anyOf")
    if choices is not None:
        found["anyOf"] = [json_schema(one) for one in listed(choices)]
    reference = _get(schema, "ref") or _get(schema, "$ref")
    if isinstance(reference, str):
        found["$ref"] = reference
    if _get(schema, "example") is not None:
        found["examples"] = [_get(schema, "example")]
    return _nullable(found) if _get(schema, "nullable") is True else found


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("type"), str):
        values = schema.get("enum")
        if isinstance(values, list) and None not in values:
            schema["enum"] = [*values, None]
        return {**schema, "type": [schema["type"], "null"]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return schema


def _get(schema: dict[str, Any], name: str) -> Any:
    value = schema.get(name)
    return schema.get(snake(name)) if value is None else value
