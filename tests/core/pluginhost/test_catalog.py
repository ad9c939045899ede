"""What is installed, with what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pixapi.config.load import load_settings
from pixapi.pluginhost.catalog import available, configs


def test_installed_plugins_are_listed(
    install: Callable[..., None], guard_source: Callable[[str], str], tmp_path: Path
) -> None:
    install("pixapi-acme", {"acme": "acme_module"}, acme_module=guard_source("acme"))
    install("pixapi-broken", {"broken": "broken_module"}, broken_module="1 / 0")
    (tmp_path / "mine.py").write_text(guard_source("own"))
    file = tmp_path / "pixapi.toml"
    file.write_text('[guards.front]\nuse = "acme"\n[guards.back]\nuse = "./mine.py"')
    found = {item.use: item for item in available(load_settings(file, {}))}
    acme, broken, mine = found["acme"], found["broken"], found["./mine.py"]
    assert (acme.family, acme.summary, acme.distribution) == (
        "guard",
        "Lets everything by",
        "pixapi-acme 1.0",
    )
    assert (acme.configured, mine.configured, mine.distribution) == (["front"], ["back"], None)
    assert broken.family is None
    assert "ZeroDivisionError" in (broken.problem or "")
    assert found["echo"].evidence in ("live", "recorded", "documented")


def test_two_distributions_with_one_name_are_listed_with_the_reason(
    install: Callable[..., None], guard_source: Callable[[str], str]
) -> None:
    install("pixapi-acme", {"acme": "acme_module"}, acme_module=guard_source("acme"))
    install("acme-for-pixapi", {"acme": "other_module"}, other_module=guard_source("acme"))
    found = [item for item in available(None) if item.use == "acme"]
    assert [item.distribution for item in found] == ["acme-for-pixapi 1.0", "pixapi-acme 1.0"]
    assert all("uninstall all of them but one" in (item.problem or "") for item in found)


@pytest.mark.parametrize("section", ["providers", "guards"])
def test_the_settings_of_every_plugin_are_known(
    section: str, install: Callable[..., None], guard_source: Callable[[str], str]
) -> None:
    install("pixapi-acme", {"acme": "acme_module"}, acme_module=guard_source("acme"))
    assert ("acme" if section == "guards" else "echo") in configs(None)[section]
