"""The writer thread: gathers orders, commits them together, and outlives a database that is away."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

import psycopg

from pixapi.clock import Clock
from pixapi.db.engine import Database, DriverConnection, is_away
from pixapi.errors import DatabaseAway, InternalError, PixapiError
from pixapi.ledger.apply import answer, store_over
from pixapi.ledger.meter import Meter
from pixapi.ledger.operations import Held, HoldOrder, Outcome, Settled, Voided, VoidOrder
from pixapi.ledger.rows import Place, Store
from pixapi.ledger.spool import Spool, Spooled
from pixapi.ledger.ticket import CallOrder, Signal, Ticket
from pixapi.telemetry.logs import logger

Answered = tuple[Ticket, Outcome | PixapiError]

_MOST = 256
"""Orders in one transaction."""
_BUSY_S = 0.25
"""How long one attempt waits for another process's write on SQLite; then the queue is looked at again."""
_AGAIN_S = 0.1
_CROWD = 4
_LINGER_S = 0.002
"""After a transaction of `_CROWD` orders or more the next one gathers for so long. Each transaction makes this
thread ask for the interpreter's lock a dozen times; fewer and larger ones give that time to the calls. A lone
call never waits.
"""
_STOPPING_S = 5.0

log = logger("ledger")


class _GivenUp(Exception):
    """While the batch waited for the database, the loop gave one of its orders up."""


def _confirm(batch: list[Ticket]) -> None:
    """The last look before a batch is written: who was told "no" must not find it done after all."""
    for ticket in batch:
        if ticket.given_up or ticket.spooled:
            raise _GivenUp


