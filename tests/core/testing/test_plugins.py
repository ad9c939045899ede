"""`pixapi plugins test`: the suite on what is installed, and on files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pixapi.errors import ConfigError, PluginError
from pixapi.testing import run_contract
from pixapi.testing.plugins import contracts

FILE = '''
from pixapi import hookimpl
from pixapi.interfaces import Allow, Guard, GuardType, PluginConfig

PIXAPI_INTERFACE = 1


class Config(PluginConfig):
    """Settings."""

    {setting}
    """The one setting."""


class Open(Guard):
    def __init__(self, config):
        self.config = config

    async def check(self, call, out):
        {check}


@hookimpl
def pixapi_register_guards():
    return [GuardType("open", "Lets everything by", Config, Open)]
'''


def write(folder: Path, setting: str = "limit: int = 5", check: str = "return Allow()") -> None:
    (folder / "open.py").write_text(FILE.format(setting=setting, check=check), encoding="utf-8")


def test_a_file_that_keeps_its_promises(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    assert run_contract("./open.py", tmp_path / "pixapi.toml") == 0
    assert "passed" in capfd.readouterr().out


def test_a_file_that_does_not(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, check="raise ValueError('no')")
    assert run_contract("./open.py", tmp_path / "pixapi.toml") == 1
    assert "test_guards_open[it-judges" in capfd.readouterr().out


def test_an_installed_provider_with_made_up_settings(tmp_path: Path) -> None:
    assert list(contracts("anthropic", tmp_path / "pixapi.toml")) == ["test_providers_anthropic"]


def test_settings_come_from_the_configuration_and_secrets_do_not(tmp_path: Path) -> None:
    """The variable is not set, and need not be."""
    (tmp_path / "pixapi.toml").write_text(
        '[providers.claude]\nuse = "anthropic"\nversion = "2023-06-01"\napi_key = { env = "PIXAPI_NO_SUCH" }\n'
    )
    assert list(contracts("anthropic", tmp_path / "pixapi.toml")) == ["test_providers_anthropic"]


def test_settings_that_cannot_be_made_up_are_asked_for(tmp_path: Path) -> None:
    write(tmp_path, setting="limit: int")
    with pytest.raises(ConfigError, match="limit"):
        contracts("./open.py", tmp_path / "pixapi.toml")
    (tmp_path / "pixapi.toml").write_text('[guards.open]\nuse = "./open.py"\nlimit = 7\n')
    assert list(contracts("./open.py", tmp_path / "pixapi.toml")) == ["test_guards_open"]


def test_settings_that_were_made_up_and_do_not_fit_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"azure_openai.*endpoint.*expected an address.*add a table"):
        contracts("azure_openai", tmp_path / "pixapi.toml")


def test_a_plugin_that_is_not_there_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="anthropik"):
        run_contract("anthropik", tmp_path / "pixapi.toml")


def test_a_test_run_that_does_not_use_it_imports_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n\ndef test_it():\n    loaded = [n for n in sys.modules if n.startswith('pixapi.')]\n"
        "    assert set(loaded) <= {'pixapi.errors', 'pixapi.testing', 'pixapi.testing.pytest_plugin'}\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tmp_path}",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_without_pytest_it_says_so(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom importlib.machinery import PathFinder\n"
        "class Hides(PathFinder):\n    @classmethod\n    def find_spec(cls, name, path=None, target=None):\n"
        "        return None if name == 'pytest' else PathFinder.find_spec(name, path, target)\n"
        "sys.meta_path = [f for f in sys.meta_path if f is not PathFinder] + [Hides]\n"
        "import pixapi.testing\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "pixapi.testing needs pytest" in done.stderr
