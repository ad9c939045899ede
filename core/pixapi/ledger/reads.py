"""What people ask of the ledger: balances, histories, holds, write-offs, receipts. Nothing here writes."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, func, select, union_all

from pixapi.clock import as_datetime, month_of
from pixapi.ids import made_at_us, sibling
from pixapi.ledger.models import CarriedRow, ChargeRow, EntryRow, KeyBudgetRow, LotRow, WalletRow


class Balance(msgspec.Struct, frozen=True):
    """Micro-credits: what the wallet has, what of it is held, how far below zero it may go."""

    posted: int
    held: int
    overdraft: int

    @property
    def available(self) -> int:
        """What a call may still hold."""
        return self.posted - self.held + self.overdraft


class Charge(msgspec.Struct, frozen=True):
    """A call's hold or receipt, as stored; see `pixapi.ledger.models.ChargeRow`."""

    id: str
    wallet_id: str
    key_id: str
    user_id: str | None
    owner: str
    status: str
    operation: str
    model: str
    route: str
    stream: bool
    budgeted: bool
    price_id: int
    held: int
    amount: int | None
    written_off: int
    lot_id: int | None
    usage: str | None
    usage_source: str | None
    error_code: str | None
    http_status: int | None
    first_byte_ms: int | None
    duration_ms: int | None
    created_at_us: int
    settled_at_us: int | None


class Movement(msgspec.Struct, frozen=True):
    """A line of a wallet's history. ``kind`` is an entry's kind, or ``usage`` for a call."""

    at_us: int
    kind: str
    amount: int
    reference: str
    note: str | None


class OpenLot(msgspec.Struct, frozen=True):
    """Credits that were granted together and are not used up."""

    id: int
    kind: str
    priority: int
    granted: int
    remaining: int
    expires_at_us: int | None
    note: str | None


class KeyBudget(msgspec.Struct, frozen=True):
    """The most a key may spend, and what it spent and holds, in micro-credits."""

    key_id: str
    budget: int
    spent: int
    held: int


_charge_columns = tuple(getattr(ChargeRow, name) for name in Charge.__struct_fields__)


def balance_of(connection: Connection, account_id: str) -> Balance:
    """The account's balance; all zero for one that was never granted anything."""
    row = connection.execute(
        select(WalletRow.posted, WalletRow.held, WalletRow.overdraft).where(
            WalletRow.account_id == account_id
        )
    ).first()
    return Balance(0, 0, 0) if row is None else Balance(*row)


def charge_by_id(connection: Connection, charge_id: str) -> Charge | None:
    """The charge of that id, or of that request's id."""
    query = select(*_charge_columns).where(ChargeRow.id.in_((charge_id, sibling("chg", charge_id))))
    row = connection.execute(query).first()
    return None if row is None else Charge(*row)


def holds(connection: Connection, *, limit: int = 1000) -> list[Charge]:
    """Charges that are held now, the oldest first."""
    query = select(*_charge_columns).where(ChargeRow.status == "held").order_by(ChargeRow.id).limit(limit)
    return [Charge(*row) for row in connection.execute(query)]


def write_offs(connection: Connection, *, limit: int = 1000) -> list[Charge]:
    """Charges that cost more than their wallet had, the newest first."""
    query = (
        select(*_charge_columns).where(ChargeRow.written_off > 0).order_by(ChargeRow.id.desc()).limit(limit)
    )
    return [Charge(*row) for row in connection.execute(query)]


def history(connection: Connection, account_id: str, *, limit: int = 100) -> list[Movement]:
    """What moved in the account's wallet, the newest first. A call that several lots paid is one line; so is a month
    of calls that are no longer kept.
    """
    entries = (
        select(
            EntryRow.created_at_us.label("at_us"),
            EntryRow.kind,
            EntryRow.amount,
            EntryRow.reference,
            EntryRow.note,
        )
        .where(EntryRow.wallet_id == account_id, EntryRow.charge_id.is_(None))
        .order_by(EntryRow.id.desc())
        .limit(limit)
    )
    # The index on (wallet, creation) gives the newest without reading all of a busy account's calls.
    charges = (
        select(
            ChargeRow.settled_at_us.label("at_us"), ChargeRow.operation.label("kind"),
            (-ChargeRow.amount).label("amount"), ChargeRow.id.label("reference"), ChargeRow.model.label("note"),
        )
        .where(ChargeRow.wallet_id == account_id, ChargeRow.status == "settled")
        .order_by(ChargeRow.created_at_us.desc())
        .limit(limit)
    )  # fmt: skip
    both = union_all(select(entries.subquery()), select(charges.subquery())).subquery()
    rows = connection.execute(
        select(both).order_by(both.c.at_us.desc(), both.c.reference.desc()).limit(limit)
    )
    found = [*(Movement(*row) for row in rows), *_carried_months(connection, account_id, limit)]
    return sorted(found, key=lambda movement: movement.at_us, reverse=True)[:limit]


def _carried_months(connection: Connection, account_id: str, limit: int) -> list[Movement]:
    months = (
        select(CarriedRow.month_us, func.sum(CarriedRow.amount), func.sum(CarriedRow.calls))
        .where(CarriedRow.wallet_id == account_id)
        .group_by(CarriedRow.month_us)
        .order_by(CarriedRow.month_us.desc())
        .limit(limit)
    )
    return [
        Movement(month_us, "usage", -int(amount), month_name(month_us), f"{int(calls):,} calls")
        for month_us, amount, calls in connection.execute(months)
    ]


def carried_month(connection: Connection, name: str, account_id: str | None = None) -> str | None:
    """The month ("2024-11") of the id of a charge or request, if charges of that month, and of that account, are no
    longer kept; else None.
    """
    at_us = made_at_us(name)
    if at_us is None:
        return None
    month_us = month_of(at_us)
    theirs = () if account_id is None else (CarriedRow.wallet_id == account_id,)
    found = select(CarriedRow.month_us).where(CarriedRow.month_us == month_us, *theirs).limit(1)
    return None if connection.execute(found).first() is None else month_name(month_us)


def month_name(month_us: int) -> str:
    """ "2024-11"."""
    return as_datetime(month_us).strftime("%Y-%m")


def open_lots(connection: Connection, account_id: str) -> list[OpenLot]:
    """The account's lots that are not used up, in the order they are drawn."""
    columns = tuple(getattr(LotRow, name) for name in OpenLot.__struct_fields__)
    query = (
        select(*columns)
        .where(LotRow.wallet_id == account_id, LotRow.remaining > 0)
        .order_by(LotRow.priority, LotRow.expires_at_us.is_(None), LotRow.expires_at_us, LotRow.id)
    )
    return [OpenLot(*row) for row in connection.execute(query)]


def key_budgets(connection: Connection, key_ids: list[str]) -> dict[str, KeyBudget]:
    """The budgets of those keys that have one."""
    columns = tuple(getattr(KeyBudgetRow, name) for name in KeyBudget.__struct_fields__)
    rows = connection.execute(select(*columns).where(KeyBudgetRow.key_id.in_(key_ids)))
    return {row[0]: KeyBudget(*row) for row in rows}


def held_total(connection: Connection) -> tuple[int, int]:
    """How many charges are held now, and how many micro-credits they hold together."""
    row = connection.execute(
        select(func.count(), func.coalesce(func.sum(ChargeRow.held), 0)).where(ChargeRow.status == "held")
    ).one()
    return row[0], int(row[1])
