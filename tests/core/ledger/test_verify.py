"""The proof finds what was tampered with, and nothing else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from pixapi.db.engine import Database
from pixapi.ledger import SetBudget, SetOverdraft, apply, verify_sums
from pixapi.ledger.verify import verify

NOW_US = 1_750_000_000_000_000


def fill(database: Database, orders: Any) -> None:
    """A bit of everything: lots that share a charge, a debt, an open hold, an expiry, a budget, write-offs."""
    with database.begin() as connection:
        apply(
            connection,
            [
                orders.grant(100),
                orders.grant(10, "bonus", kind="bonus"),
                orders.grant(5, "short", kind="code", expires_at_us=NOW_US + 50),
                SetBudget("key_1", 1000),
                orders.hold("c1", 30, budgeted=True),
                orders.settle("c1", 30),
                orders.hold("c2", 10),
                orders.settle("c2", 4),
                orders.hold("c3", 20, budgeted=True),
                orders.hold("c4", 5),
                orders.void("c4"),
                orders.grant(7, "other", wallet_id="acc_2", expires_at_us=NOW_US + 1_000_000),
                SetOverdraft("acc_2", 10),
                orders.hold("d1", 12, wallet_id="acc_2"),
                orders.settle("d1", 40),
            ],
        )


def test_what_is_right_is_proven(database: Database, orders: Any) -> None:
    assert verify(database).ok
    fill(database, orders)
    report = verify(database)
    assert report.problems == []
    assert report.counts == {"charges": 3, "entries": 9, "lots": 4, "wallets": 2, "carried": 0, "budgets": 1}


CORRUPTIONS = {
    "posted": ("UPDATE wallets SET posted = posted + 1 WHERE account_id = 'acc_1'", "wallet acc_1: posted"),
    "held": ("UPDATE wallets SET held = held - 1 WHERE account_id = 'acc_1'", "wallet acc_1: held"),
    "next expiry": ("UPDATE wallets SET next_expiry_us = 5", "next_expiry_us"),
    "remaining": ("UPDATE lots SET remaining = remaining - 1 WHERE id = 1", "lot 1: remaining"),
    "granted": ("UPDATE lots SET granted = granted + 1 WHERE id = 1", "lot 1: granted"),
    "spent": ("UPDATE key_budgets SET spent = 0", "key key_1: spent"),
    "budget held": ("UPDATE key_budgets SET held = 0", "key key_1: held"),
    "budget gone": ("DELETE FROM key_budgets", "key key_1: charges count"),
    "amount": ("UPDATE charges SET amount = 5 WHERE id = 'c2'", "acc_1: posted"),
    "amount of a shared charge": ("UPDATE charges SET amount = 31 WHERE id = 'c1'", "charge c1: its amount"),
    "held charge voided": (
        "UPDATE charges SET status = 'voided', settled_at_us = 1 WHERE id = 'c3'",
        "wallet acc_1: held",
    ),
    "charge gone": ("DELETE FROM charges WHERE id = 'c2'", "acc_1: posted"),
    "shared charge gone": ("DELETE FROM charges WHERE id = 'c1'", "entry .* does not fit"),
    "charge of another wallet": ("UPDATE charges SET wallet_id = 'acc_2' WHERE id = 'c2'", "acc_2.*lot"),
    "charge of no wallet": (
        "UPDATE charges SET wallet_id = 'acc_9' WHERE id = 'c2'",
        "acc_9.*does not exist",
    ),
    "charge of another lot": ("UPDATE charges SET lot_id = 4 WHERE id = 'c2'", "lot"),
    "entry changed": ("UPDATE entries SET amount = amount + 1 WHERE id = 1", "lot 1"),
    "entry gone": ("DELETE FROM entries WHERE kind = 'usage' AND lot_id = 2", "charge c1"),
    "entry twice": (
        "INSERT INTO entries (wallet_id, lot_id, kind, amount, reference, created_at_us)"
        " VALUES ('acc_1', 1, 'adjust', -1, 'x', 0)",
        "lot 1: remaining",
    ),
    "debt forgiven": (
        "INSERT INTO entries (wallet_id, kind, amount, reference, created_at_us)"
        " VALUES ('acc_2', 'adjust', 1, 'x', 0)",
        "wallet acc_2: posted",
    ),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_what_was_tampered_with_is_found(database: Database, orders: Any, name: str) -> None:
    fill(database, orders)
    statement, expected = CORRUPTIONS[name]
    with database.begin() as connection:
        disarm(connection, database.dialect)
        connection.execute(text(statement))
    report = verify(database)
    assert not report.ok
    assert any(re.search(expected, problem) for problem in report.problems), report.problems


def disarm(connection: Any, dialect: str) -> None:
    """Removes the triggers that make tampering hard."""
    if dialect == "sqlite":
        for name in ("entries_no_update", "entries_no_delete", "charges_settled"):
            connection.execute(text(f"DROP TRIGGER {name}"))
    else:
        connection.execute(text("ALTER TABLE entries DISABLE TRIGGER USER"))
        connection.execute(text("ALTER TABLE charges DISABLE TRIGGER USER"))


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a few rows need many slices."""
    monkeypatch.setattr(verify_sums, "_SLICE", 7)
    monkeypatch.setattr(verify_sums, "_AMONG", 3)
    monkeypatch.setattr(
        verify_sums, "MARGINS", verify_sums.MARGINS.replace("20000", "10").replace("- 1000", "- 1")
    )


