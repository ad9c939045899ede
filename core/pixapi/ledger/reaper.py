"""Holds of dead processes. A call whose process died can no longer settle, so what it held is released."""

from __future__ import annotations

from sqlalchemy import select

from pixapi.clock import Clock
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.ledger.apply import apply
from pixapi.ledger.models import ChargeRow
from pixapi.ledger.operations import Voided, VoidOrder
from pixapi.telemetry.logs import logger

_SLICE = 200

log = logger("ledger")


class Reaper:
    """Looks for holds whose owner is gone.

    On Postgres an owner that only lost its connection takes its lock again within seconds; so an owner counts as
    dead when it was found so in two rounds one after the other. (If one is reaped wrongly all the same, its settles
    come late, and take what is available.)
    """

    def __init__(self, database: Database, owner: Ownership, clock: Clock) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock
        self._suspects: set[str] = set()

    def round(self) -> int:
        """Voids the holds of the dead; how many. Raises `DatabaseAway`."""
        with self._database.read() as connection:
            held = select(ChargeRow.owner).where(ChargeRow.status == "held").distinct()
            owners = set(connection.execute(held).scalars())
        dead = {owner for owner in owners if not self._owner.is_alive(owner)}
        certain = dead if self._database.dialect == "sqlite" else dead & self._suspects
        self._suspects = dead
        return sum(self._void_all(owner) for owner in certain)

    def _void_all(self, owner: str) -> int:
        total = 0
        while True:
            with self._database.begin() as connection:
                orphans = (
                    select(ChargeRow.id)
                    .where(ChargeRow.owner == owner, ChargeRow.status == "held")
                    .order_by(ChargeRow.id)
                    .limit(_SLICE)
                )
                found = connection.execute(orphans).scalars().all()
                now_us = self._clock.now_us()
                outcomes = apply(connection, [VoidOrder(charge, now_us, "orphaned", 500) for charge in found])
            voided = sum(1 for outcome in outcomes if isinstance(outcome, Voided))
            total += voided
            if len(found) < _SLICE:
                break
        if total:
            log.warning("holds_reaped", owner=owner, holds=total)
        return total
