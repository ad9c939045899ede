"""The configuration as it is in force: every value, its default where nothing was set, secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from pixapi.config.load import Loaded
from pixapi.config.masking import masked
from pixapi.config.positions import KeyPath
from pixapi.config.problems import spelled
from pixapi.config.reference import Reference, Unresolved

DEFAULT = "default"


def effective(
    loaded: Loaded,
    plugins: Mapping[tuple[str, str], BaseModel],
    keys: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> dict[str, Any]:
    """All settings as nested tables of plain values.

    Args:
        loaded: the configuration.
        plugins: the validated settings of each plugin's table, by section and name (``("providers", "main")``).
        keys: of providers with several, what each brings along in place of the settings of its names.
    """
    settings = loaded.settings
    tree: dict[str, Any] = settings.model_dump(mode="json", exclude={"providers", "guards", "prices"})
    tree |= {"providers": {}, "guards": {}, "prices": {}}
    for (section, name), config in plugins.items():
        use = getattr(settings, section)[name].use
        tree[section][name] = {"use": use, **config.model_dump(mode="json")}
    for name, brought in (keys or {}).items():
        table = tree["providers"][name]
        for setting in {setting for key in brought for setting in key}:
            del table[setting]
        given = settings.providers[name].keys or []
        table["keys"] = [
            key if isinstance(said, dict) else next(iter(key.values()))
            for key, said in zip(brought, given, strict=True)
        ]
    return _shown({name: tree[name] for name in type(settings).model_fields}, loaded.data, ())


def rows(tree: Mapping[str, Any], loaded: Loaded) -> Iterator[dict[str, Any]]:
    """One row a value of what `effective` gave: ``key``, ``value`` and ``origin`` (a place, or "default")."""
    for path, value in _leaves(tree, ()):
        yield {"key": spelled(path), "value": value, "origin": loaded.origins.exact(path) or DEFAULT}


def _shown(value: Any, given: Any, path: KeyPath) -> Any:
    if isinstance(given, Reference | Unresolved):
        return masked(path, given)
    if isinstance(value, dict):
        inner = given if isinstance(given, dict) else {}
        return {key: _shown(item, inner.get(key), (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        items = given if isinstance(given, list) else []
        return [
            _shown(item, items[index] if index < len(items) else None, (*path, index))
            for index, item in enumerate(value)
        ]
    return masked(path, value)


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value
