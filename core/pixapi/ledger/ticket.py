"""An order on its way from a call to the writer and back."""

from __future__ import annotations

import asyncio
from typing import Any

from pixapi.ledger.operations import HoldOrder, SettleOrder, VoidOrder

CallOrder = HoldOrder | SettleOrder | VoidOrder


class Ticket:
    """An order and whoever waits for its answer; nobody does where ``future`` is None."""

    __slots__ = ("answered", "future", "given_up", "order", "since_s", "spooled", "tried")

    def __init__(self, order: CallOrder, future: asyncio.Future[Any] | None, since_s: float) -> None:
        self.order = order
        self.future = future
        self.since_s = since_s
        self.answered = False
        """Nothing is left to tell, even if the caller was cancelled before."""
        self.given_up = False
        """The caller was told that it failed."""
        self.spooled = False
        """The order is in the spool and need not be done from here."""
        self.tried = False
        """It was sent to the database at least once; what became of it may be unknown."""

    def abandoned(self) -> bool:
        """Whether its effect is no longer wanted."""
        unwanted = isinstance(self.order, HoldOrder) and self.future is not None and self.future.cancelled()
        return self.given_up or unwanted
