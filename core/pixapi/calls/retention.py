"""Forgets old calls: whole months of charges, once their sums stand for them, and the log of failed requests.

The ledger keeps one sum for each lot and month (`pixapi.ledger.carry`), reports of use keep their hourly sums. So only
charges that are in those sums go: up to the last one summed, and not among those noted as late (`usage_rollup`); what
can be summed is summed first. Small transactions, with a pause as long as each took, so that calls never wait long.
Where it is stopped, or killed, it goes on the next time from what is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, select, text

from pixapi.calls.models import FailedRequestRow, UsageLateRow
from pixapi.calls.request_log import RequestLog
from pixapi.calls.span import id_after
from pixapi.calls.usage_queries import DAY_US
from pixapi.calls.usage_rollup import UsageRoller, rolled
from pixapi.clock import Clock, month_of
from pixapi.config.settings import Retention
from pixapi.db.engine import Database
from pixapi.errors import DatabaseAway
from pixapi.ledger.carry import Carried, carry, lock_wallets

SLICE = 1000
"""Charges in one transaction: some tens of milliseconds of the database's write lock."""

_ATTEMPTS = 5

_OLD = "id < :end AND created_at_us < :before AND status <> 'held'"
_NEXT = text(f"SELECT id FROM charges WHERE id > :above AND id <= :upto AND {_OLD} ORDER BY id LIMIT :slice")  # noqa: S608
_COUNT = text(f"SELECT count(*) FROM charges WHERE {_OLD}")  # noqa: S608 - a constant
_LATE = select(UsageLateRow.charge_id).where(UsageLateRow.charge_id.in_(bindparam("ids", expanding=True)))


class Forgotten(msgspec.Struct, frozen=True):
    """How much was forgotten, or would be."""

    charges: int
    failed_requests: int


class Retained:
    """What is kept, by the configuration and the clock."""

    def __init__(self, database: Database, clock: Clock, retention: Retention) -> None:
        self._database = database
        self._clock = clock
        self._retention = retention
        # The log of failures has no sums to stand for it and may go sooner; never later than the charges.
        self._log_days = min(retention.requests_days, retention.usage_days)
        self.since_us = month_of(clock.now_us() - retention.usage_days * DAY_US)
        """Charges made before this moment are to go: the beginning of a UTC month."""

    def count(self) -> Forgotten:
        """What `purge` would forget now. Reads all old charges; raises `DatabaseAway`."""
        before_us = self._clock.now_us() - self._log_days * DAY_US
        failed = select(func.count()).where(FailedRequestRow.at_us < before_us)
        with self._database.read() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL statement_timeout = '10min'"))
            charges = connection.execute(_COUNT, self._span()).scalar_one()
            return Forgotten(charges, connection.execute(failed).scalar_one())

    def purge(
        self, progress: Callable[[int], None] = lambda _: None, *, slice_rows: int = SLICE, rest: float = 1.0
    ) -> Forgotten:
        """Forgets what is older than it may be.

        Args:
            progress: hears how many charges have gone so far.
            rest: how long it pauses after a transaction, in times of what that took.

        Raises:
            DatabaseAway: what was committed so far stays; begin again.
        """
        roller = UsageRoller(self._database)
        while roller.round():
            _pause(0.01, rest)
        above, gone = "", 0
        while True:
            began_s = time.perf_counter()
            last, carried = self._patiently(above, slice_rows)
            if last is None:
                break
            above, gone = last, gone + carried.settled + carried.voided
            progress(gone)
            _pause(time.perf_counter() - began_s, rest)
        failed = RequestLog(self._database, self._clock, keep_days=self._log_days).purge()
        return Forgotten(gone, failed)

    def _patiently(self, above: str, slice_rows: int) -> tuple[str | None, Carried]:
        """One transaction; tried again where others kept the database for so long that it had no turn."""
        attempts = count(1)
        while True:
            try:
                with self._database.begin() as connection:
                    return self._slice(connection, above, slice_rows)
            except DatabaseAway:
                if next(attempts) == _ATTEMPTS:
                    raise
                time.sleep(1)

    def _slice(self, connection: Connection, above: str, slice_rows: int) -> tuple[str | None, Carried]:
        """Carries the next charges forward; the last id that was looked at, None at the end."""
        if connection.dialect.name == "sqlite":
            # What is deleted here must be gone from the file, not only from its index of pages.
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        span = {**self._span(), "above": above, "upto": rolled(connection).upto, "slice": slice_rows}
        found = list(connection.execute(_NEXT, span).scalars())
        if not found:
            return None, Carried(0, 0)
        lock_wallets(connection, found)
        # Only now nothing can settle late any more; what did so before is noted.
        late = set(connection.execute(_LATE, {"ids": found}).scalars())
        return found[-1], carry(connection, [charge_id for charge_id in found if charge_id not in late])

    def _span(self) -> dict[str, Any]:
        return {"before": self.since_us, "end": id_after(self.since_us)}


def _pause(taken_s: float, rest: float) -> None:
    time.sleep(min(1.0, taken_s * rest))
