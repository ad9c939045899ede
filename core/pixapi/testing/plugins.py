"""The contract suite on an installed plugin, or on one file: what `pixapi plugins test` runs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from pixapi.config.load import Loaded, load_settings
from pixapi.config.settings import PluginTable
from pixapi.errors import ConfigError
from pixapi.interfaces import GuardType, PluginConfig, PriceSourceType, ProviderType, Secret
from pixapi.pluginhost.host import PluginHost
from pixapi.pluginhost.keys import key_tables
from pixapi.testing import guard_contract, price_source_contract, provider_contract

_TIMEOUT_S = 600
_MODULE = """\
from pathlib import Path

from pixapi.testing.plugins import contracts

globals().update(contracts({use!r}, Path({config!r})))
"""


def run(use: str, config: Path) -> int:
    """See `pixapi.testing.run_contract`."""
    contracts(use, config)  # what is wrong with the plugin itself is said in a sentence, not by pytest
    with tempfile.TemporaryDirectory(prefix="pixapi-contract-") as folder:
        module = Path(folder) / "test_contract.py"
        module.write_text(_MODULE.format(use=use, config=str(config.resolve())), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short"]
        command += ["-p", "no:cacheprovider", "-p", "no:asyncio"]
        command += [f"--rootdir={folder}", str(module)]
        done = subprocess.run(command, cwd=config.resolve().parent, timeout=_TIMEOUT_S, check=False)
    return 0 if done.returncode == 0 else 1


def contracts(use: str, config: Path) -> dict[str, Callable[..., None]]:
    """A test function for each kind that ``use`` offers, by its name.

    Raises:
        PluginError: there is no such plugin, or it cannot be loaded.
        ConfigError: it needs settings that cannot be made up.
    """
    loaded = load_settings(config) if config.is_file() else None
    base_dir = loaded.base_dir if loaded is not None else config.resolve().parent
    found: dict[str, Callable[..., None]] = {}
    for section, kinds in PluginHost(base_dir).kinds(use).items():
        for kind in kinds:
            values = _values(kind.config, dict(_tables(loaded, section, use, kind.name)), use)
            contract = _contract(kind, _sound(kind.config, values, use))
            found[f"test_{section}_{kind.name}"] = contract
    return found


def _contract(kind: ProviderType | GuardType | PriceSourceType, values: PluginConfig) -> Callable[..., None]:
    if isinstance(kind, ProviderType):
        return provider_contract(kind, values)
    if isinstance(kind, PriceSourceType):
        return price_source_contract(kind, values)
    return guard_contract(kind, values)


def _tables(loaded: Loaded | None, section: str, use: str, kind: str) -> Iterator[tuple[str, PluginTable]]:
    if loaded is None:
        return
    for name, table in getattr(loaded.settings, section).items():
        if table.use in (use, f"{use}:{kind}"):
            yield name, table


def _values(config: type[PluginConfig], tables: dict[str, PluginTable], use: str) -> dict[str, Any]:
    """The settings of the first table that uses the plugin, else made-up ones. Secrets are always made up."""
    said = next(key_tables(next(iter(tables.values())))).settings if tables else {}
    values = dict(said)
    for name, field in config.model_fields.items():
        if not field.is_required() and name not in said:
            continue
        if field.annotation is Secret or Secret in get_args(field.annotation):
            values[name] = "a-secret-of-the-contract"
        elif name not in said:
            values[name] = _made_up(name, field.annotation, use)
    return values


def _sound(config: type[PluginConfig], values: dict[str, Any], use: str) -> PluginConfig:
    try:
        return config.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(": ".join([*map(str, e["loc"]), e["msg"]]) for e in error.errors())
        raise ConfigError(
            f"`{use}` does not take the settings that were made up for a test ({wrong}); "
            f'add a table with `use = "{use}"` to the configuration'
        ) from None


def _made_up(name: str, kind: Any, use: str) -> Any:
    if kind is str:
        return "https://vendor.example" if "url" in name else "made-up"
    if get_origin(kind) in (list, dict, tuple):
        return get_origin(kind)()
    raise ConfigError(
        f"`{use}` needs the setting `{name}`, which cannot be made up for a test; "
        f'add a table with `use = "{use}"` to the configuration'
    )
