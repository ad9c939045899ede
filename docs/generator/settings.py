"""docs/reference/settings.md, from the schema of the configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from generator.markdown import code, document, table
from pixapi.app.reload import RESTART_ONLY
from pixapi.config.settings import Settings

_INTRO = """
Everything that `pixapi.toml` may hold. An unknown key is an error that names file, line and key, and suggests the
nearest known one.

- A value may be a reference: `{ env = "NAME" }` takes it from an environment variable, `{ file = "path" }` from a file
  (relative to the configuration file).
- The variable `PIXAPI_SECTION__KEY` overrides `key` in `[section]`; two underscores step into a table or a list:
  `PIXAPI_SERVER__PORT=9000`, `PIXAPI_PROVIDERS__OPENAI__API_KEY=...`.
- More models may lie in `models.d/*.toml` beside the file; those files hold `[[models]]` only.
- `pixapi config show` prints what is in force, `pixapi config schema` the JSON schema with the tables of all installed
  plugins.
- Sections marked *restart* are read at start only; all others are taken up by `pixapi reload`.
"""
_PLUGINS = {"providers": "provider", "guards": "guard", "prices": "price source"}


def page() -> str:
    schema = Settings.model_json_schema()
    parts = [_INTRO]
    for name, spec in schema["properties"].items():
        parts.append(_section(name, spec, schema["$defs"]))
    return document("Settings", *parts)


def _section(name: str, spec: dict[str, Any], definitions: dict[str, Any]) -> str:
    if name in _PLUGINS:
        return (
            f"## `[{name}.NAME]`\n\nOne table for each {_PLUGINS[name]}; the name is yours. `use` names the plugin, "
            "the other keys are the plugin's own: see [plugins](plugins.md).\n\n"
            + _keys(definitions["ProviderTable" if name == "providers" else "PluginTable"], definitions)
        )
    heading, model = _heading(name, spec)
    definition = definitions[model]
    restart = "\n\n*restart*" if name in RESTART_ONLY else ""
    blocks = [
        f"## `{heading}`\n\n{definition.get('description', '')}{restart}",
        _keys(definition, definitions),
    ]
    blocks += [_nested(heading, key, inner, definitions) for key, inner in _models_in(definition)]
    return "\n\n".join(blocks)


def _heading(name: str, spec: dict[str, Any]) -> tuple[str, str]:
    """How the section is written, and the definition of what it holds."""
    if spec.get("type") == "array":
        return f"[[{name}]]", _target(spec["items"])
    named = [*spec.get("patternProperties", {}).values(), spec.get("additionalProperties")]
    if isinstance(named[0], dict):
        return f"[{name}.NAME]", _target(named[0])
    return f"[{name}]", _target(spec)


def _nested(heading: str, key: str, model: str, definitions: dict[str, Any]) -> str:
    owner = heading.strip("[]")
    title = (
        f"[{owner}.{key}]"
        if heading.startswith("[") and not heading.startswith("[[")
        else f"{key}` of `{heading}"
    )
    return f"### `{title}`\n\n{definitions[model].get('description', '')}\n\n" + _keys(
        definitions[model], definitions
    )


def _models_in(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys of a section that hold tables of their own; a model is shown once."""
    seen = set()
    for key, spec in definition["properties"].items():
        target = _target(spec.get("items", spec))
        if target and target not in seen:
            seen.add(target)
            yield key, target


def _keys(definition: dict[str, Any], definitions: dict[str, Any]) -> str:
    required = definition.get("required", [])
    rows = [
        (
            code(key),
            _type(spec, definitions),
            "required" if key in required else _default(spec),
            _description(spec),
        )
        for key, spec in definition["properties"].items()
    ]
    return table(["key", "value", "default", "meaning"], rows)


def _description(spec: dict[str, Any]) -> str:
    text = spec.get("description", "")
    return text if not text or text.endswith(".") else text + "."


def _default(spec: dict[str, Any]) -> str:
    value = spec.get("default")
    if value is None:
        return "none"
    if isinstance(value, dict):
        return "its own defaults"
    return code(json.dumps(value))


def _target(spec: dict[str, Any]) -> str:
    for part in [spec, *spec.get("anyOf", []), *spec.get("allOf", [])]:
        if "$ref" in part:
            return part["$ref"].rsplit("/", 1)[-1]
    return ""


def type_of(spec: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A JSON schema's type in the words of TOML."""
    return _type(spec, definitions)


def _type(spec: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "enum" in spec:
        return " or ".join(code(json.dumps(value)) for value in spec["enum"])
    if "const" in spec:
        return code(json.dumps(spec["const"]))
    if "$ref" in spec:
        target = definitions[_target(spec)]
        return "table" if target.get("type") == "object" else _type(target, definitions)
    if "anyOf" in spec:
        kinds = [_type(part, definitions) for part in spec["anyOf"] if part.get("type") != "null"]
        # A decimal is read from a number or from text; the text is what keeps it exact.
        return (
            "decimal"
            if set(kinds) >= {"text"} and len(kinds) > 1 and _is_number(spec)
            else " or ".join(dict.fromkeys(kinds))
        )
    kind = spec.get("type")
    if kind == "array":
        return f"list of {_type(spec.get('items', {}), definitions)}"
    words = {
        "string": "text",
        "integer": "integer",
        "number": "number",
        "boolean": "`true` or `false`",
        "object": "table",
    }
    return _format(spec) or words.get(str(kind), "any") + _range(spec)


def _is_number(spec: dict[str, Any]) -> bool:
    return any(part.get("type") == "number" for part in spec["anyOf"])


def _format(spec: dict[str, Any]) -> str:
    if spec.get("writeOnly"):
        return "secret"
    return {"ipv4network": "network", "ipv6network": "network"}.get(spec.get("format", ""), "")


def _range(spec: dict[str, Any]) -> str:
    if "minimum" in spec and "maximum" in spec:
        return f", {spec['minimum']} to {spec['maximum']}"
    if spec.get("exclusiveMinimum") == 0:
        return " above 0"
    return ""
