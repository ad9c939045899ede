"""The ledger: who has how many credits, and why.

Theory of operation
===================
Amounts are integers of micro-credits. An account owns a *wallet*. Credits come in as *lots* (a purchase, a bonus
...), each with a priority and perhaps an expiry. A call first becomes a *charge* with status ``held``: the most
that it can cost is set aside before anything is sent upstream. When its cost is known the charge is ``settled``
(lots pay, in order) or, when it cost nothing, ``voided``; once, for ever::

    held ── settle ──> settled
      └──── void ────> voided ── a settle that comes late ──> settled

The truth is in rows that are only ever added, and in charges, which end once:

    lots.remaining    = its entries - the settled charges that name the lot
    wallets.posted    = its entries     - the settled charges that name a lot
                      = the sum of its lots' remaining - its debt (entries without a lot)
    wallets.held      = the sum of its held charges
    key_budgets       = the same two sums over the charges marked ``budgeted``

A charge that one lot pays is its own entry: it names the lot. Where several lots pay, or an overdraft does, the
charge names none, and ``entries`` has a row for each share. `verify` recomputes every sum.

Always true, because a CHECK constraint says so: ``posted - held >= -overdraft``. A hold that would break it is
refused or lowered. What a call costs beyond its hold is taken from what is available then; the rest is written
off to the operator, and `pixapi ledger write-offs` lists it. Expiry takes at most ``posted - held``; a lot's held
part stays drawable until the hold ends, and goes then.

Writing
=======
`apply` is the only code that writes money. It *loads* all rows that a batch of operations touches, under the
lock of their wallets; *folds* the operations over them in memory, one after the other, each with its own answer
(`fold`, over the pure `rules`); and *saves* the result, a statement a table. Billing and commands call it inside
their own transaction; calls go through `CallLedger`, whose one writer commits everything that gathered
while the previous commit was under way. Nothing authoritative stays in memory.

A crash, step by step
=====================
- Before the hold is committed: nothing happened.
- After it: the charge names its owner, a process whose life shows in a lock (`pixapi.db.ownership`). When that is
  gone the `reaper` voids the hold. If the call's settle arrives all the same, it takes what is available.
- The reply of a commit is lost: the operation is done again, and its business key makes that harmless. A hold
  whose caller has given up meanwhile is voided.
- The database is away when a call ends: the settle waits 5 s, then goes to the `spool`, a file that is synced
  before the caller hears of it, and is replayed when the database is back or at the next start, before the reaper
  runs. If even that fails the caller gets `DatabaseAway`, and the hold stays until the database answers, which
  then releases it: who was told that the call failed is not charged for it.
"""

from pixapi.ledger.apply import apply
from pixapi.ledger.operations import (
    Expire,
    Grant,
    Granted,
    Held,
    HoldOrder,
    SetBudget,
    SetOverdraft,
    Settled,
    SettleOrder,
    Take,
    Taken,
    Voided,
    VoidOrder,
)
from pixapi.ledger.writer import CallLedger

__all__ = [
    "CallLedger",
    "Expire",
    "Grant",
    "Granted",
    "Held",
    "HoldOrder",
    "SetBudget",
    "SetOverdraft",
    "SettleOrder",
    "Settled",
    "Take",
    "Taken",
    "VoidOrder",
    "Voided",
    "apply",
]
