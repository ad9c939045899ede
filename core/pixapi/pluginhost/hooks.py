"""Hooks of a plugin: gate 4, and the kinds that they return: the first half of gate 5."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pluggy

from pixapi import hookspecs
from pixapi.config.problems import suggestion
from pixapi.errors import PluginError
from pixapi.interfaces import GuardType, PluginConfig, PriceSourceType, ProviderType
from pixapi.pluginhost.loading import Plugin

Kind = ProviderType | GuardType | PriceSourceType


@dataclass(frozen=True)
class Family:
    """A family of plugins: its section of the configuration, its hook, the type that the hook returns."""

    section: str
    noun: str
    hook: str
    type: type[Kind]


FAMILIES = (
    Family("providers", "provider", "pixapi_register_providers", ProviderType),
    Family("guards", "guard", "pixapi_register_guards", GuardType),
    Family("prices", "price source", "pixapi_register_price_sources", PriceSourceType),
)


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows Pixapi's hooks."""
    manager = pluggy.PluginManager("pixapi")
    manager.add_hookspecs(hookspecs)
    return manager


def register(manager: pluggy.PluginManager, plugin: Plugin) -> dict[str, list[Kind]]:
    """Check the hooks of ``plugin`` and call them: section -> the kinds that it offers there.

    Raises:
        PluginError: a hook is misspelt, unmarked, has wrong arguments or returns what it should not.
    """
    _check_names(manager, plugin)
    try:
        manager.register(plugin.hooks, name=plugin.label)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        raise PluginError(f"{plugin.label} has a wrong hook: {error}") from error
    kinds = {family.section: _kinds(manager, plugin, family) for family in FAMILIES}
    if not any(kinds.values()):
        hooks = " or ".join(f"`{family.hook}`" for family in FAMILIES)
        raise PluginError(f"{plugin.label} offers nothing; expected a hook {hooks} that returns something")
    return kinds


def _check_names(manager: pluggy.PluginManager, plugin: Plugin) -> None:
    known = [name for name in vars(hookspecs) if name.startswith("pixapi_")]
    for name in dir(plugin.hooks):
        marked = manager.parse_hookimpl_opts(plugin.hooks, name)
        if marked is None and not (name.startswith("pixapi_") and _is_function(plugin, name)):
            continue
        hook = (marked.get("specname") if marked else None) or name
        if hook not in known:
            hint = suggestion(hook, known, otherwise=f"; the hooks are {', '.join(f'`{k}`' for k in known)}")
            raise PluginError(f"{plugin.label} has a hook `{hook}`, which Pixapi does not know{hint}")
        if marked is None:
            raise PluginError(
                f"the hook `{hook}` of {plugin.label} is not marked and would never be called; "
                "put `@pixapi.hookimpl` above it"
            )


def _is_function(plugin: Plugin, name: str) -> bool:
    return inspect.isroutine(inspect.getattr_static(plugin.hooks, name, None))


def _kinds(manager: pluggy.PluginManager, plugin: Plugin, family: Family) -> list[Kind]:
    kinds: list[Kind] = []
    for implementation in getattr(manager.hook, family.hook).get_hookimpls():
        if implementation.plugin is not plugin.hooks:
            continue
        try:
            kinds = list(implementation.function() or [])
        except Exception as error:
            raise PluginError(
                f"`{family.hook}` of {plugin.label} raised {type(error).__name__}: {error}"
            ) from error
    for kind in kinds:
        if not isinstance(kind, family.type):
            raise PluginError(
                f"`{family.hook}` of {plugin.label} returned a {type(kind).__name__}; "
                f"expected {family.type.__name__}"
            )
        if not (isinstance(kind.config, type) and issubclass(kind.config, PluginConfig)):
            raise PluginError(
                f"the settings of `{kind.name}` in {plugin.label} are no subclass of PluginConfig"
            )
    return kinds
