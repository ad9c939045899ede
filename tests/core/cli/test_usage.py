"""`pixapi usage`, run on a real database; tests/system/test_margin.py has the margins of real calls."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from pixapi.cli import main
from pixapi.db.engine import Database
from pixapi.ids import first_id
from pixapi.ledger.models import ChargeRow


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


def test_a_table_has_fifty_rows_and_says_how_many_it_left_out(sqlite_url: str, tmp_path: Path) -> None:
    database, now_us = Database(sqlite_url, base_dir=tmp_path), time.time_ns() // 1000
    with database.begin() as connection:
        connection.execute(
            insert(ChargeRow),
            [
                {"id": first_id("chg", now_us)[:-2] + f"{n:02}", "wallet_id": "acc_1", "key_id": f"key_{n}",
                 "user_id": None, "owner": "own_1", "status": "settled", "operation": "chat", "model": "m", "route": "r",
                 "stream": False, "budgeted": False, "price_id": 1, "held": 0, "amount": n, "written_off": 0,
                 "usage": "{}", "created_at_us": now_us, "settled_at_us": now_us}
                for n in range(60)
            ],
        )  # fmt: skip
    database.close()
    shown = run(tmp_path, sqlite_url, "report", "--by", "key")
    assert len(shown.stdout.splitlines()) == 51
    assert shown.stderr == "10 more rows were left out; --top N shows N\n"
    assert len(run(tmp_path, sqlite_url, "report", "--by", "key", "--top", "60").stdout.splitlines()) == 61
    assert len(json.loads(run(tmp_path, sqlite_url, "report", "--by", "key", "--json").stdout)) == 60
    assert len(run(tmp_path, sqlite_url, "report", "--by", "key", "--csv").stdout.splitlines()) == 61
    best = json.loads(run(tmp_path, sqlite_url, "report", "--by", "key", "--json", "--top", "1").stdout)
    assert [row["key"] for row in best] == ["key_59"]


def test_wrong_usage(sqlite_url: str, tmp_path: Path) -> None:
    assert run(tmp_path, sqlite_url, "margin", "--by", "weather").exit_code == 2
