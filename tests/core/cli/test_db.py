"""`pixapi db`, run on real databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pixapi.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command on a configuration whose database does not exist yet."""
    (tmp_path / "pixapi.toml").write_text('[database]\nurl = "sqlite:///data/pixapi.db"\n')

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(tmp_path / "pixapi.toml")])

    return command


def test_upgrade_and_current(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("db", "current", "--json").stdout)["current"] is None
    refused = run("ledger", "verify")
    assert refused.exit_code == 1
    assert "pixapi db upgrade" in refused.stderr
    assert "before: empty" in run("db", "upgrade").stdout
    assert "already" in run("db", "upgrade").stdout
    assert json.loads(run("db", "current", "--json").stdout)["is_current"] is True
    assert (tmp_path / "data/secret.key").stat().st_mode & 0o777 == 0o600


def test_backup(run: Run, tmp_path: Path) -> None:
    run("db", "upgrade")
    assert "Wrote" in run("db", "backup", str(tmp_path / "b.db")).stdout
    again = run("db", "backup", str(tmp_path / "b.db"))
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)


@pytest.mark.postgres
def test_copy(run: Run, postgres_database_url: str) -> None:
    run("db", "upgrade")
    run("users", "create", "ada@example.com")
    run("credits", "grant", "ada@example.com", "5")
    run("keys", "create", "ada@example.com", "--title", "t")
    done = run("db", "copy", "--to", postgres_database_url)
    assert done.exit_code == 0, done.stderr
    assert "the ledger of the copy is proven" in done.stdout
    again = run("db", "copy", "--to", postgres_database_url)
    assert (again.exit_code, "not empty" in again.stderr) == (1, True)
