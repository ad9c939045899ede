"""Carries old charges forward: sums take their place, and no balance changes.

A settled charge counts in three sums: what its lot has left, what its wallet has, what its key has spent. So charges
that are to be forgotten are added to one row for each wallet, lot, budgeted key and month (`CarriedRow`) and deleted,
in one transaction; `verify` counts those rows with the charges. A charge that several lots paid leaves its entries
behind, for entries are append-only; they must come to what was carried. Voided charges paid nothing and leave nothing.

The caller opens the transaction, chooses the charges and commits. Killed in the middle, it did nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from pixapi.clock import month_of
from pixapi.errors import InternalError
from pixapi.ledger.models import CarriedRow, ChargeRow, WalletRow

_NUMBERS = ("calls", "amount", "written_off")


class Carried(msgspec.Struct, frozen=True):
    """How many charges went into sums, and how many were voided and went without."""

    settled: int
    voided: int


def lock_wallets(connection: Connection, charge_ids: Sequence[str]) -> None:
    """Keeps the wallets of these charges from changing until the transaction ends.

    A voided charge may still be settled, late; whoever deletes it holds the lock that a settle takes, in the same
    order of ids. On SQLite a write transaction is that lock.
    """
    if connection.dialect.name == "sqlite":
        return
    of = select(ChargeRow.wallet_id).where(ChargeRow.id.in_(charge_ids))
    locked = select(WalletRow.account_id).where(WalletRow.account_id.in_(of)).order_by(WalletRow.account_id)
    connection.execute(locked.with_for_update(key_share=True)).all()


def carry(connection: Connection, charge_ids: Sequence[str]) -> Carried:
    """Puts sums in the place of these charges; those that are held stay. The caller has locked their wallets."""
    rows = connection.execute(
        select(
            ChargeRow.id, ChargeRow.wallet_id, ChargeRow.lot_id, ChargeRow.key_id, ChargeRow.budgeted,
            ChargeRow.amount, ChargeRow.written_off, ChargeRow.created_at_us,
        ).where(ChargeRow.id.in_(charge_ids), ChargeRow.status != "held")
    ).all()  # fmt: skip
    sums: dict[tuple[str, int, str, int], list[int]] = {}
    settled = 0
    for row in rows:
        if row.amount is None:
            continue
        settled += 1
        key = (
            row.wallet_id,
            row.lot_id or 0,
            row.key_id if row.budgeted else "",
            month_of(row.created_at_us),
        )
        known = sums.setdefault(key, [0, 0, 0])
        for at, number in enumerate((1, row.amount, row.written_off)):
            known[at] += number
    if sums:
        _add(connection, sums)
    ids = [row.id for row in rows]
    if ids and connection.execute(delete(ChargeRow).where(ChargeRow.id.in_(ids))).rowcount != len(ids):
        raise InternalError("charges changed while they were carried forward; nothing was done")
    return Carried(settled, len(rows) - settled)


def _add(connection: Connection, sums: dict[tuple[str, int, str, int], list[int]]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(CarriedRow)
    names = ("wallet_id", "lot_id", "key_id", "month_us")
    statement = insert.on_conflict_do_update(
        index_elements=names,
        set_={name: getattr(CarriedRow, name) + getattr(insert.excluded, name) for name in _NUMBERS},
    )
    columns = (*names, *_NUMBERS)
    connection.execute(
        statement,
        [dict(zip(columns, (*key, *numbers), strict=True)) for key, numbers in sorted(sums.items())],
    )
