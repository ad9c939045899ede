"""Calls' way to the ledger: `CallLedger`, over one writer (`batches`) for a process.

While one transaction commits, the next batch gathers; at rest a call commits alone, at once. An order ends in one of
three ways: the writer answers it (`_resolve`, once a batch); it has waited for `PATIENCE_S` and is given up; or its
caller was cancelled. The last two leave work behind: a hold that nobody waits for any more must not stay, so it is
voided when it turns up after all; a settle or void goes to the spool. The writer may be stuck in a database that does
not answer, so it is the sweeper that gives up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from pixapi.clock import Clock
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.errors import DatabaseAway, PixapiError
from pixapi.ledger.batches import Answered, Batches
from pixapi.ledger.keeper import Keeper
from pixapi.ledger.meter import Meter, NoMeter
from pixapi.ledger.operations import Held, HoldOrder, Settled, SettleOrder, Voided, VoidOrder
from pixapi.ledger.spool import Spool
from pixapi.ledger.ticket import CallOrder, Meanwhile, Ticket
from pixapi.ledger.worker import Worker
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
        leisure: called, in the loop, whenever a transaction waits for the disk.
    """

    def __init__(
        self,
        database: Database,
        *,
        owner: Ownership,
        clock: Clock,
        spool_dir: Path,
        metrics: Meter | None = None,
        leisure: Callable[[], None] = lambda: None,
    ) -> None:
        meter = metrics or NoMeter()
        self._meter = meter
        self._clock = clock
        self._spool = Spool(spool_dir, owner.id)
        self._batches = Batches(database, owner.id, clock, self._spool, self._resolve, meter, leisure)
        self._keeper = Keeper(database, owner, clock, meter)
        self._pending: dict[Ticket, None] = {}
        """The tickets that wait for an answer, the oldest first."""
        self._worker: Worker | None = None
        self._writer: asyncio.Task[None] | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Replays what was spooled, voids what dead processes held, then takes orders.

        Raises:
            DatabaseAway: the database does not answer.
        """
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._batches.open)
        await asyncio.to_thread(self._keeper.begin)
        self._worker = Worker(loop, "ledger-writer")
        self._writer = asyncio.create_task(self._batches.run(self._worker), name="ledger-writer")
        self._writer.add_done_callback(self._writer_ended)
        self._sweeper = asyncio.create_task(self._sweep(), name="ledger-sweeper")
        self._loop = loop

    async def stop(self) -> None:
        """Commits what is under way, or spools it, and ends the writer."""
        self._loop = None
        worker, writer, sweeper = self._worker, self._writer, self._sweeper
        if worker is None or writer is None or sweeper is None:
            return
        self._worker = self._writer = self._sweeper = None
        self._batches.stop()
        await asyncio.wait([writer], timeout=_STOP_S)
        for task in (writer, sweeper):
            task.cancel()
        await asyncio.gather(writer, sweeper, return_exceptions=True)
        await worker.end(_STOP_S)
        self._batches.close()
        await self._give_up(list(self._pending))
        self._pending.clear()
        await asyncio.to_thread(self._keeper.end)
        self._spool.close()

    async def hold(self, order: HoldOrder, meanwhile: Meanwhile | None = None) -> int:
        """Sets credits aside and returns how many: ``order.amount``, or less but at least ``order.minimum``.

        ``meanwhile`` may be done while the disk writes.

        Raises:
            InsufficientCredit: the wallet, or the key's budget (code ``key_budget_exceeded``), has too little.
            DatabaseAway: the database does not answer; nothing is held.
        """
        asked = self._ask(order, meanwhile)
        try:
            held = await asked
        except asyncio.CancelledError:
            if not asked.cancelled() and asked.exception() is None:
                # Answered and cancelled in one turn of the loop: the answer reaches nobody.
                self._batches.put(Ticket(self._batches.undo(order), None, asked.get_loop().time()))
            raise
        assert isinstance(held, Held)
        return held.amount

    async def settle(self, order: SettleOrder, meanwhile: Meanwhile | None = None) -> Settled:
        """Charges the call and ends its hold; ``meanwhile`` may be done while the disk writes.

        Raises:
            DatabaseAway: neither the database nor the spool took it; the hold stays, and is released when the
                database answers again.
        """
        settled = await self._ask(order, meanwhile)
        assert isinstance(settled, Settled)
        return settled

    async def void(self, order: VoidOrder) -> None:
        """Ends the hold without a charge; raises as `settle`."""
        await self._ask(order)

    def _ask(self, order: CallOrder, meanwhile: Meanwhile | None = None) -> asyncio.Future[object]:
        if self._loop is None:
            raise DatabaseAway("The ledger takes no orders: it is not running.", retry_after_s=1)
        future: asyncio.Future[object] = self._loop.create_future()
        ticket = Ticket(order, future, self._loop.time(), meanwhile)
        self._pending[ticket] = None
        self._batches.put(ticket)
        return future

    def _resolve(self, answered: Sequence[Answered]) -> None:
        for ticket, outcome in answered:
            ticket.answered = True
            self._pending.pop(ticket, None)
            future = ticket.future
            if future is None:
                continue
            if future.done():
                if isinstance(outcome, Held):  # nobody waits for this hold any more
                    self._batches.put(Ticket(self._batches.undo(ticket.order), None, ticket.since_s))
            elif isinstance(outcome, PixapiError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    @staticmethod
    def _writer_ended(writer: asyncio.Task[None]) -> None:
        if not writer.cancelled() and (error := writer.exception()) is not None:
            log.error("ledger_writer_failed", exc_info=error)

    async def _sweep(self) -> None:
        pending, loop = self._pending, asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            late: list[Ticket] = []
            for ticket in pending:
                if ticket.since_s > loop.time() - PATIENCE_S:
                    break
                late.append(ticket)
            for ticket in late:
                del pending[ticket]
            await self._give_up(late)

    async def _give_up(self, late: list[Ticket]) -> None:
        if not late:
            return
        log.warning("database_away", orders=len(late))
        ends = [ticket.order for ticket in late if not isinstance(ticket.order, HoldOrder)]
        spooled = bool(ends) and await asyncio.to_thread(self._keep_for_later, ends)
        self._batches.call()
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
        return True


def _promise(order: CallOrder) -> Settled | Voided:
    """What is said of an order that waits in the spool. What the wallet has left is not known then."""
    return Settled(order.amount, 0, 0) if isinstance(order, SettleOrder) else Voided(0)
