"""JSON schemas as structured outputs want them (Anthropic documentation, "Structured outputs"): every object
says ``additionalProperties: false``.
"""

from __future__ import annotations

from typing import Any

_DATA = frozenset({"const", "default", "enum", "examples"})
"""What holds values instead of schemas."""
_NAMED = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
"""What holds schemas by names of the author's choosing."""


def closed(schema: Any) -> Any:
    """A copy of ``schema`` in which every object that does not say otherwise has no further properties."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: _member(name, value) for name, value in schema.items()}
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind):
        copy.setdefault("additionalProperties", False)
    return copy


def _member(name: str, value: Any) -> Any:
    if name in _DATA:
        return value
    if name in _NAMED and isinstance(value, dict):
        return {inner: closed(schema) for inner, schema in value.items()}
    return closed(value)
