"""What can be asked of the ledger, and what it answers.

Amounts are micro-credits, times are microseconds since 1970. Every operation carries a business key (a charge's
id, a grant's source, an adjustment's reference); asked again, it changes nothing and gets the same answer.
"""

from __future__ import annotations

import msgspec


class HoldOrder(msgspec.Struct, tag="hold"):
    """Set credits aside for a call, before it is made.

    ``amount`` is the most that it can cost, ``minimum`` the least that makes sense to hold; where they are equal
    it is all or nothing. ``budgeted``: the key has a budget.
    """

    charge_id: str
    wallet_id: str
    key_id: str
    user_id: str | None
    amount: int
    minimum: int
    budgeted: bool
    operation: str
    model: str
    route: str
    stream: bool
    price_id: int
    at_us: int

    @property
    def place(self) -> tuple[str, str | None]:
        """The wallet, and the key if it has a budget (`rows.Place`)."""
        return self.wallet_id, self.key_id if self.budgeted else None


class SettleOrder(msgspec.Struct, tag="settle"):
    """The call is over and cost ``amount``; ``usage`` is its JSON. A ``route`` given replaces the planned one.

    ``most``: the wallet pays no more than that, though it had more; the rest is written off.
    """

    charge_id: str
    amount: int
    usage: str
    usage_source: str
    at_us: int
    http_status: int
    error_code: str | None = None
    first_byte_ms: int | None = None
    duration_ms: int | None = None
    route: str | None = None
    most: int | None = None


class VoidOrder(msgspec.Struct, tag="void"):
    """The call cost nothing: release its hold."""

    charge_id: str
    at_us: int
    error_code: str | None
    http_status: int
    duration_ms: int | None = None


class Grant(msgspec.Struct, tag="grant"):
    """Add a lot. ``source`` is its business key; ``kind`` one of `pixapi.ledger.rules.PRIORITY`."""

    wallet_id: str
    amount: int
    source: str
    kind: str
    at_us: int
    priority: int | None = None
    expires_at_us: int | None = None
    note: str | None = None


class Take(msgspec.Struct, tag="take"):
    """Take credits back, all or nothing, never what is held. ``reference`` is the business key."""

    wallet_id: str
    amount: int
    reference: str
    at_us: int
    note: str | None = None


class Expire(msgspec.Struct, tag="expire"):
    """Take what has expired by ``at_us``."""

    wallet_id: str
    at_us: int


class SetOverdraft(msgspec.Struct, tag="overdraft"):
    """How far below zero the wallet may go; refused while it is further below."""

    wallet_id: str
    overdraft: int


class SetBudget(msgspec.Struct, tag="budget"):
    """The most that a key may spend from now on; None for no limit."""

    key_id: str
    budget: int | None


Operation = HoldOrder | SettleOrder | VoidOrder | Grant | Take | Expire | SetOverdraft | SetBudget


class Held(msgspec.Struct, frozen=True):
    """``amount`` is held; ``available`` is what the wallet has left beside its holds."""

    amount: int
    available: int


class Settled(msgspec.Struct, frozen=True):
    """``amount`` was taken, ``written_off`` was not there; ``available`` is what is left beside holds."""

    amount: int
    written_off: int
    available: int


class Voided(msgspec.Struct, frozen=True):
    """``released`` of the hold; 0 where it was over already or never was."""

    released: int


class Granted(msgspec.Struct, frozen=True):
    """The lot; ``replayed`` when this grant had been made before."""

    lot_id: int
    replayed: bool


class Taken(msgspec.Struct, frozen=True):
    """``amount`` was taken; ``replayed`` when it had been before."""

    amount: int
    replayed: bool


class Expired(msgspec.Struct, frozen=True):
    """``amount`` has expired."""

    amount: int


class Done(msgspec.Struct, frozen=True):
    """A setting was made."""


Outcome = Held | Settled | Voided | Granted | Taken | Expired | Done
