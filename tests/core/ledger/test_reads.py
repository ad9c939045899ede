"""What people ask of the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from pixapi.db.engine import Database
from pixapi.ledger import apply
from pixapi.ledger.reads import Balance, balance_of, charge_by_id, history, open_lots, write_offs

NOW_US = 1_750_000_000_000_000
DAY_US = 86_400_000_000


@pytest.fixture
def filled(database: Database, orders: Any) -> Database:
    with database.begin() as connection:
        apply(
            connection,
            [
                orders.grant(1_000_000, "first", note="welcome"),
                orders.grant(500_000, "promo", kind="bonus", expires_at_us=NOW_US + DAY_US),
                orders.hold("c1", 600_000),
                orders.settle("c1", 600_000),
                orders.hold("c2", 1, model="other", key_id="key_2", user_id=None, at_us=NOW_US + 1),
                orders.settle("c2", 1, at_us=NOW_US + DAY_US, usage="{}"),
                orders.hold("c3", 10, at_us=NOW_US + 2),
                orders.hold("c4", 10, at_us=NOW_US + 3),
                orders.settle("c4", 2_000_000, at_us=NOW_US + 4),
            ],
        )
    return database


def test_balances(filled: Database) -> None:
    with filled.read() as connection:
        assert balance_of(connection, "acc_1") == Balance(10, 10, 0)
        assert balance_of(connection, "acc_1").available == 0
        assert balance_of(connection, "nobody") == Balance(0, 0, 0)


def test_a_charge_by_its_id_or_its_request(filled: Database, orders: Any) -> None:
    with filled.begin() as connection:
        apply(connection, [orders.grant(5, "more"), orders.hold("chg_5", 5)])
    with filled.read() as connection:
        found = charge_by_id(connection, "req_5")
        assert found is not None
        assert found == charge_by_id(connection, "chg_5")
        assert charge_by_id(connection, "never") is None


def test_history_shows_a_call_once(filled: Database) -> None:
    with filled.read() as connection:
        lines = [(line.kind, line.amount, line.reference) for line in history(connection, "acc_1")]
        assert len(history(connection, "acc_1", limit=2)) == 2
    assert sorted(lines) == [
        ("chat", -899_989, "c4"),
        ("chat", -600_000, "c1"),
        ("chat", -1, "c2"),
        ("grant", 500_000, "promo"),
        ("grant", 1_000_000, "first"),
    ]


def test_lots_and_write_offs(filled: Database) -> None:
    with filled.read() as connection:
        assert [(lot.kind, lot.remaining) for lot in open_lots(connection, "acc_1")] == [("purchase", 10)]
        assert [(charge.id, charge.written_off) for charge in write_offs(connection)] == [("c4", 1_100_011)]
