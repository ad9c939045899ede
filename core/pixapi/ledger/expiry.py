"""Expiry of wallets that nobody uses. (One in use expires what is due with its next operation.)"""

from __future__ import annotations

from sqlalchemy import select

from pixapi.db.engine import Database
from pixapi.ledger.apply import apply
from pixapi.ledger.models import WalletRow
from pixapi.ledger.operations import Expire, Expired

_SLICE = 100


def expire_due(database: Database, now_us: int) -> int:
    """Takes what has expired by ``now_us`` in all wallets, in slices; the sum in micro-credits.

    What is held stays until its hold ends. Raises `DatabaseAway`.
    """
    total, last = 0, ""
    while True:
        with database.begin() as connection:
            due = (
                select(WalletRow.account_id)
                .where(WalletRow.next_expiry_us <= now_us, WalletRow.account_id > last)
                .order_by(WalletRow.account_id)
                .limit(_SLICE)
            )
            wallets = connection.execute(due).scalars().all()
            outcomes = apply(connection, [Expire(wallet, now_us) for wallet in wallets])
        total += sum(outcome.amount for outcome in outcomes if isinstance(outcome, Expired))
        if len(wallets) < _SLICE:
            return total
        last = wallets[-1]
