"""Reports of use, over charges that the ledger itself settled."""

from __future__ import annotations

from typing import Any

import pytest

from pixapi.calls.usage_report import top_usage, usage_report
from pixapi.db.engine import Database
from pixapi.identity.audit import Actor
from pixapi.identity.keys import KeyHasher
from pixapi.identity.service import KeyTerms, add_key, create_user
from pixapi.ids import first_id
from pixapi.ledger import Grant, HoldOrder, SettleOrder, VoidOrder, apply

DAY_US = 86_400_000_000
NOON_US = 20_254 * DAY_US + DAY_US // 2
"""Noon of 15 June 2025."""
USAGE = '{"input":7,"output":3,"reasoning":2}'


class Ids:
    """The key and the users of the charges."""

    def __init__(self, database: Database) -> None:
        actor = Actor("cli", NOON_US)
        with database.begin() as connection:
            self.user = create_user(connection, actor, "ada@example.com")
            key = add_key(
                connection, actor, KeyHasher(b"s"), self.user, "laptop", "pix_" + "0123456789" * 4, KeyTerms()
            )
        self.key = key.id


def charge(ids: Ids, name: str, at_us: int, **fields: Any) -> list[Any]:
    """A call that was held at ``at_us`` and settled an hour later."""
    charge_id = first_id("chg", at_us)[:-8] + name.rjust(8, "0")
    amount, usage = fields.pop("amount", 1000), fields.pop("usage", USAGE)
    hold = HoldOrder(
        charge_id=charge_id, wallet_id=ids.user.account_id, key_id=ids.key, user_id=ids.user.id,
        amount=5000, minimum=5000, budgeted=False, operation="chat", model="m", route="up/m", stream=False,
        price_id=1, at_us=at_us,
    )  # fmt: skip
    for field, value in fields.items():
        setattr(hold, field, value)
    return [hold, SettleOrder(charge_id, amount, usage, "reported", at_us + 3_600_000_000, 200)]


@pytest.fixture
def filled(database: Database) -> Database:
    ids = Ids(database)
    operations = [
        Grant(ids.user.account_id, 1_000_000, "first", "purchase", NOON_US),
        *charge(ids, "c1", NOON_US),
        *charge(ids, "c2", NOON_US + DAY_US // 2 - 1),
        *charge(ids, "c3", NOON_US + DAY_US // 2, model="other", key_id="key_gone", user_id=None, amount=1, usage="{}"),
        charge(ids, "held", NOON_US)[0],
        void := charge(ids, "void", NOON_US)[0],
        VoidOrder(void.charge_id, NOON_US, "upstream_lost", 502),
    ]  # fmt: skip
    with database.begin() as connection:
        apply(connection, operations)
    return database


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("model", [("m", 2, 14, 10, "0.002"), ("other", 1, 0, 0, "0.000001")]),
        ("key", [("pix_012345… laptop", 2, 14, 10, "0.002"), ("key_gone", 1, 0, 0, "0.000001")]),
        ("user", [("ada@example.com", 2, 14, 10, "0.002"), ("-", 1, 0, 0, "0.000001")]),
        ("day", [("2025-06-16", 1, 0, 0, "0.000001"), ("2025-06-15", 2, 14, 10, "0.002")]),
    ],
)
def test_a_row_for_each(filled: Database, by: str, expected: list[tuple[Any, ...]]) -> None:
    with filled.read() as connection:
        rows = usage_report(connection, by, 0)
        assert usage_report(connection, by, NOON_US + 2 * DAY_US) == []
    assert [tuple(row.values()) for row in rows] == expected
    assert next(iter(rows[0])) == by


def test_it_begins_at_the_moment_asked_for(filled: Database) -> None:
    with filled.read() as connection:
        (row,) = usage_report(connection, "model", NOON_US + DAY_US // 2)
        assert row["model"] == "other"
        assert [row["calls"] for row in usage_report(connection, "model", NOON_US + 1)] == [1, 1]


def test_the_first_rows_and_how_many_more(filled: Database) -> None:
    with filled.read() as connection:
        for by in ("model", "user", "key", "day"):
            every = usage_report(connection, by, 0)
            assert top_usage(connection, by, 0, 1) == (every[:1], 1)
            assert top_usage(connection, by, 0, 2) == (every, 0)
        assert top_usage(connection, "model", NOON_US + 2 * DAY_US, 2) == ([], 0)
