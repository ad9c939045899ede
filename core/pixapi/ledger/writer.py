"""Calls' way to the ledger: `CallLedger` on the event loop, one writer thread (`batches`) under it.

While one transaction commits, the next batch gathers in a queue; at rest a call commits alone, at once. An order
ends in one of three ways: the writer answers it (`_resolve`, on the loop, once a batch); it has waited for
`PATIENCE_S` and the loop gives it up; or its caller was cancelled. The last two leave work behind: a hold that
nobody waits for any more must not stay, so it is voided when it turns up after all; a settle or void goes to the
spool. The writer thread may be stuck in a database that does not answer, so it is the loop that gives up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from pixapi.clock import Clock
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.errors import DatabaseAway, PixapiError
from pixapi.ledger.batches import Answered, Batches
from pixapi.ledger.keeper import Keeper
from pixapi.ledger.meter import Meter, NoMeter
from pixapi.ledger.operations import Held, HoldOrder, Settled, SettleOrder, Voided, VoidOrder
from pixapi.ledger.spool import Spool
from pixapi.ledger.ticket import CallOrder, Signal, Ticket
from pixapi.telemetry.logs import logger

PATIENCE_S = 5.0
"""How long an order waits for a database that does not answer."""

_SWEEP_S = 0.25
_STOP_S = 10.0

log = logger("ledger")


class CallLedger:
    """Holds, settles and voids of calls, each durable before it is answered.

    Args:
        owner: acquired; the holds are marked with it.
        spool_dir: where orders wait while the database is away.
        metrics: hears of batches, spooled orders and reaped holds.
    """

    def __init__(
        self, database: Database, *, owner: Ownership, clock: Clock, spool_dir: Path, metrics: Meter | None = None
    ) -> None:  # fmt: skip
        meter = metrics or NoMeter()
        self._meter = meter
        self._clock = clock
        self._spool = Spool(spool_dir, owner.id)
        self._queue: SimpleQueue[Ticket | Signal] = SimpleQueue()
        self._batches = Batches(database, owner.id, clock, self._spool, self._queue, self._deliver, meter)
        self._keeper = Keeper(database, owner, clock, meter)
        self._pending: deque[Ticket] = deque()
        self._thread: Thread | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Replays what was spooled, voids what dead processes held, then takes orders.

        Raises:
            DatabaseAway: the database does not answer.
        """
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._batches.open)
        await asyncio.to_thread(self._keeper.begin)
        # A daemon, and not of the loop's executor: both would wait, at exit, for a database that is dead.
        self._thread = Thread(target=self._batches.run, name="ledger-writer", daemon=True)
        self._thread.start()
        self._sweeper = asyncio.create_task(self._sweep(), name="ledger-sweeper")

    async def stop(self) -> None:
        """Commits what is under way, or spools it, and ends the writer."""
        thread, sweeper, self._thread = self._thread, self._sweeper, None
        if thread is None or sweeper is None:
            return
        self._queue.put(Signal.STOP)
        await asyncio.to_thread(thread.join, _STOP_S)
        await asyncio.sleep(0)  # what the writer delivered last
        sweeper.cancel()
        with suppress(asyncio.CancelledError):
            await sweeper
        await self._give_up([ticket for ticket in self._pending if not ticket.answered])
        await asyncio.to_thread(self._keeper.end)
        self._spool.close()

    async def hold(self, order: HoldOrder) -> int:
        """Sets credits aside and returns how many: ``order.amount``, or less but at least ``order.minimum``.

        Raises:
            InsufficientCredit: the wallet, or the key's budget (code ``key_budget_exceeded``), has too little.
            DatabaseAway: the database does not answer; nothing is held.
        """
        held = await self._ask(order)
        assert isinstance(held, Held)
        return held.amount

    async def settle(self, order: SettleOrder) -> Settled:
        """Charges the call and ends its hold.

        Raises:
            DatabaseAway: neither the database nor the spool took it; the hold stays, and is released when the
                database answers again.
        """
        settled = await self._ask(order)
        assert isinstance(settled, Settled)
        return settled

    async def void(self, order: VoidOrder) -> None:
        """Ends the hold without a charge; raises as `settle`."""
        await self._ask(order)

    def _ask(self, order: CallOrder) -> asyncio.Future[object]:
        if self._loop is None or self._thread is None:
            raise DatabaseAway("The ledger takes no orders: it is not running.", retry_after_s=1)
        ticket = Ticket(order, self._loop.create_future(), self._loop.time())
        self._pending.append(ticket)
        self._queue.put(ticket)
        assert ticket.future is not None
        return ticket.future

    def _deliver(self, answered: Sequence[Answered]) -> None:
        """Called by the writer, once a batch."""
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop was closed without `stop`: nobody is left to answer
            self._loop.call_soon_threadsafe(self._resolve, answered)

    def _resolve(self, answered: Sequence[Answered]) -> None:
        for ticket, outcome in answered:
            ticket.answered = True
            future = ticket.future
            if future is None:
                continue
            if future.done():
                if isinstance(outcome, Held):  # nobody waits for this hold any more
                    self._queue.put(Ticket(self._batches.undo(ticket.order), None, ticket.since_s))
            elif isinstance(outcome, PixapiError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    async def _sweep(self) -> None:
        pending = self._pending
        assert self._loop is not None
        while True:
            await asyncio.sleep(_SWEEP_S)
            late: list[Ticket] = []
            since_s = self._loop.time() - PATIENCE_S
            while pending and (pending[0].answered or pending[0].since_s < since_s):
                ticket = pending.popleft()
                if not ticket.answered:
                    late.append(ticket)
            await self._give_up(late)

    async def _give_up(self, late: list[Ticket]) -> None:
        if not late:
            return
        log.warning("database_away", orders=len(late))
        ends = [ticket.order for ticket in late if not isinstance(ticket.order, HoldOrder)]
        spooled = bool(ends) and await asyncio.to_thread(self._keep_for_later, ends)
        for ticket in late:
            if ticket.answered:
                continue
            ticket.answered = True
            ticket.spooled = spooled and not isinstance(ticket.order, HoldOrder)
            ticket.given_up = not ticket.spooled
            if ticket.future is None or ticket.future.done():
                continue
            if ticket.spooled:
                ticket.future.set_result(_promise(ticket.order))
            else:
                ticket.future.set_exception(
                    DatabaseAway("The database does not answer. Try again shortly.", retry_after_s=5)
                )

    def _keep_for_later(self, orders: list[SettleOrder | VoidOrder]) -> bool:
        try:
            self._spool.append(orders)
        except OSError as error:
            log.error("spool_failed", orders=len(orders), errno=error.errno)
            return False
        self._meter.spooled(len(orders))
        self._queue.put(Signal.WAKE)
        return True


def _promise(order: CallOrder) -> Settled | Voided:
    """What is said of an order that waits in the spool. What the wallet has left is not known then."""
    return Settled(order.amount, 0, 0) if isinstance(order, SettleOrder) else Voided(0)
