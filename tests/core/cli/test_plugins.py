"""`pixapi plugins list|new|test`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pixapi.cli import main

BUILT_IN = {"anthropic", "echo", "openai", "openai_compatible"}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_list_without_a_configuration() -> None:
    result = CliRunner().invoke(main, ["plugins", "list", "--json"])
    assert result.exit_code == 0
    rows = {row["use"]: row for row in json.loads(result.stdout)}
    assert rows.keys() >= BUILT_IN
    for name in BUILT_IN:
        assert rows[name]["problem"] is None
        assert rows[name]["evidence"] in ("live", "recorded", "documented")
        assert rows[name]["configured"] == []


def test_list_says_which_are_configured() -> None:
    Path("pixapi.toml").write_text('[providers.main]\nuse = "echo"')
    result = CliRunner().invoke(main, ["plugins", "list"])
    assert result.exit_code == 0
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("echo "))
    assert line.split()[3] == "main"


def test_list_tells_a_plugin_that_cannot_be_used() -> None:
    Path("mine.py").write_text("1 / 0")
    Path("pixapi.toml").write_text('[guards.g]\nuse = "./mine.py"')
    result = CliRunner().invoke(main, ["plugins", "list"])
    assert result.exit_code == 0
    assert "cannot be used: the plugin ./mine.py cannot be imported: ZeroDivisionError" in result.stderr


def test_new() -> None:
    result = CliRunner().invoke(main, ["plugins", "new", "acme", "--kind", "guard"])
    assert result.exit_code == 0
    assert "wrote pixapi-acme/src/pixapi_acme/__init__.py" in result.stdout
    assert "pip install -e 'pixapi-acme[test]'" in result.stdout
    again = CliRunner().invoke(main, ["plugins", "new", "acme"])
    assert (again.exit_code, "exists already and is not empty" in again.stderr) == (1, True)


def run_test(use: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "pixapi.cli", "plugins", "test", use]
    return subprocess.run(line, capture_output=True, text=True, timeout=100, check=False)


def test_the_contract_suite_runs_on_an_installed_plugin() -> None:
    done = run_test("anthropic")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_the_contract_suite_runs_on_a_file() -> None:
    CliRunner().invoke(main, ["plugins", "new", "acme", "--kind", "guard"])
    Path("pixapi-acme/src/pixapi_acme/__init__.py").rename("acme.py")
    done = run_test("./acme.py")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_contract_suite_of_a_plugin_that_is_not_there() -> None:
    done = run_test("nobody")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: no plugin `nobody` is installed")
    assert "Traceback" not in done.stderr
