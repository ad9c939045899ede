"""`pixapi credits` and `pixapi ledger`, run on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from pixapi.cli import main
from pixapi.db.engine import Database
from pixapi.ledger import HoldOrder, SettleOrder, apply

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Run:
    """Runs a command on a configuration of its own, with a user in its database."""
    (tmp_path / "pixapi.toml").write_text(f'[database]\nurl = "{sqlite_url}"\n')

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(tmp_path / "pixapi.toml")])

    assert command("users", "create", "ada@example.com").exit_code == 0
    return command


def test_grant_and_balance(run: Run) -> None:
    assert json.loads(run("credits", "balance", "ada@example.com", "--json").stdout) == {
        "balance": "0",
        "held": "0",
    }
    granted = run(
        "credits", "grant", "ada@example.com", "12.345678", "--reason", "welcome", "--expires", "30d"
    )
    assert granted.exit_code == 0, granted.stderr
    assert "12.345678 credits granted" in granted.stdout
    assert json.loads(run("credits", "balance", "ADA@example.com", "--json").stdout) == {
        "balance": "12.345678",
        "held": "0",
    }
    (line,) = json.loads(run("credits", "history", "ada@example.com", "--json").stdout)
    assert (line["kind"], line["amount"], line["note"]) == ("grant", "12.345678", "welcome")


def test_an_idempotency_key_grants_once(run: Run) -> None:
    for replayed in (False, True):
        done = run("credits", "grant", "ada@example.com", "5", "--idempotency-key", "order-7", "--json")
        assert json.loads(done.stdout)["replayed"] is replayed
    assert json.loads(run("credits", "balance", "ada@example.com", "--json").stdout)["balance"] == "5"
    other = run("credits", "grant", "ada@example.com", "6", "--idempotency-key", "order-7")
    assert other.exit_code == 1
    assert "made before" in other.stderr


def test_a_negative_amount_takes_back(run: Run) -> None:
    run("credits", "grant", "ada@example.com", "5")
    assert "2 credits taken back" in run("credits", "grant", "ada@example.com", "-2").stdout
    assert json.loads(run("credits", "balance", "ada@example.com", "--json").stdout)["balance"] == "3"
    too_much = run("credits", "grant", "ada@example.com", "-4")
    assert too_much.exit_code == 1
    assert "3 are there" in too_much.stderr


def test_a_grant_is_audited(run: Run, sqlite_url: str, tmp_path: Path) -> None:
    run("credits", "grant", "ada@example.com", "5", "--kind", "bonus")
    database = Database(sqlite_url, base_dir=tmp_path)
    with database.read() as connection:
        details = connection.execute(
            text("SELECT details FROM audit WHERE action = 'credits.grant'")
        ).scalar_one()
    database.close()
    assert json.loads(details) == {"amount": "5", "kind": "bonus"}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("grant", "bob@example.com", "5"), 1, "pixapi users create bob@example.com"),
        (("grant", "ada@example.com", "many"), 1, "not an amount"),
        (("grant", "ada@example.com", "0"), 1, "more than 0"),
        (("grant", "ada@example.com", "0.0000001"), 1, "six decimals"),
        (("grant", "ada@example.com", "1", "--kind", "gift"), 2, "gift"),
        (("grant", "ada@example.com"), 2, "AMOUNT"),
        (("balance", "bob@example.com"), 1, "no user"),
    ],
)
def test_what_cannot_be_done_is_told(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    outcome = run("credits", *arguments)
    assert outcome.exit_code == code
    assert says in outcome.stderr
    assert run("ledger", "verify").exit_code == 0


def test_holds_write_offs_and_the_proof(run: Run, sqlite_url: str, tmp_path: Path) -> None:
    assert "Nothing is held." in run("ledger", "holds").stdout
    assert "Nothing was written off." in run("ledger", "write-offs").stdout
    run("credits", "grant", "ada@example.com", "1")
    database = Database(sqlite_url, base_dir=tmp_path)
    with database.begin() as connection:
        account = connection.execute(text("SELECT account_id FROM wallets")).scalar_one()
        for charge, held in (("c1", 100), ("c2", 900_000)):
            hold = HoldOrder(charge, account, "k", None, held, held, False, "chat", "m", "r", False, 1, 1)
            apply(connection, [hold])
        apply(connection, [SettleOrder("c1", 300_000, "{}", "reported", 2, 200)])
    (held_row,) = json.loads(run("ledger", "holds", "--json").stdout)
    assert (held_row["id"], held_row["held"], held_row["model"]) == ("c2", "0.9", "m")
    (off,) = json.loads(run("ledger", "write-offs", "--json").stdout)
    assert (off["id"], off["written_off"]) == ("c1", "0.2")
    proven = run("ledger", "verify")
    assert (proven.exit_code, "Proven" in proven.stdout) == (0, True)
    with database.begin() as connection:
        connection.execute(text("UPDATE wallets SET posted = posted + 1"))
    database.close()
    broken = run("ledger", "verify")
    assert broken.exit_code == 1
    assert "posted is 900001 and its rows say 900000" in broken.stderr
    assert json.loads(run("ledger", "verify", "--json").stdout)["ok"] is False
