"""Which credits pay: by priority, then the sooner expiry, then age; over many charges and on both databases.

The lots are granted in an order that is none of these, so whoever forgets to sort them draws the wrong one.
"""

from typing import Any

import pytest
from sqlalchemy import text

from pixapi.db.engine import Database
from pixapi.ledger import Expire, Take, apply
from pixapi.ledger.operations import Expired, Operation, Outcome
from pixapi.ledger.verify import verify

NOW_US = 1_750_000_000_000_000
SOON_US, LATER_US = NOW_US + 500, NOW_US + 900

GRANTS: dict[str, dict[str, Any]] = {
    "bought": {"kind": "purchase"},
    "bonus for ever": {"kind": "bonus"},
    "bonus later": {"kind": "bonus", "expires_at_us": LATER_US},
    "bonus soon": {"kind": "bonus", "expires_at_us": SOON_US},
    "bonus soon, younger": {"kind": "bonus", "expires_at_us": SOON_US},
    "bought later": {"kind": "purchase"},
    "subscription": {"kind": "subscription", "expires_at_us": LATER_US},
    "before all": {"kind": "purchase", "priority": 1},
}
DRAWN = [
    "before all", "subscription", "bonus soon", "bonus soon, younger", "bonus later", "bonus for ever", "bought",
    "bought later",
]  # fmt: skip
EACH = 10


def apart(database: Database, operations: list[Operation]) -> list[Outcome]:
    """Each in a transaction of its own: what pays is read from the database."""
    return [outcome for operation in operations for outcome in together(database, [operation])]


def together(database: Database, operations: list[Operation]) -> list[Outcome]:
    """One batch: what pays was put in order by those before."""
    with database.begin() as connection:
        return apply(connection, operations)


WAYS = pytest.mark.parametrize("do", [apart, together])


def grants(orders: Any) -> list[Operation]:
    return [orders.grant(EACH, source, **fields) for source, fields in GRANTS.items()]


def charge(orders: Any, name: str, amount: int, at_us: int = NOW_US) -> list[Operation]:
    return [orders.hold(name, amount, at_us=at_us), orders.settle(name, amount, at_us=at_us)]


def left(database: Database) -> dict[str, int]:
    """What each lot still has, in the order they are drawn."""
    with database.read() as connection:
        rows = connection.execute(text("SELECT source, remaining FROM lots")).all()
    found = {row.source: row.remaining for row in rows}
    assert verify(database).problems == []
    return {source: found[source] for source in DRAWN}


def drained(amount: int) -> dict[str, int]:
    """What each lot has when ``amount`` was drawn from all of them, one after the other."""
    return {source: EACH - min(EACH, max(0, amount - EACH * number)) for number, source in enumerate(DRAWN)}


@WAYS
@pytest.mark.parametrize("charges", range(1, 12))
def test_lots_pay_in_their_order_over_many_charges(
    database: Database, orders: Any, do: Any, charges: int
) -> None:
    """Charges of 7 end in the middle of a lot: the next one finds it begun, and begins with it."""
    calls = [step for number in range(charges) for step in charge(orders, f"c{number}", 7)]
    do(database, grants(orders) + calls)
    assert left(database) == drained(7 * charges)


@WAYS
def test_the_entries_of_a_charge_name_its_lots_in_their_order(
    database: Database, orders: Any, do: Any
) -> None:
    do(database, grants(orders) + charge(orders, "c1", 75))
    with database.read() as connection:
        query = (
            "SELECT source, -amount AS paid FROM entries JOIN lots ON lots.id = lot_id WHERE charge_id = 'c1'"
        )
        rows = connection.execute(text(query + " ORDER BY entries.id")).all()
    assert [(row.source, row.paid) for row in rows] == [(source, EACH) for source in DRAWN[:7]] + [
        ("bought later", 5)
    ]


@WAYS
def test_what_is_taken_back_comes_from_the_lots_in_their_order(
    database: Database, orders: Any, do: Any
) -> None:
    do(database, [*grants(orders), Take("acc_1", 25, "refund_1", NOW_US)])
    assert left(database) == drained(25)


@WAYS
def test_the_order_outlives_an_expiry(database: Database, orders: Any, do: Any) -> None:
    """24 are used; then the two that end soon go, one begun and one whole; the next charge draws what is left."""
    steps = [*grants(orders), *charge(orders, "c1", 24), Expire("acc_1", SOON_US)]
    outcomes = do(database, steps + charge(orders, "c2", 17, at_us=SOON_US))
    assert outcomes[-3] == Expired(16)
    expected = dict.fromkeys(DRAWN, 0) | {"bonus for ever": 3, "bought": 10, "bought later": 10}
    assert left(database) == expected


@WAYS
def test_what_is_held_stays_in_the_lots_that_are_drawn_last(database: Database, orders: Any, do: Any) -> None:
    """Four lots have expired and 45 of all 80 are held: 35 of the expired 40 may go, in the lots' order."""
    steps = [*grants(orders), orders.hold("c1", 45), Expire("acc_1", LATER_US)]
    assert do(database, steps)[-1] == Expired(35)
    expected = dict.fromkeys(DRAWN[1:4], 0) | {"before all": 10, "bonus later": 5}
    assert left(database) == expected | dict.fromkeys(DRAWN[5:], EACH)


@WAYS
def test_a_new_lot_covers_a_hold_so_that_what_it_kept_goes(database: Database, orders: Any, do: Any) -> None:
    """60 of 100 are held when they expire, and stay; 50 new ones may be held in their place, so 50 more go."""
    steps = [orders.grant(100, "old", expires_at_us=SOON_US), orders.hold("c1", 60), Expire("acc_1", SOON_US)]
    assert do(database, steps)[-1] == Expired(40)
    do(database, [orders.grant(50, "new", at_us=SOON_US)])
    with database.read() as connection:
        rows = connection.execute(text("SELECT source, remaining FROM lots ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("old", 10), ("new", 50)]
    assert verify(database).problems == []


@WAYS
def test_a_wallet_is_due_when_the_first_of_its_lots_ends(database: Database, orders: Any, do: Any) -> None:
    def due_us() -> int | None:
        with database.read() as connection:
            return connection.execute(text("SELECT next_expiry_us FROM wallets")).scalar_one()

    do(database, [orders.grant(10, "later", expires_at_us=LATER_US), orders.grant(10, "old")])
    assert due_us() == LATER_US
    do(database, [orders.grant(10, "soon", expires_at_us=SOON_US)])
    assert due_us() == SOON_US
    do(database, [Take("acc_1", 10, "refund_1", NOW_US)])
    assert due_us() == LATER_US
    do(database, charge(orders, "c1", 10))
    assert due_us() is None
