"""The writer: gathers orders, commits them together, and outlives a database that is away.

It is a task of the event loop, so that everything it decides about tickets happens in one thread. What waits for the
database is done in the ledger's own thread (`worker`): on Postgres a whole batch, whose statements all wait; on SQLite
only the commit, which waits for the disk. Its statements work in memory and cost some microseconds; in a thread each
would give the interpreter's lock away and wait for it again behind a busy loop, which costs more.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import psycopg

from pixapi.clock import Clock
from pixapi.db.engine import Database, DriverConnection, is_away
from pixapi.errors import DatabaseAway, InternalError, PixapiError
from pixapi.ledger.apply import answer, store_over
from pixapi.ledger.meter import Meter
from pixapi.ledger.operations import Held, HoldOrder, Outcome, Settled, Voided, VoidOrder
from pixapi.ledger.rows import Place, Store
from pixapi.ledger.spool import Spool, Spooled
from pixapi.ledger.ticket import CallOrder, GivenUp, Ticket, confirm, use_the_time
from pixapi.ledger.worker import Worker
from pixapi.telemetry.logs import logger

Answered = tuple[Ticket, Outcome | PixapiError]

_MOST = 256
"""Orders in one transaction."""
_AGAIN_S = 0.1
_BUSY_S = (0.002, 0.005, 0.01, 0.02, 0.05)
"""Pauses while another connection writes to the SQLite file."""
_START_BUSY_S = 5.0
_CROWD = 4
_TURNS = 6
"""After a transaction of `_CROWD` orders or more the next one gathers for so many turns of the loop: a transaction has
a price of its own, and each turn takes in what has come meanwhile. A loop that has nothing else to do turns at once,
and a lone call never waits.
"""
_STOPPING_S = 5.0
_BROKEN_RULES = (sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.DataError)

log = logger("ledger")


class _Busy(Exception):
    """Another connection writes to the SQLite file now."""


class Batches:
    """Takes tickets with `put` and hands them back, answered, to ``deliver``."""

    def __init__(
        self,
        database: Database,
        owner: str,
        clock: Clock,
        spool: Spool,
        deliver: Callable[[Sequence[Answered]], None],
        meter: Meter,
        leisure: Callable[[], None],
    ) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock
        self._spool = spool
        self._deliver = deliver
        self._meter = meter
        self._leisure = leisure
        self._connection: DriverConnection | None = None
        self._store: Store | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[Ticket] = []
        self._called: asyncio.Future[None] | None = None
        self._stop_at_s: float | None = None
        self._last = 0
        """Orders in the last transaction: tells how busy it is."""
        self._busy = 0
        """Attempts in a row that found SQLite's file taken."""
        self._places: dict[str, Place] = {}
        """Where charges under way belong: saves a look-up. It never changes, so it cannot be stale."""

    def open(self) -> None:
        """Connects, and replays what earlier processes left in the spool; raises `DatabaseAway`. Before `run`."""
        try:
            self._open_store(_START_BUSY_S)
            adopted = self._spool.adopt(self._replay_slice)
        except Exception as error:
            if isinstance(error, _Busy) or is_away(error):
                self._reset(error)
                raise DatabaseAway("The database does not answer; the spool cannot be replayed.") from error
            raise
        self.close()  # `run` opens one that never waits within a statement
        if adopted:
            log.warning("spool_replayed", orders=adopted)

    def put(self, ticket: Ticket) -> None:
        """One more order."""
        self._waiting.append(ticket)
        self.call()

    def call(self) -> None:
        """There is something to do, perhaps in the spool."""
        if self._called is not None and not self._called.done():
            self._called.set_result(None)

    def stop(self) -> None:
        """`run` ends when all is done, or in five seconds."""
        if self._loop is not None:
            self._stop_at_s = self._loop.time() + _STOPPING_S
        self.call()

    def close(self) -> None:
        """Gives the connection up."""
        connection, self._connection, self._store = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error, psycopg.Error):
                connection.close()

    def undo(self, order: CallOrder) -> VoidOrder:
        """The order that undoes a hold whose caller has gone."""
        if isinstance(order, HoldOrder):
            # Sent over a connection that was lost it may be undecided yet: a look-up would not find it, a lock waits.
            self._places.setdefault(order.charge_id, order.place)
        return VoidOrder(order.charge_id, self._clock.now_us(), "abandoned", 503)

    async def run(self, worker: Worker) -> None:
        """Until told to stop."""
        loop = self._loop = asyncio.get_running_loop()
        while True:
            if not self._waiting and not self._spool.waiting and self._stop_at_s is None:
                self._called = loop.create_future()
                await self._called
            if self._last >= _CROWD:
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
            if self._stop_at_s is not None and (not self._waiting or loop.time() > self._stop_at_s):
                return
            if not await self._work(worker):
                await asyncio.sleep(_BUSY_S[min(self._busy, len(_BUSY_S)) - 1] if self._busy else _AGAIN_S)

    async def _work(self, worker: Worker) -> bool:
        """Commits what waits; False when the database cannot be written now."""
        self._waiting = [wanted for ticket in self._waiting if (wanted := self._wanted(ticket)) is not None]
        while self._waiting:
            batch = self._waiting[:_MOST]
            answered = await self._commit(batch, worker)
            if answered is None:
                return False
            del self._waiting[: len(batch)]
            self._deliver(answered)
            if self._last >= _CROWD:
                return True
        return not self._spool.waiting or await worker.do(self._replay)

    def _wanted(self, ticket: Ticket) -> Ticket | None:
        """What is left to do of an order, the caller's mind having perhaps changed since."""
        if ticket.spooled:
            return None
        if not ticket.abandoned():
            return ticket
        # A hold that was never sent need not be undone; a settle's hold is there in any case.
        if isinstance(ticket.order, HoldOrder) and not ticket.tried:
            return None
        return Ticket(self.undo(ticket.order), None, ticket.since_s)

    async def _commit(
        self, batch: list[Ticket], worker: Worker, *, is_last: bool = False
    ) -> list[Answered] | None:
        """The orders' answers; None while the database is away. What fails is tried once more, by itself."""
        # What ends comes first: it may free what a hold in the same batch needs.
        batch = sorted(batch, key=lambda ticket: isinstance(ticket.order, HoldOrder))
        first = not any(ticket.tried for ticket in batch)
        orders = [ticket.order for ticket in batch]
        try:
            answers = await self._attempt(orders, worker, first, batch)
        except (_Busy, GivenUp) as why:
            self._busy += isinstance(why, _Busy)
            return None
        except Exception as error:
            if is_away(error):
                self._reset(error)
                return None
            if is_last:
                log.error("ledger_refused", charge_id=batch[0].order.charge_id, exc_info=error)
                return [(batch[0], InternalError("The ledger could not take this order; its log says why."))]
            if not isinstance(error, _BROKEN_RULES):
                self._reset(error)  # the connection may be to blame
        else:
            self._busy = 0
            return list(zip(batch, answers, strict=True))
        return await self._one_by_one(batch, worker)

    async def _one_by_one(self, batch: list[Ticket], worker: Worker) -> list[Answered] | None:
        """Something in the batch broke a rule of the database: find it, and let the others pass."""
        answered: list[Answered] = []
        for ticket in batch:
            found = await self._commit([ticket], worker, is_last=True)
            if found is None:
                return None  # those that passed are done again later, which changes nothing
            answered += found
        return answered

    async def _attempt(
        self, orders: Sequence[CallOrder], worker: Worker, holds_are_new: bool, batch: list[Ticket]
    ) -> list[Outcome | PixapiError]:
        assert self._loop is not None
        began_s = self._loop.time()
        store = self._store or await worker.do(self._open_store)
        hand_over = worker.begin if any(ticket.meanwhile for ticket in batch) else worker.do
        whole = partial(self._transact, store, orders, holds_are_new, not store.is_local, batch)
        try:
            if store.is_local:
                answers, writing = whole(), hand_over(store.commit)
                use_the_time(batch, self._leisure)
                await writing
            else:
                working = hand_over(whole)
                use_the_time(batch, self._leisure)
                answers = await working
        except Exception:  # who cancels closes the connection, and the thread may be stuck in it
            with suppress(sqlite3.Error, psycopg.Error):  # the first error is the one that tells
                await worker.do(store.rollback)
            raise
        self._note(orders, answers, self._loop.time() - began_s)
        return answers

    def _transact(
        self,
        store: Store,
        orders: Sequence[CallOrder],
        holds_are_new: bool,
        commit: bool,
        batch: Sequence[Ticket],
    ) -> list[Outcome | PixapiError]:
        try:
            store.begin()
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) in (5, 6):
                raise _Busy from error
            raise
        for ticket in batch:
            ticket.tried = True
        return answer(
            store, orders, owner=self._owner, hints=self._places, commit=commit, holds_are_new=holds_are_new,
            confirm=partial(confirm, batch))  # fmt: skip

    def _note(
        self, orders: Sequence[CallOrder], answers: Sequence[Outcome | PixapiError], took_s: float
    ) -> None:
        places = self._places
        for order, outcome in zip(orders, answers, strict=True):
            if isinstance(outcome, Settled | Voided):
                places.pop(order.charge_id, None)
            elif isinstance(outcome, Held) and isinstance(order, HoldOrder):
                places[order.charge_id] = order.place
        self._last = len(orders)
        self._meter.ledger_batch(len(orders), took_s)

    def _open_store(self, busy_s: float = 0) -> Store:
        self._connection = self._database.driver_connection(busy_s=busy_s)
        self._store = store_over(self._connection)
        return self._store

    def _reset(self, error: Exception) -> None:
        log.warning("database_lost", cause=type(error).__name__)
        self.close()

    def _replay(self) -> bool:
        """In the thread: takes the spool in; whether that went well."""
        try:
            count = self._spool.replay(self._replay_slice)
        except _Busy:
            return False
        except Exception as error:
            if is_away(error):
                self._reset(error)
            else:
                log.error("spool_not_replayed", exc_info=error)
            return False
        log.warning("spool_replayed", orders=count)
        return True

    def _replay_slice(self, orders: Sequence[Spooled]) -> None:
        store = self._store or self._open_store()
        try:
            answers = self._transact(store, orders, False, True, ())
        except BaseException:
            with suppress(sqlite3.Error, psycopg.Error):
                store.rollback()
            raise
        for order, outcome in zip(orders, answers, strict=True):
            self._places.pop(order.charge_id, None)
            if isinstance(outcome, PixapiError):
                log.error("spool_refused", charge_id=order.charge_id, code=outcome.code)