class Batches:
    """The thread's work. Everything here but `undo` runs in it (or, in `open`, before it starts)."""

    def __init__(
        self,
        database: Database,
        owner: str,
        clock: Clock,
        spool: Spool,
        queue: SimpleQueue[Ticket | Signal],
        deliver: Callable[[Sequence[Answered]], None],
        meter: Meter,
    ) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock
        self._spool = spool
        self._queue = queue
        self._deliver = deliver
        self._meter = meter
        self._connection: DriverConnection | None = None
        self._store: Store | None = None
        self._waiting: list[Ticket] = []
        self._stop_at_s: float | None = None
        self._last = 0
        """Orders in the last transaction: tells how busy it is."""
        # Where charges under way belong: saves a look-up. It never changes, so it cannot be stale.
        self._places: dict[str, Place] = {}

    def open(self) -> None:
        """Connects, and replays what earlier processes left in the spool; raises `DatabaseAway`."""
        try:
            adopted = self._spool.adopt(self._replay_slice)
        except Exception as error:
            if is_away(error):
                self._reset(error)
                raise DatabaseAway("The database does not answer; the spool cannot be replayed.") from error
            raise
        if adopted:
            log.warning("spool_replayed", orders=adopted)

    def undo(self, order: CallOrder) -> VoidOrder:
        """The order that undoes a hold whose caller has gone."""
        return VoidOrder(order.charge_id, self._clock.now_us(), "abandoned", 503)

    def run(self) -> None:
        """Until told to stop."""
        try:
            while self._gather():
                self._work()
        finally:
            if self._connection is not None:
                self._connection.close()

    def _gather(self) -> bool:
        """Waits for orders and takes all that are there; False when it is time to end."""
        if self._stop_at_s is not None and (not self._waiting or time.monotonic() > self._stop_at_s):
            return False
        idle = not self._waiting and not self._spool.waiting
        if self._last >= _CROWD:
            time.sleep(_LINGER_S)
        with suppress(Empty):
            self._accept(self._queue.get(timeout=None if idle else _AGAIN_S))
            while len(self._waiting) < _MOST:
                self._accept(self._queue.get_nowait())
        return True

    def _accept(self, item: Ticket | Signal) -> None:
        if isinstance(item, Ticket):
            self._waiting.append(item)
        elif item is Signal.STOP:
            self._stop_at_s = time.monotonic() + _STOPPING_S

    def _work(self) -> None:
        self._waiting = [wanted for ticket in self._waiting if (wanted := self._wanted(ticket)) is not None]
        while self._waiting:
            batch = self._waiting[:_MOST]
            answered = self._commit(batch)
            if answered is None:
                return
            self._deliver(answered)
            del self._waiting[: len(batch)]
        if self._spool.waiting:
            self._replay()

    def _wanted(self, ticket: Ticket) -> Ticket | None:
        """What is left to do of an order, the loop's mind having perhaps changed since."""
        if ticket.spooled:
            return None
        if not ticket.abandoned():
            return ticket
        # A hold that was never sent need not be undone; a settle's hold is there in any case.
        if isinstance(ticket.order, HoldOrder) and not ticket.tried:
            return None
        return Ticket(self.undo(ticket.order), None, ticket.since_s)

    def _commit(self, batch: list[Ticket]) -> list[Answered] | None:
        """The orders' answers; None while the database is away."""
        # What ends comes first: it may free what a hold in the same batch needs.
        batch = sorted(batch, key=lambda ticket: isinstance(ticket.order, HoldOrder))
        first = not any(ticket.tried for ticket in batch)
        for ticket in batch:
            ticket.tried = True
        try:
            orders = [ticket.order for ticket in batch]
            return list(zip(batch, self._attempt(orders, first, lambda: _confirm(batch)), strict=True))
        except _GivenUp:
            return None
        except Exception as error:
            if is_away(error):
                self._reset(error)
                return None
            if len(batch) == 1 and not first:
                log.error("ledger_refused", charge_id=batch[0].order.charge_id, exc_info=error)
                return [(batch[0], InternalError("The ledger could not take this order; its log says why."))]
        return self._one_by_one(batch)

    def _one_by_one(self, batch: list[Ticket]) -> list[Answered] | None:
        """Something in the batch broke a rule of the database: find it, and let the others pass."""
        answered: list[Answered] = []
        for ticket in batch:
            found = self._commit([ticket])
            if found is None:
                return None  # those that passed are done again later, which changes nothing
            answered += found
        return answered

    def _attempt(
        self,
        orders: Sequence[CallOrder],
        holds_are_new: bool = False,
        confirm: Callable[[], None] = lambda: None,
    ) -> list[Outcome | PixapiError]:
        began_s = time.perf_counter()
        store = self._store or self._open_store()
        try:
            store.begin()
            answers = answer(
                store,
                orders,
                owner=self._owner,
                hints=self._places,
                commit=True,
                holds_are_new=holds_are_new,
                confirm=confirm,
            )
        except BaseException:
            with suppress(sqlite3.Error, psycopg.Error):  # the first error is the one that tells
                store.rollback()
            raise
        for order, outcome in zip(orders, answers, strict=True):
            if isinstance(order, HoldOrder) and isinstance(outcome, Held):
                self._places[order.charge_id] = (order.wallet_id, order.key_id if order.budgeted else None)
            elif isinstance(outcome, Settled | Voided):
                self._places.pop(order.charge_id, None)
        self._last = len(orders)
        self._meter.ledger_batch(len(orders), time.perf_counter() - began_s)
        return answers

    def _open_store(self) -> Store:
        self._connection = self._database.driver_connection(busy_s=_BUSY_S)
        self._store = store_over(self._connection)
        return self._store

    def _reset(self, error: Exception) -> None:
        """Gives the connection up, unless it only had to wait for another writer."""
        if isinstance(error, sqlite3.OperationalError) and (error.sqlite_errorcode & 0xFF) in (5, 6):
            return
        log.warning("database_lost", cause=type(error).__name__)
        connection, self._connection, self._store = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error, psycopg.Error):
                connection.close()

    def _replay(self) -> None:
        try:
            count = self._spool.replay(self._replay_slice)
        except Exception as error:
            if is_away(error):
                self._reset(error)
            else:
                log.error("spool_not_replayed", exc_info=error)
            return
        log.warning("spool_replayed", orders=count)

    def _replay_slice(self, orders: Sequence[Spooled]) -> None:
        for order, outcome in zip(orders, self._attempt(orders), strict=True):
            if isinstance(outcome, PixapiError):
                log.error("spool_refused", charge_id=order.charge_id, code=outcome.code)
