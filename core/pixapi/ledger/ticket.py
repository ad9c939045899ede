"""An order on its way from a call to the writer and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pixapi.ledger.operations import HoldOrder, SettleOrder, VoidOrder
from pixapi.telemetry.logs import logger

CallOrder = HoldOrder | SettleOrder | VoidOrder

Meanwhile = Callable[[], None]
"""Work of a caller that does not depend on the answer to its order. Where calls come all the time they all wait for
the same commit, and the process would be idle; so what is to be done later in any case is done then. It is called
once at most, and perhaps never.
"""

log = logger("ledger")


class GivenUp(Exception):
    """While the batch waited for the database, the loop gave one of its orders up."""


class Ticket:
    """An order and whoever waits for its answer; nobody does where ``future`` is None."""

    __slots__ = (
        "answered", "future", "given_up", "is_patient", "meanwhile", "order", "since_s", "spooled", "tried"
    )  # fmt: skip

    def __init__(
        self,
        order: CallOrder,
        future: asyncio.Future[Any] | None,
        since_s: float,
        meanwhile: Meanwhile | None = None,
        *,
        is_patient: bool = False,
    ) -> None:
        self.order = order
        self.future = future
        self.since_s = since_s
        self.meanwhile = meanwhile
        """What its caller can do while the disk writes; not needed any more once that was begun."""
        self.answered = False
        """Nothing is left to tell, even if the caller was cancelled before."""
        self.given_up = False
        """The caller was told that it failed."""
        self.spooled = False
        """The order is in the spool and need not be done from here."""
        self.tried = False
        """It was sent to be written; unless that is known to have failed, it may be in the database."""
        self.is_patient = is_patient
        """Nobody waits for it, and its wallet may be taken for long: it is tried again and again, each time briefly."""

    def abandoned(self) -> bool:
        """Whether its effect is no longer wanted."""
        unwanted = isinstance(self.order, HoldOrder) and self.future is not None and self.future.cancelled()
        return self.given_up or unwanted


def confirm(batch: Sequence[Ticket]) -> None:
    """The last look before a batch is written: who was told "no" must not find it done after all."""
    for ticket in batch:
        if ticket.given_up or ticket.spooled:
            raise GivenUp
    for ticket in batch:
        ticket.tried = True


def use_the_time(batch: Sequence[Ticket], leisure: Callable[[], None]) -> None:
    """Does what the callers of a batch can do meanwhile, then ``leisure``. Called when the ledger's thread was told to
    commit it.
    """
    for ticket in batch:
        meanwhile, ticket.meanwhile = ticket.meanwhile, None
        if meanwhile is None or ticket.future is None or ticket.future.done():
            continue
        try:
            meanwhile()
        except Exception:
            # The order is not to blame, and neither are the others; its caller will meet the same again.
            log.exception("meanwhile_failed", charge_id=ticket.order.charge_id)
    try:
        leisure()
    except Exception:
        log.exception("leisure_failed")  # nor are they to blame for that: they may be durable by now
