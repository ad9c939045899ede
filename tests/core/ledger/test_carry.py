"""Sums take the place of old charges, no balance changes, and the proof still finds what was tampered with."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from sqlalchemy import select, text

from pixapi.clock import month_of
from pixapi.db.engine import Database
from pixapi.errors import Conflict
from pixapi.ids import first_id
from pixapi.ledger import SetBudget, SetOverdraft, apply
from pixapi.ledger.carry import Carried, carry, lock_wallets
from pixapi.ledger.models import CarriedRow, ChargeRow, EntryRow, KeyBudgetRow, LotRow, WalletRow
from pixapi.ledger.reads import carried_month, history
from pixapi.ledger.verify import verify

NOW_US = 1_750_000_000_000_000
"""15 June 2025."""
JUNE_US = 1_748_736_000_000_000


def fill(database: Database, orders: Any) -> None:
    """Lots that share a charge, a debt, an open hold, a voided one, a budget, a write-off, a free call."""
    with database.begin() as connection:
        apply(
            connection,
            [
                orders.grant(100), orders.grant(10, "bonus", kind="bonus"), SetBudget("key_1", 1000),
                orders.hold("c1", 30, budgeted=True), orders.settle("c1", 30),
                orders.hold("c2", 10), orders.settle("c2", 4),
                orders.hold("c3", 20, budgeted=True),
                orders.hold("c4", 5), orders.void("c4"),
                orders.hold("c5", 5), orders.settle("c5", 0),
                orders.hold("c6", 5, budgeted=True), orders.settle("c6", 3),
                orders.grant(7, "other", wallet_id="acc_2"), SetOverdraft("acc_2", 10),
                orders.hold("d1", 12, wallet_id="acc_2"), orders.settle("d1", 40),
            ],
        )  # fmt: skip


def carry_all(database: Database, *only: str) -> Carried:
    with database.begin() as connection:
        ids = only or tuple(connection.execute(select(ChargeRow.id)).scalars())
        lock_wallets(connection, ids)
        return carry(connection, ids)


def books(database: Database) -> list[Any]:
    with database.read() as connection:
        tables = (WalletRow, LotRow, KeyBudgetRow, EntryRow)
        return [connection.execute(select(*table.__table__.columns)).all() for table in tables]


def test_a_row_for_each_lot_and_budgeted_key(database: Database, orders: Any) -> None:
    fill(database, orders)
    before = books(database)
    assert carry_all(database) == Carried(settled=5, voided=1)
    with database.read() as connection:
        rows = connection.execute(
            select(*CarriedRow.__table__.columns).order_by(*CarriedRow.__table__.primary_key)
        )
        assert [tuple(row) for row in rows] == [
            ("acc_1", 0, "", JUNE_US, 1, 0, 0),  # the free call
            ("acc_1", 0, "key_1", JUNE_US, 1, 30, 0),  # two lots paid: its entries stay
            ("acc_1", 1, "", JUNE_US, 1, 4, 0),
            ("acc_1", 1, "key_1", JUNE_US, 1, 3, 0),
            ("acc_2", 0, "", JUNE_US, 1, 17, 23),
        ]
        assert list(connection.execute(select(ChargeRow.id)).scalars()) == ["c3"], "held: not over"
    assert books(database) == before
    report = verify(database)
    assert report.problems == []
    assert (report.counts["charges"], report.counts["carried"]) == (0, 5)


def test_months_are_those_of_utc() -> None:
    assert month_of(NOW_US) == JUNE_US
    assert month_of(JUNE_US) == JUNE_US
    assert month_of(JUNE_US - 1) == JUNE_US - 31 * 86_400_000_000


def test_charges_come_to_the_same_row_in_parts(database: Database, orders: Any) -> None:
    fill(database, orders)
    with database.begin() as connection:
        apply(connection, [orders.hold("c7", 9), orders.settle("c7", 8)])
    carry_all(database, "c2")
    assert verify(database).ok
    assert carry_all(database, "c7", "c2") == Carried(1, 0), "what is gone is not carried twice"
    with database.read() as connection:
        row = connection.execute(select(CarriedRow.calls, CarriedRow.amount)).one()
    assert tuple(row) == (2, 12)
    assert verify(database).ok


def test_a_settle_that_comes_after_all_that_is_refused(database: Database, orders: Any) -> None:
    fill(database, orders)
    carry_all(database)
    before = books(database)
    for charge in ("c2", "c4"):
        with pytest.raises(Conflict, match="there is no charge"), database.begin() as connection:
            apply(connection, [orders.settle(charge, 4)])
    assert books(database) == before


CORRUPTIONS = {
    "carried more": ("UPDATE carried_charges SET amount = amount + 1 WHERE lot_id = 1 AND key_id = ''", "acc_1: posted"),
    "carried for nobody": (
        f"INSERT INTO carried_charges VALUES ('acc_9', 1, '', {JUNE_US}, 1, 0, 0)", "acc_9.*does not exist"
    ),
    "shares": ("UPDATE carried_charges SET amount = amount + 1 WHERE wallet_id = 'acc_2'", "acc_2: the carried .* by 1 "),
    "spent": ("UPDATE carried_charges SET amount = amount + 1 WHERE lot_id = 1 AND key_id = 'key_1'", "key_1: spent"),
    "a share of a charge that never was": (
        "INSERT INTO entries (wallet_id, lot_id, charge_id, kind, amount, reference, created_at_us)"
        " VALUES ('acc_1', 1, 'c99', 'usage', -1, 'c99', 0)",
        "acc_1: the carried .* by -1 ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_what_was_tampered_with_is_found(database: Database, orders: Any, name: str) -> None:
    fill(database, orders)
    carry_all(database)
    statement, expected = CORRUPTIONS[name]
    with database.begin() as connection:
        connection.execute(text(statement))
    problems = verify(database).problems
    assert any(re.search(expected, problem) for problem in problems), problems


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM carried_charges", "UPDATE carried_charges SET amount = amount - 1 WHERE amount > 0",
     "UPDATE carried_charges SET wallet_id = 'acc_3'"],
)  # fmt: skip
def test_the_sums_only_grow(database: Database, orders: Any, statement: str) -> None:
    fill(database, orders)
    carry_all(database)
    with pytest.raises(Exception, match=r"does not shrink|does not change"), database.begin() as connection:
        connection.execute(text(statement))


def test_a_month_is_one_line_of_the_history(database: Database, orders: Any) -> None:
    fill(database, orders)
    carry_all(database)
    with database.read() as connection:
        lines = [(line.kind, line.amount, line.reference, line.note) for line in history(connection, "acc_1")]
        charge_id = first_id("chg", NOW_US)
        assert carried_month(connection, charge_id, "acc_1") == "2025-06"
        assert carried_month(connection, charge_id.replace("chg_", "req_")) == "2025-06"
        assert carried_month(connection, charge_id, "acc_3") is None
        assert carried_month(connection, first_id("chg", JUNE_US - 1)) is None
        assert carried_month(connection, "no id") is None
    assert sorted(lines) == [
        ("grant", 10, "bonus", None),
        ("grant", 100, "grant_1", None),
        ("usage", -37, "2025-06", "4 calls"),
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_books_stay_proven(database: Database, orders: Any, seed: int) -> None:
    """Charges of any kind are carried at any time, in any order, over several months."""
    chance = random.Random(seed)
    open_: list[tuple[str, int]] = []
    with database.begin() as connection:
        apply(connection, [SetBudget("key_1", 10**6), SetOverdraft("acc_1", 50)])
        for number in range(8):
            apply(
                connection,
                [orders.grant(chance.randrange(20, 200), f"g{number}", wallet_id=f"acc_{number % 2}")],
            )
    for number in range(120):
        at_us = NOW_US + chance.randrange(90) * 86_400_000_000
        wallet = f"acc_{number % 2}"
        with database.begin() as connection:
            hold = orders.hold(
                f"x{number:03}", 9, minimum=0, wallet_id=wallet, budgeted=chance.random() < 0.5, at_us=at_us
            )
            apply(connection, [hold])
            open_.append((hold.charge_id, at_us))
            if chance.random() < 0.8:
                charge, made_us = open_.pop(chance.randrange(len(open_)))
                end = (
                    orders.settle(charge, chance.randrange(15))
                    if chance.random() < 0.8
                    else orders.void(charge)
                )
                end.at_us = made_us
                apply(connection, [end])
        if chance.random() < 0.3:
            before = books(database)
            carry_all(database, *(f"x{chance.randrange(number + 1):03}" for _ in range(9)))
            assert books(database) == before
    report = verify(database)
    assert report.problems == []
    assert report.counts["carried"] > 30
