"""The plugins of one configuration, loaded, configured and typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pixapi.config.load import Loaded
from pixapi.config.positions import KeyPath
from pixapi.config.problems import Problem, config_error, problems_of, suggestion
from pixapi.config.reference import Unresolved
from pixapi.config.settings import PluginTable
from pixapi.errors import ConfigError, PixapiError, PluginError
from pixapi.interfaces import (
    Guard,
    GuardType,
    PluginConfig,
    PriceSource,
    PriceSourceType,
    Provider,
    ProviderType,
    Secret,
)
from pixapi.pluginhost.confidential import Confidential
from pixapi.pluginhost.hooks import FAMILIES, Family, Kind, new_manager, register
from pixapi.pluginhost.keys import KeyTable, key_tables
from pixapi.pluginhost.loading import Plugin, Use, find, from_entry_point, from_file, installed
from pixapi.pluginhost.values import origin, walk


@dataclass(frozen=True, slots=True)
class ConfiguredKey:
    """A provider as it is with one of its keys."""

    table: KeyTable
    config: PluginConfig
    provider: Provider
    confidential: Confidential


@dataclass(frozen=True, slots=True)
class ConfiguredProvider:
    """A table under ``[providers]`` and what was built of it, once for each of its keys."""

    name: str
    type: ProviderType
    keys: tuple[ConfiguredKey, ...]

    @property
    def config(self) -> PluginConfig:
        """The settings with the first key."""
        return self.keys[0].config

    @property
    def provider(self) -> Provider:
        """The instance with the first key."""
        return self.keys[0].provider


@dataclass(frozen=True, slots=True)
class ConfiguredGuard:
    """A table under ``[guards]`` and what was built of it."""

    name: str
    type: GuardType
    config: PluginConfig
    guard: Guard


@dataclass(frozen=True, slots=True)
class ConfiguredPriceSource:
    """A table under ``[prices]`` and what was built of it."""

    name: str
    type: PriceSourceType
    config: PluginConfig
    source: PriceSource


class PluginHost:
    """Owns the plugin manager. ``providers``, ``guards`` and ``price_sources`` are what the configuration made, in its
    order.
    """

    def __init__(self, base_dir: Path) -> None:
        self.providers: dict[str, ConfiguredProvider] = {}
        self.guards: list[ConfiguredGuard] = []
        self.price_sources: dict[str, ConfiguredPriceSource] = {}
        self._base_dir = base_dir
        self._manager = new_manager()
        self._plugins: dict[str, dict[str, list[Kind]]] = {}
        self._by_module: dict[int, dict[str, list[Kind]]] = {}
        self._owners: dict[tuple[str, str], str] = {}
        """Section and kind -> the plugin that offers it."""

    @classmethod
    def load(cls, loaded: Loaded, section: str | None = None) -> PluginHost:
        """The plugins that a configuration names, and no others; with ``section``, those of that section only.

        Raises:
            PluginError: a plugin cannot be used; the message lists all problems, those of settings too.
            ConfigError: the settings of plugins are wrong; the message lists everything.
        """
        host = cls(loaded.base_dir)
        problems: list[Problem] = []
        is_plugin_at_fault = False
        for family in FAMILIES:
            if section not in (None, family.section):
                continue
            for name, table in getattr(loaded.settings, family.section).items():
                try:
                    host._configure(family, name, table, loaded, problems)
                except PluginError as error:
                    is_plugin_at_fault = True
                    place = loaded.origins.nearest((family.section, name, "use"))
                    problems.append(Problem(place, error.message))
        if problems:
            raise config_error(problems, PluginError if is_plugin_at_fault else ConfigError)
        return host

    def configs(self) -> dict[tuple[str, str], PluginConfig]:
        """The validated settings of every table, by section and name."""
        providers = {("providers", name): item.config for name, item in self.providers.items()}
        guards = {("guards", item.name): item.config for item in self.guards}
        prices = {("prices", name): item.config for name, item in self.price_sources.items()}
        return providers | guards | prices

    def keys(self) -> dict[str, list[dict[str, Any]]]:
        """What each key brings along, as plain values with secrets masked, of the providers that have ``keys``."""
        return {
            name: [key.config.model_dump(mode="json", include=set(key.table.own)) for key in item.keys]
            for name, item in self.providers.items()
            if item.keys[0].table.own
        }

    def hosts(self) -> frozenset[str]:
        """What plugins may reach: scheme, host and port of every URL in their settings, defaults included."""
        return frozenset(filter(None, (origin(value) for _, value in self._values())))

    def secrets(self) -> Iterator[tuple[KeyPath, Secret]]:
        """Every secret among the plugins' settings, with its key path."""
        for path, value in self._values():
            if isinstance(value, Secret):
                yield path, value

    def _values(self) -> Iterator[tuple[KeyPath, Any]]:
        """Every value among the plugins' settings, with its key path; of further keys, what they bring along."""
        for path, config in self.configs().items():
            if path[0] != "providers":
                yield from (((*path, *below), value) for below, value in walk(config))
        for name, item in self.providers.items():
            for key in item.keys:
                for below, value in walk(key.config):
                    if key.table.number == 1 or below[0] in key.table.own:
                        yield ("providers", name, *key.table.place(below)), value

    def kinds(self, use: str) -> dict[str, list[Kind]]:
        """Load the plugin that ``use`` names, once: section -> the kinds that it offers there.

        Raises:
            PluginError: one of the gates refuses it.
        """
        asked = Use.parse(use)
        key = str((self._base_dir / asked.name).resolve()) if asked.is_file else asked.name
        if key not in self._plugins:
            plugin = (
                from_file(asked.name, self._base_dir)
                if asked.is_file
                else from_entry_point(find(asked.name, self._installed))
            )
            self._plugins[key] = self._register(plugin)
        return self._plugins[key]

    def kind(self, use: str, family: Family) -> Kind:
        """The kind of ``family`` that ``use`` means.

        Raises:
            PluginError: the plugin cannot be loaded, or does not say which kind is meant.
        """
        asked = Use.parse(use)
        offered = self.kinds(use)
        candidates = offered[family.section]
        wanted = asked.kind or (None if asked.is_file else asked.name)
        for kind in candidates:
            if kind.name == wanted:
                return kind
        if asked.kind is None and len(candidates) == 1:
            return candidates[0]
        if not candidates:
            others = ", ".join(f"`{kind.name}`" for kinds in offered.values() for kind in kinds)
            raise PluginError(f"the plugin `{use}` offers no {family.noun}; it offers {others}")
        names = ", ".join(f'`use = "{asked.name}:{kind.name}"`' for kind in candidates)
        raise PluginError(f"`{use}` names no {family.noun} of that plugin; it offers {names}")

    @cached_property
    def _installed(self) -> list[EntryPoint]:
        return installed()

    def _register(self, plugin: Plugin) -> dict[str, list[Kind]]:
        known = self._by_module.get(id(plugin.hooks))
        if known is not None:  # two entry points may lead to one module
            return known
        offered = self._by_module[id(plugin.hooks)] = register(self._manager, plugin)
        for section, kinds in offered.items():
            for kind in kinds:
                owner = self._owners.setdefault((section, kind.name), plugin.label)
                if owner != plugin.label or sum(other.name == kind.name for other in kinds) > 1:
                    raise PluginError(
                        f"`{kind.name}` is offered in {section} by {owner} and by {plugin.label}; "
                        "each kind needs a name of its own: use only one of the two"
                    )
        return offered

    def _configure(
        self, family: Family, name: str, table: PluginTable, loaded: Loaded, problems: list[Problem]
    ) -> None:
        kind = self.kind(table.use, family)
        path = (family.section, name)
        found = len(problems)
        try:
            built = [
                (key, *made)
                for key in key_tables(table)
                if (made := self._one(kind, name, key, loaded, problems)) is not None
            ]
        except ConfigError as error:
            problems.append(Problem(loaded.origins.nearest(path), error.message))
        if len(problems) > found:
            return
        _, config, first = built[0]
        if isinstance(kind, ProviderType) and isinstance(first, Provider):
            keys = tuple(ConfiguredKey(*each, Confidential.of(each[1])) for each in built)
            self.providers[name] = ConfiguredProvider(name, kind, keys)
        elif isinstance(kind, GuardType) and isinstance(first, Guard):
            problems += _missing(first.models(), loaded, path)
            self.guards.append(ConfiguredGuard(name, kind, config, first))
        elif isinstance(kind, PriceSourceType) and isinstance(first, PriceSource):
            self.price_sources[name] = ConfiguredPriceSource(name, kind, config, first)
        else:
            raise PluginError(f"`{kind.name}` built a {type(first).__name__}; expected a {family.noun}")

    def _one(
        self, kind: Kind, name: str, key: KeyTable, loaded: Loaded, problems: list[Problem]
    ) -> tuple[PluginConfig, Any] | None:
        """The settings with one key, and what is built of them; None where ``problems`` says what is wrong.

        Raises:
            ConfigError: it cannot be built; the sentence says why.
        """
        section = next(family.section for family in FAMILIES if isinstance(kind, family.type))
        path = (section, name)
        try:
            config = kind.config.model_validate(key.settings, context={"base_dir": self._base_dir})
        except ValidationError as error:
            is_own = bool(key.own) and all(
                detail["type"] == "missing" or detail["loc"][:1] in {(name,) for name in key.own}
                for detail in error.errors()
            )
            place = (*path, *key.path) if is_own else path
            problems += problems_of(error, kind.config, key.settings, loaded.origins, place)
            return None
        if unread := [value.reason for _, value in walk(config) if isinstance(value, Unresolved)]:
            problems += [Problem(loaded.origins.nearest(path), reason) for reason in unread]
            return None
        return config, _build(kind.build, config, name)


def _missing(models: Iterable[str], loaded: Loaded, path: KeyPath) -> Iterator[Problem]:
    """Models that a guard asks and that the catalog does not have, or has for something else."""
    operations = {model.id: model.operation for model in loaded.settings.models}
    for model in models:
        found = operations.get(model)
        if found not in ("moderations", "any"):
            said = "is not among the models" if found is None else f"is for {found}"
            end = suggestion(model, operations) if found is None else ""
            yield Problem(
                loaded.origins.nearest(path),
                f"the guard asks the model `{model}`, which {said}; expected one for moderations{end}",
            )


def _build(build: Callable[[Any], Any], config: PluginConfig, name: str) -> Any:
    try:
        return build(config)
    except PixapiError as error:
        raise ConfigError(f"`{name}` cannot be built: {error.message}") from error
    except Exception as error:
        # Its words are left out: they may quote a setting that is secret. PIXAPI_DEBUG=1 shows the cause.
        raise PluginError(f"`{name}` cannot be built of its settings: {type(error).__name__}") from error
