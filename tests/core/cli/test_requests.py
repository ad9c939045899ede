"""`pixapi requests`, run on a real database."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pixapi.calls.request_log import FailedRequest, RequestLog
from pixapi.cli import main
from pixapi.clock import SystemClock
from pixapi.db.engine import Database

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Run:
    """Runs a command on a configuration of its own, after one request an hour ago and one just now."""
    (tmp_path / "pixapi.toml").write_text(f'[database]\nurl = "{sqlite_url}"\n')
    database, clock = Database(sqlite_url, base_dir=tmp_path), SystemClock()
    log = RequestLog(database, clock)
    for name, ago_s in (("old", 7200), ("new", 1)):
        at_us = clock.now_us() - ago_s * 1_000_000
        log.record(
            FailedRequest(f"req_{name}", at_us, "chat", "openai", 404, "model_not_found", model="gpt-9")
        )
    log.flush()
    database.close()

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(tmp_path / "pixapi.toml")])

    return command


def test_list_and_show(run: Run) -> None:
    assert [row["id"] for row in json.loads(run("requests", "list", "--json").stdout)] == [
        "req_new",
        "req_old",
    ]
    (row,) = json.loads(run("requests", "list", "--failed", "--since", "1h", "--json").stdout)
    assert (row["id"], row["error_code"], row["model"]) == ("req_new", "model_not_found", "gpt-9")
    assert "model_not_found" in run("requests", "list").stdout
    assert json.loads(run("requests", "show", "req_old", "--json").stdout)["http_status"] == 404


def test_nothing_found(run: Run) -> None:
    assert "no such requests" in run("requests", "list", "--model", "none").stdout
    assert json.loads(run("requests", "list", "--key", "none", "--json").stdout) == []
    missing = run("requests", "show", "req_none")
    assert missing.exit_code == 1
    assert "pixapi requests list" in missing.stderr


@pytest.mark.parametrize("arguments", [("--limit", "0"), ("--since", "yesterday"), ("--nothing",)])
def test_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("requests", "list", *arguments).exit_code == 2
