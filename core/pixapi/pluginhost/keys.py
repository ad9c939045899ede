"""Several keys of one provider: its table, once for each key, so that no plugin need know of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pixapi.config.positions import KeyPath
from pixapi.config.settings import PluginTable, ProviderTable
from pixapi.errors import ConfigError

_KEY = "api_key"
"""The setting that a key is a value of, where it is no table of settings."""


@dataclass(frozen=True, slots=True)
class KeyTable:
    """A plugin's own settings, as they are for one of the keys."""

    number: int
    """From 1."""
    settings: dict[str, Any]
    own: frozenset[str]
    """The settings that this key brings along; empty where the table has no ``keys``."""
    path: KeyPath
    """Where they stand, below the provider's table."""

    def place(self, below: KeyPath) -> KeyPath:
        """Where a setting stands, below the provider's table. ``below``: its path within the settings."""
        if not self.own or (below and below[0] not in self.own):
            return below
        return (*self.path, *below)


def key_tables(table: PluginTable) -> Iterator[KeyTable]:
    """``table`` once for each of its keys; once, where it has none of its own.

    Raises:
        ConfigError: a setting stands beside ``keys`` that every key replaces, or two keys are the same.
    """
    keys = table.keys if isinstance(table, ProviderTable) else None
    if keys is None:
        yield KeyTable(1, table.settings, frozenset(), ())
        return
    brought = [key if isinstance(key, dict) else {_KEY: key} for key in keys]
    unused = set(table.settings).intersection(*brought)
    if unused:
        name = min(unused)
        raise ConfigError(
            f"`{name}` stands beside `keys`, and each of them has its own; leave one of the two out"
        )
    for number, own in enumerate(brought, 1):
        if own in brought[: number - 1]:
            raise ConfigError(f"`keys` has number {number} twice; leave one of them out")
        yield KeyTable(number, {**table.settings, **own}, frozenset(own), ("keys", number - 1))
