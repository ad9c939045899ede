"""docs/reference/plugins.md, from what this distribution registers."""

from __future__ import annotations

from collections.abc import Iterator

from generator.markdown import code, document, table
from generator.settings import type_of
from pixapi.interfaces import PluginConfig
from pixapi.pluginhost.catalog import Available, available
from pixapi_providers.openai_compatible.rows import rows

_INTRO = """
The plugins that come with Pixapi. `use` in `[providers.NAME]`, `[guards.NAME]` or `[prices.NAME]` names one; the
keys below it are the plugin's own. `pixapi plugins list` shows those that are installed, other people's too.

The *evidence* of a provider says how it was tested: `live` against a real server, `recorded` against recorded traffic
of the vendor, `documented` from the vendor's documents only.
"""


def page() -> str:
    found = list(shipped())
    overview = table(
        ["use", "family", "evidence", "what it is"],
        [(code(item.use), item.family or "", item.evidence or "", item.summary) for item in found],
    )
    vendors = table(
        ["vendor", "address"],
        [(code(name), code(row.base_url) or "`base_url` is needed") for name, row in sorted(rows().items())],
    )
    return document(
        "Plugins",
        _INTRO,
        overview,
        *(_plugin(item) for item in found),
        "## Vendors that `openai_compatible` knows\n\nA row holds a vendor's address and what differs there from "
        f"OpenAI's API.\n\n{vendors}",
    )


def shipped() -> Iterator[Available]:
    """What the distribution `pixapi` itself offers; a broken plugin is an error here."""
    for item in available(None):
        if (item.distribution or "").split(" ")[0] == "pixapi":
            if item.problem:
                raise SystemExit(item.problem)
            yield item


def _plugin(item: Available) -> str:
    assert item.config is not None
    heading = f"## `{item.use}` ({item.family})\n\n{item.summary}"
    return f"{heading}\n\n{_settings(item.config)}"


def _settings(config: type[PluginConfig]) -> str:
    schema = config.model_json_schema()
    definitions = schema.get("$defs", {})
    required = schema.get("required", [])
    rows = []
    for key, spec in schema.get("properties", {}).items():
        value = None if spec.get("writeOnly") else spec.get("default")
        default = "required" if key in required else "none" if value in (None, "") else code(_plain(value))
        rows.append((code(key), type_of(spec, definitions), default, spec.get("description", "")))
    return table(["key", "value", "default", "meaning"], rows) or "It has no settings."


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
