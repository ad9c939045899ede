"""The writer: gathers orders, commits them together, and outlives a database that is away.

It is a task of the event loop, so that everything it decides about tickets happens in one thread. What waits for the
database is done in the ledger's own thread (`worker`): on Postgres a whole batch, whose statements all wait; on SQLite
only the commit, which waits for the disk. Its statements work in memory and cost some microseconds; in a thread each
would give the interpreter's lock away and wait for it again behind a busy loop, which costs more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from pixapi.clock import Clock
from pixapi.db.engine import Database, is_away
from pixapi.errors import DatabaseAway, InternalError, PixapiError
from pixapi.ledger.meter import Meter
from pixapi.ledger.operations import HoldOrder, Outcome, VoidOrder
from pixapi.ledger.session import Busy, Session, roll_back
from pixapi.ledger.spool import Spool
from pixapi.ledger.ticket import CallOrder, GivenUp, Ticket, confirm, use_the_time
from pixapi.ledger.worker import Worker
from pixapi.telemetry.logs import logger

Answered = tuple[Ticket, Outcome | PixapiError]

_MOST = 256
"""Orders in one transaction."""
_AGAIN_S = 0.1
_DECIDE_AGAIN_S = 0.5
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

log = logger("ledger")


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
        self._session = Session(database, owner)
        self._clock = clock
        self._spool = spool
        self._deliver = deliver
        self._meter = meter
        self._leisure = leisure
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[Ticket] = []
        self._undecided: list[Ticket] = []
        """They undo holds of which nobody knows yet whether they will be there: their commit was sent, and the
        connection lost. They wait for the wallet, and never with what callers wait for.
        """
        self._decides = False
        """It is time to try these."""
        self._called: asyncio.Future[None] | None = None
        self._stop_at_s: float | None = None
        self._last = 0
        """Orders in the last transaction: tells how busy it is."""
        self._busy = 0
        """Attempts in a row that found the file or a wallet taken."""

    def open(self) -> None:
        """Connects, and replays what earlier processes left in the spool; raises `DatabaseAway`. Before `run`."""
        try:
            self._session.open(_START_BUSY_S)
            adopted = self._spool.adopt(self._session.replay)
        except Exception as error:
            if isinstance(error, Busy) or is_away(error):
                self._session.doubt(error)
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
        self._session.close()

    def undo(self, order: CallOrder) -> VoidOrder:
        """The order that undoes a hold whose caller has gone."""
        return VoidOrder(order.charge_id, self._clock.now_us(), "abandoned", 503)

    async def run(self, worker: Worker) -> None:
        """Until told to stop."""
        loop = self._loop = asyncio.get_running_loop()
        while True:
            idle = not (self._waiting or self._decides or self._spool.waiting)
            if idle and self._stop_at_s is None:
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
        if self._decides:
            self._decides = False
            del self._undecided[: len(await self._commit(self._undecided[:_MOST], worker) or ())]
            if self._undecided:
                asyncio.get_running_loop().call_later(_DECIDE_AGAIN_S, self._decide_again)
        return not self._spool.waiting or await worker.do(self._replay)

    def _wanted(self, ticket: Ticket) -> Ticket | None:
        """What is left to do of an order, the caller's mind having perhaps changed since."""
        if ticket.spooled:
            return None
        if not ticket.abandoned():
            return ticket
        if isinstance(ticket.order, HoldOrder):
            self._doubt(ticket)
            return None
        return Ticket(self.undo(ticket.order), None, ticket.since_s)

    def _doubt(self, ticket: Ticket) -> None:
        """Undo the hold if it may be there. Its place is said: it could not be looked up before it is decided."""
        order = ticket.order
        if ticket.tried and isinstance(order, HoldOrder):
            self._session.places.setdefault(order.charge_id, order.place)
            self._undecided.append(Ticket(self.undo(order), None, ticket.since_s, is_patient=True))
            self._decides = True

    def _decide_again(self) -> None:
        self._decides = bool(self._undecided)
        self.call()

    async def _commit(
        self, batch: list[Ticket], worker: Worker, *, is_last: bool = False
    ) -> list[Answered] | None:
        """The orders' answers; None while the database is away. What fails is tried once more, by itself."""
        # What ends comes first: it may free what a hold in the same batch needs.
        batch = sorted(batch, key=lambda ticket: isinstance(ticket.order, HoldOrder))
        holds_are_new = not is_last and not any(ticket.tried for ticket in batch)
        try:
            answers = await self._attempt(batch, worker, holds_are_new)
        except (Busy, GivenUp) as why:
            self._busy += isinstance(why, Busy)
            return None
        except Exception as error:
            self._session.doubt(error)
            if is_away(error):
                return None
            if is_last:
                log.error("ledger_refused", charge_id=batch[0].order.charge_id, exc_info=error)
                self._doubt(batch[0])
                return [(batch[0], InternalError("The ledger could not take this order; its log says why."))]
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
        self, batch: list[Ticket], worker: Worker, holds_are_new: bool
    ) -> list[Outcome | PixapiError]:
        assert self._loop is not None
        began_s = self._loop.time()
        store = self._session.store or await worker.do(self._session.open)
        orders, tried = [ticket.order for ticket in batch], [ticket.tried for ticket in batch]
        hand_over = worker.begin if any(ticket.meanwhile for ticket in batch) else worker.do
        whole = partial(
            self._session.transact, orders, holds_are_new=holds_are_new, commit=not store.is_local,
            briefly=batch[0].is_patient, confirm=partial(confirm, batch))  # fmt: skip
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
            if await worker.do(partial(roll_back, store)):
                for ticket, before in zip(batch, tried, strict=True):
                    ticket.tried = before
            raise
        self._session.note(orders, answers)
        self._last = len(batch)
        self._meter.ledger_batch(len(batch), self._loop.time() - began_s)
        return answers

    def _replay(self) -> bool:
        """In the thread: takes the spool in; whether that went well."""
        try:
            count = self._spool.replay(partial(self._session.replay, briefly=True))
        except Busy:
            return False
        except Exception as error:
            self._session.doubt(error)
            if not is_away(error):
                log.error("spool_not_replayed", exc_info=error)
            return False
        log.warning("spool_replayed", orders=count)
        return True
