"""The JSON schema of `pixapi.toml`, for editors and other checkers.

It is made of `Settings` and of the `Config` of every plugin that is installed: a plugin's table is a union
whose members are told apart by ``use``. Any value may be a reference instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pixapi.config.settings import ProviderTable, Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = {"$ref": "#/$defs/Reference"}
_DEFINITIONS = "#/$defs/"
_SCALARS = {"string", "integer", "number", "boolean"}


def json_schema(plugins: Mapping[str, Mapping[str, type[BaseModel]]]) -> dict[str, Any]:
    """The schema of the whole file.

    Args:
        plugins: section (``providers``, ``guards``, ``prices``) -> what ``use`` may say -> the plugin's settings.
    """
    schema = Settings.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    for section, kinds in plugins.items():
        tables = [_table(section, use, config, definitions) for use, config in sorted(kinds.items())]
        name = f"plugins.{section}"
        definitions[name] = {"oneOf": [*tables, _one_file()]}
        tables_of = schema["properties"][section]
        (names,) = tables_of["patternProperties"]
        tables_of["patternProperties"] = {names: {"$ref": _DEFINITIONS + name}}
    schema = _closed(_with_references(schema))
    schema["$defs"]["Reference"] = _reference()
    return {"$schema": DIALECT, **schema, "title": "pixapi.toml"}


def _table(section: str, use: str, config: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """Puts the schema of one plugin's table, and what it is made of, among the definitions."""
    name = f"plugins.{section}.{use}"
    inner = config.model_json_schema(ref_template=f"{_DEFINITIONS}{name}.{{model}}")
    for part, definition in inner.pop("$defs", {}).items():
        definitions[f"{name}.{part}"] = definition
    own, required = inner.get("properties", {}), inner.get("required", [])
    inner["properties"] = {"use": {"const": use}, **own}
    if section == "providers":
        inner["properties"]["keys"] = _keys(own)
        # Each key brings along what is missing otherwise; that it brings all of it shows when it is loaded.
        inner["required"] = ["use"]
        inner["anyOf"] = [{"required": ["keys"]}, {"required": required}]
    else:
        inner["required"] = ["use", *required]
    definitions[name] = {**inner, "title": f"{section}: {use}"}
    return {"$ref": _DEFINITIONS + name}


def _keys(settings: dict[str, Any]) -> dict[str, Any]:
    """Several keys of a provider: values of `api_key`, or tables of some of its settings."""
    table = {"type": "object", "properties": settings, "additionalProperties": False, "minProperties": 1}
    described = ProviderTable.model_fields["keys"].description
    return {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [{"type": "string"}, table]},
        "description": described,
    }


def _one_file() -> dict[str, Any]:
    return {
        "type": "object",
        "title": "a plugin in one file",
        "properties": {"use": {"type": "string", "pattern": r"\.py(:.+)?$"}},
        "required": ["use"],
    }


def _reference() -> dict[str, Any]:
    def of(name: str, meaning: str) -> dict[str, Any]:
        properties = {name: {"type": "string", "description": meaning}}
        return {"type": "object", "properties": properties, "required": [name], "additionalProperties": False}

    return {
        "title": "Reference",
        "oneOf": [
            of("env", "The environment variable that holds the value."),
            of("file", "The file that holds the value, relative to the configuration file."),
        ],
    }


def _closed(schema: Any) -> Any:
    """``schema`` with names that fit no pattern refused, as pydantic does when it validates."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    more = {"additionalProperties": False} if "patternProperties" in schema else {}
    return {key: _closed(value) for key, value in schema.items()} | more


def _with_references(schema: Any) -> Any:
    """``schema`` with every scalar widened to a scalar or a reference."""
    if isinstance(schema, list):
        return [_with_references(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    walked = {}
    for key, value in schema.items():
        if key in ("properties", "patternProperties", "$defs"):
            walked[key] = {name: _with_references(item) for name, item in value.items()}
        elif key in ("items", "additionalProperties", "anyOf", "oneOf", "allOf"):
            walked[key] = _with_references(value)
        else:
            walked[key] = value
    if walked.get("type") in _SCALARS or "enum" in walked:
        outer = {key: walked.pop(key) for key in ("title", "description", "default") if key in walked}
        return {**outer, "anyOf": [walked, _REFERENCE]}
    return walked
