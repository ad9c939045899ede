"""What the ledger's tests share: orders with all their fields, and a running `CallLedger`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pixapi.clock import Clock, SystemClock
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.ledger import CallLedger, Grant, HoldOrder, SettleOrder, VoidOrder, apply

NOW_US = 1_750_000_000_000_000


class Orders:
    """Makes operations; what a test does not care about has a value."""

    def hold(self, charge_id: str, amount: int, **fields: Any) -> HoldOrder:
        order = HoldOrder(
            charge_id=charge_id, wallet_id="acc_1", key_id="key_1", user_id="usr_1",
            amount=amount, minimum=amount, budgeted=False, operation="chat", model="m", route="up/m", stream=False,
            price_id=1, at_us=NOW_US,
        )  # fmt: skip
        return _with(order, fields)

    def settle(self, charge_id: str, amount: int, **fields: Any) -> SettleOrder:
        order = SettleOrder(
            charge_id, amount, '{"input":7,"output":3,"reasoning":2}', "reported", NOW_US, 200
        )
        return _with(order, fields)

    def void(self, charge_id: str, **fields: Any) -> VoidOrder:
        return _with(VoidOrder(charge_id, NOW_US, "upstream_error", 502), fields)

    def grant(self, amount: int, source: str = "grant_1", **fields: Any) -> Grant:
        return _with(Grant("acc_1", amount, source, "purchase", NOW_US), fields)


def _with(order: Any, fields: dict[str, Any]) -> Any:
    for name, value in fields.items():
        setattr(order, name, value)
    return order


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def grant(database: Database) -> Callable[..., None]:
    """Commits a grant to ``acc_1``."""

    def make(amount: int, source: str = "grant_1", **fields: Any) -> None:
        with database.begin() as connection:
            apply(connection, [Orders().grant(amount, source, **fields)])

    return make


RunLedger = Callable[..., AbstractAsyncContextManager[CallLedger]]


@pytest.fixture
def run_ledger(tmp_path: Path) -> RunLedger:
    """Runs a `CallLedger` with an owner of its own."""

    @asynccontextmanager
    async def run(
        database: Database,
        *,
        clock: Clock | None = None,
        spool_dir: Path | None = None,
        metrics: Any = None,
        leisure: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[CallLedger]:
        owner = Ownership(database)
        owner.acquire()
        ledger = CallLedger(
            database, owner=owner, clock=clock or SystemClock(), spool_dir=spool_dir or tmp_path / "spool",
            metrics=metrics, leisure=leisure,
        )  # fmt: skip
        await ledger.start()
        try:
            yield ledger
        finally:
            await ledger.stop()
            owner.release()

    return run
