"""Which plugins there are, for people and for the configuration's schema. This is what imports them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixapi.config.load import Loaded
from pixapi.config.settings import PluginTable
from pixapi.errors import PluginError
from pixapi.interfaces import PluginConfig, ProviderType
from pixapi.pluginhost.hooks import FAMILIES
from pixapi.pluginhost.host import PluginHost
from pixapi.pluginhost.loading import Use, distribution_name, installed


@dataclass(frozen=True, slots=True)
class Available:
    """One kind of one plugin, or a plugin that cannot be loaded."""

    use: str
    """What to write after ``use``."""
    family: str | None
    """``provider``, ``guard`` or ``price source``; None where the plugin cannot be loaded."""
    section: str | None
    """The section of the configuration that its tables stand in."""
    evidence: str | None
    """Of a provider: ``live``, ``recorded`` or ``documented``."""
    summary: str
    distribution: str | None
    """Who brings it, with its version; None for a file."""
    configured: list[str]
    """The names of the configured tables that use it."""
    config: type[PluginConfig] | None
    problem: str | None
    """Why it cannot be loaded."""


def available(loaded: Loaded | None) -> list[Available]:
    """Every installed plugin, and the one-file plugins that ``loaded`` names."""
    base_dir = loaded.base_dir if loaded else Path.cwd()
    found: list[Available] = []
    for point in installed():
        version = point.dist.version if point.dist is not None else ""
        found += _of_plugin(point.name, f"{distribution_name(point)} {version}".strip(), base_dir, loaded)
    tables = [table for family in FAMILIES for table in _tables(loaded, family.section).values()]
    files = dict.fromkeys(Use.parse(table.use).name for table in tables if Use.parse(table.use).is_file)
    for file in files:
        found += _of_plugin(file, None, base_dir, loaded)
    return found


def configs(loaded: Loaded | None) -> dict[str, dict[str, type[PluginConfig]]]:
    """Section -> what ``use`` may say -> the settings, of all plugins that can be loaded."""
    sections: dict[str, dict[str, type[PluginConfig]]] = {family.section: {} for family in FAMILIES}
    for item in available(loaded):
        if item.section is not None and item.config is not None:
            sections[item.section][item.use] = item.config
    return sections


def _of_plugin(
    name: str, distribution: str | None, base_dir: Path, loaded: Loaded | None
) -> Iterator[Available]:
    # A host for each: what one plugin does wrong is its own problem here, not its neighbours'.
    try:
        kinds = PluginHost(base_dir).kinds(name)
    except PluginError as error:
        yield Available(name, None, None, None, "", distribution, [], None, error.message)
        return
    for family in FAMILIES:
        offered = kinds[family.section]
        for kind in offered:
            use = name if len(offered) == 1 or kind.name == name else f"{name}:{kind.name}"
            tables = _tables(loaded, family.section).items()
            yield Available(
                use=use,
                family=family.noun,
                section=family.section,
                evidence=kind.evidence if isinstance(kind, ProviderType) else None,
                summary=kind.summary,
                distribution=distribution,
                configured=[
                    table for table, settings in tables if settings.use in (use, f"{name}:{kind.name}")
                ],
                config=kind.config,
                problem=None,
            )


def _tables(loaded: Loaded | None, section: str) -> dict[str, PluginTable]:
    return getattr(loaded.settings, section) if loaded else {}
