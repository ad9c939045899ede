"""What may be held, which lots pay, what expires: decisions over plain values, no database.

A lot is drawn by priority (lower first), then by its expiry (sooner first, never last), then by age. Promotional
credits go before bought ones unless a grant says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NEVER = 2**63 - 1

PRIORITY = {
    "subscription": 10,
    "bonus": 20,
    "referral": 20,
    "code": 20,
    "adjustment": 40,
    "purchase": 50,
}
"""The kinds of lot, and the priority of each where the grant gives none."""


@dataclass(slots=True)
class Lot:
    """Credits that were granted together, as far as they are not used up."""

    id: int
    priority: int
    remaining: int
    expires_at_us: int | None

    def order(self) -> tuple[int, int, int]:
        """The key that lots are drawn by."""
        return self.priority, NEVER if self.expires_at_us is None else self.expires_at_us, self.id


@dataclass(slots=True)
class Wallet:
    """A wallet and its open lots in the order they are drawn.

    ``posted`` is the lots' sum less the wallet's debt, which only an overdraft allows.
    """

    id: str
    posted: int
    held: int
    overdraft: int
    next_expiry_us: int | None
    lots: list[Lot] = field(default_factory=list)

    @property
    def available(self) -> int:
        """The most that could be held or taken now."""
        return self.posted - self.held + self.overdraft

    @property
    def debt(self) -> int:
        """What was drawn beyond the lots."""
        return sum(lot.remaining for lot in self.lots) - self.posted


@dataclass(slots=True)
class Budget:
    """The most that a key may spend, and what it spent and holds of it."""

    key_id: str
    budget: int
    spent: int
    held: int

    @property
    def available(self) -> int:
        return self.budget - self.spent - self.held


Share = tuple[Lot | None, int]
"""Micro-credits taken from a lot; from the overdraft where there is none."""


def decide_hold(amount: int, minimum: int, available: int) -> int | None:
    """How much to hold of ``amount`` when ``available`` is there; None to refuse.

    All of it if it fits; else half of what is available, so that one call cannot tie up a wallet, yet at least
    ``minimum``; nothing below that. With ``minimum == amount`` it is all or nothing.
    """
    if amount <= available:
        return amount
    if minimum > available:
        return None
    return max(available // 2, minimum)


def draw(wallet: Wallet, amount: int) -> list[Share]:
    """Takes ``amount`` from the wallet: lots in order, then the overdraft. Says which share each one bore.

    The caller has seen to it that the amount is there (held before, or available).
    """
    wallet.posted -= amount
    shares: list[Share] = []
    lots = wallet.lots
    while amount and lots:
        lot = lots[0]
        taken = min(lot.remaining, amount)
        lot.remaining -= taken
        amount -= taken
        shares.append((lot, taken))
        if not lot.remaining:
            del lots[0]
    if amount:
        shares.append((None, amount))
    return shares


def expire(wallet: Wallet, now_us: int) -> list[tuple[Lot, int, int]]:
    """Takes what has expired, but never what is held: (lot, what it had, what was taken) of each lot touched.

    A held part stays in its lot until the hold ends; the wallet stays due, and the rest goes then.
    """
    taken: list[tuple[Lot, int, int]] = []
    for lot in list(wallet.lots):
        if lot.expires_at_us is None or lot.expires_at_us > now_us:
            continue
        amount = min(lot.remaining, max(0, wallet.posted - wallet.held))
        if not amount:
            continue
        taken.append((lot, lot.remaining, amount))
        lot.remaining -= amount
        wallet.posted -= amount
        if not lot.remaining:
            wallet.lots.remove(lot)
    wallet.next_expiry_us = next_expiry(wallet)
    return taken


def next_expiry(wallet: Wallet) -> int | None:
    """When the first of the open lots expires."""
    return min((lot.expires_at_us for lot in wallet.lots if lot.expires_at_us is not None), default=None)


def add_lot(wallet: Wallet, lot: Lot) -> int:
    """Puts a new lot into the wallet. A debt is paid from it first; returns how much that took."""
    repaid = min(wallet.debt, lot.remaining)
    wallet.posted += lot.remaining
    lot.remaining -= repaid
    if lot.remaining:
        wallet.lots.append(lot)
        wallet.lots.sort(key=Lot.order)
    wallet.next_expiry_us = next_expiry(wallet)
    return repaid