@pytest.mark.usefixtures("small_slices")
def test_slices_add_up(database: Database, orders: Any) -> None:
    fill(database, orders)
    with database.begin() as connection:
        apply(connection, [orders.grant(1000, "big", wallet_id="acc_3")])
        for number in range(100):
            apply(connection, [orders.hold(f"e{number:03}", 5, wallet_id="acc_3")])
            if number % 3:
                apply(connection, [orders.settle(f"e{number:03}", 5)])
    report = verify(database)
    assert report.problems == []
    assert report.counts["charges"] == 3 + 66


@pytest.mark.usefixtures("small_slices")
async def test_proven_while_calls_run(database: Database, orders: Any, grant: Any, run_ledger: Any) -> None:
    for number in range(4):
        grant(10**9, f"g{number}", wallet_id=f"acc_{number}")
    running = True

    async def calls(ledger: Any, worker: int) -> None:
        number = 0
        while running:
            number += 1
            charge = f"c{number:06}_{worker}"
            await ledger.hold(orders.hold(charge, 10, wallet_id=f"acc_{worker % 4}"))
            await (
                ledger.void(orders.void(charge))
                if number % 5 == 0
                else ledger.settle(orders.settle(charge, 3))
            )

    async with run_ledger(database) as ledger:
        workers = [asyncio.create_task(calls(ledger, worker)) for worker in range(12)]
        reports = []
        for _ in range(8):
            reports.append(await asyncio.to_thread(verify, database))
            await asyncio.sleep(0.05)
        running = False
        await asyncio.gather(*workers)
    assert [report.problems for report in reports] == [[]] * 8
    assert reports[-1].counts["charges"] > reports[0].counts["charges"]


def test_a_late_settle_behind_the_gatherers_back(database: Database, orders: Any) -> None:
    """A voided charge that is settled between the phases makes a suspect and no problem."""
    fill(database, orders)
    steps: list[str] = []

    def meanwhile(phase: str, _rows: int) -> None:
        steps.append(phase)

    sums = verify_sums.Sums()
    verify_sums.gather(database, sums, meanwhile)
    sums.last_charge = "~"
    late: Callable[[], list[Any]] = lambda: [orders.settle("c4", 5)]  # noqa: E731
    with database.begin() as connection:
        apply(connection, late())
    suspects = verify_sums.compare(database, sums)
    assert ("wallet", "acc_1") in suspects
    assert [problem for suspect in suspects for problem in verify_sums.confirm(database, suspect)] == []
