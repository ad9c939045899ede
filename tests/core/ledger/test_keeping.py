"""What the ledger does by itself: the reaper, the sweep of expiries."""

from __future__ import annotations

from typing import Any

from pixapi.clock import ManualClock
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.ledger import apply
from pixapi.ledger.expiry import expire_due
from pixapi.ledger.operations import Operation
from pixapi.ledger.reads import balance_of, charge_by_id, held_total, holds
from pixapi.ledger.reaper import Reaper
from pixapi.ledger.verify import verify

NOW_US = 1_750_000_000_000_000


def do(database: Database, owner: str, *operations: Operation) -> None:
    with database.begin() as connection:
        apply(connection, operations, owner=owner)


def reap(database: Database, owner: Ownership) -> int:
    """Enough rounds to be certain on either database."""
    reaper = Reaper(database, owner, ManualClock())
    return reaper.round() + reaper.round()


def test_the_dead_hold_nothing(database: Database, orders: Any) -> None:
    owner = Ownership(database)
    owner.acquire()
    do(database, "", orders.grant(10_000))
    do(database, "own_dead", *[orders.hold(f"d{number}", 1) for number in range(450)])
    do(database, owner.id, *[orders.hold(f"l{number}", 1) for number in range(5)])
    assert reap(database, owner) == 450
    with database.read() as connection:
        assert held_total(connection) == (5, 5)
        assert {charge.owner for charge in holds(connection)} == {owner.id}
        orphan = charge_by_id(connection, "d7")
    assert orphan is not None
    assert (orphan.status, orphan.error_code, orphan.amount) == ("voided", "orphaned", None)
    assert reap(database, owner) == 0
    assert verify(database).ok
    owner.release()


def test_the_sweep_expires_idle_wallets_and_spares_what_is_held(database: Database, orders: Any) -> None:
    grants = [
        orders.grant(10, f"g{number}", wallet_id=f"acc_{number:03}", expires_at_us=NOW_US + number)
        for number in range(1, 251)
    ]
    do(database, "", *grants, orders.hold("c1", 4, wallet_id="acc_001"))
    assert expire_due(database, NOW_US) == 0
    assert expire_due(database, NOW_US + 200) == 200 * 10 - 4
    assert expire_due(database, NOW_US + 200) == 0
    with database.read() as connection:
        assert [balance_of(connection, f"acc_{number:03}").posted for number in (1, 2, 200, 201)] == [
            4,
            0,
            0,
            10,
        ]
    do(database, "", orders.void("c1", at_us=NOW_US + 200))
    with database.read() as connection:
        assert balance_of(connection, "acc_001").posted == 0
    assert verify(database).ok
