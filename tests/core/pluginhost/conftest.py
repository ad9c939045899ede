"""Plugins that are installed for one test: distributions on a path of their own, and files beside a configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pixapi.config.load import load_settings
from pixapi.pluginhost.host import PluginHost

GUARD = """
from pixapi import hookimpl
from pixapi.interfaces import Allow, Guard, GuardType, PluginConfig, Secret

PIXAPI_INTERFACE = 1


class Config(PluginConfig):
    most: int = 5
    token: Secret | None = None
    base_url: str | None = None


class Gate(Guard):
    def __init__(self, config):
        self.config = config

    async def check(self, call, out):
        return Allow()


@hookimpl
def pixapi_register_guards():
    return [GuardType("{kind}", "Lets everything by", Config, Gate)]
"""


@pytest.fixture
def guard_source() -> Callable[[str], str]:
    """The source of a plugin that offers a guard of a given name."""
    return lambda kind: GUARD.replace("{kind}", kind)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a distribution: its name, entry points (name -> value), modules (name -> source), requirements."""
    known = set(sys.modules)

    def make(name: str, points: dict[str, str], requires: tuple[str, ...] = (), **modules: str) -> None:
        site = tmp_path / f"site-{name}"
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
        lines = "".join(f"{point} = {value}\n" for point, value in points.items())
        (info / "entry_points.txt").write_text(f"[pixapi.plugins]\n{lines}")
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(site))

    yield make
    for module in set(sys.modules) - known:
        del sys.modules[module]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PluginHost]:
    """The host of a configuration: its text, and files beside it."""
    monkeypatch.chdir(tmp_path)

    def make(text: str, **more: str) -> PluginHost:
        for name, content in {"pixapi.toml": text, **more}.items():
            Path(name).write_text(content, encoding="utf-8")
        return PluginHost.load(load_settings(Path("pixapi.toml"), {}))

    return make
