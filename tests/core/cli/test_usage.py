"""`pixapi usage`, run on a real database; tests/system/test_margin.py has the margins of real calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pixapi.cli import main


def run(tmp_path: Path, url: str, *arguments: str) -> Result:
    (tmp_path / "pixapi.toml").write_text(f'[database]\nurl = "{url}"\n')
    return CliRunner().invoke(main, ["usage", *arguments, "--config", str(tmp_path / "pixapi.toml")])


@pytest.mark.parametrize("command", ["report", "margin"])
def test_nothing_was_used(sqlite_url: str, tmp_path: Path, command: str) -> None:
    assert run(tmp_path, sqlite_url, command).stdout == "Nothing was used in that time.\n"
    assert json.loads(run(tmp_path, sqlite_url, command, "--by", "day", "--json").stdout) == []
    assert run(tmp_path, sqlite_url, command, "--csv").stdout.startswith("model,calls,")


def test_nothing_is_no_loss(sqlite_url: str, tmp_path: Path) -> None:
    assert run(tmp_path, sqlite_url, "margin", "--check").exit_code == 0
    assert run(tmp_path, sqlite_url, "margin", "--by", "route", "--csv").stdout.startswith(
        "model,route,calls,"
    )


def test_wrong_usage(sqlite_url: str, tmp_path: Path) -> None:
    assert run(tmp_path, sqlite_url, "margin", "--by", "weather").exit_code == 2
