"""The ledger's tables. Amounts are micro-credits, times are microseconds since 1970.

`entries` is append-only: triggers made by the migration refuse UPDATE and DELETE on both databases, and refuse
to change the money of a settled charge. What each column means to the sums is told in `pixapi.ledger`.
"""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from pixapi.db.base import Base, Int64

# Identifiers compare by bytes: faster on Postgres than the language's rules, and the same order as on SQLite.
Id = Text().with_variant(Text(collation="C"), "postgresql")


class WalletRow(Base):
    """What an account owns. ``posted`` and ``held`` are sums of the other tables, kept for speed."""

    __tablename__ = "wallets"
    __table_args__ = (
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("overdraft >= 0", name="overdraft"),
        CheckConstraint("posted - held >= -overdraft", name="affordable"),
    )

    account_id: Mapped[str] = mapped_column(Id, primary_key=True)
    posted: Mapped[int] = mapped_column(Int64)
    held: Mapped[int] = mapped_column(Int64)
    overdraft: Mapped[int] = mapped_column(Int64)
    next_expiry_us: Mapped[int | None] = mapped_column(Int64, index=True)


class LotRow(Base):
    """Credits that were granted together. ``source`` is the business key of the grant."""

    __tablename__ = "lots"
    __table_args__ = (
        CheckConstraint("remaining >= 0 AND remaining <= granted", name="remaining"),
        Index(
            "ix_lots_open",
            "wallet_id",
            sqlite_where=text("remaining > 0"),
            postgresql_where=text("remaining > 0"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Int64, primary_key=True)
    wallet_id: Mapped[str] = mapped_column(Id, ForeignKey("wallets.account_id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(SmallInteger)
    granted: Mapped[int] = mapped_column(Int64)
    remaining: Mapped[int] = mapped_column(Int64)
    expires_at_us: Mapped[int | None] = mapped_column(Int64)
    source: Mapped[str] = mapped_column(Text, unique=True)
    note: Mapped[str | None] = mapped_column(Text)
    created_at_us: Mapped[int] = mapped_column(Int64)


class EntryRow(Base):
    """One movement. Without a lot it moves the wallet's debt. ``reference`` says what for, once for ever."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("reference", "kind", "lot_id"),
        Index(
            "uq_entries_debt", "reference", "kind", unique=True,
            sqlite_where=text("lot_id IS NULL"), postgresql_where=text("lot_id IS NULL"),
        ),
        Index("ix_entries_wallet", "wallet_id", "id"),
        Index(
            "ix_entries_charge", "charge_id",
            sqlite_where=text("charge_id IS NOT NULL"), postgresql_where=text("charge_id IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Int64, primary_key=True)
    wallet_id: Mapped[str] = mapped_column(Id, ForeignKey("wallets.account_id"))
    lot_id: Mapped[int | None] = mapped_column(Int64, ForeignKey("lots.id"), index=True)
    charge_id: Mapped[str | None] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Text)
    amount: Mapped[int] = mapped_column(Int64)
    reference: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    created_at_us: Mapped[int] = mapped_column(Int64)


class ChargeRow(Base):
    """A call: first a hold, then its receipt.

    ``held`` is what was set aside and stays readable afterwards. ``amount`` is what the wallet paid;
    ``written_off`` what the call cost beyond that. ``budgeted``: it counts against the key's budget.
    ``lot_id`` names the one lot that paid; where several did, `entries` has a row for each.
    """

    __tablename__ = "charges"
    __table_args__ = (
        CheckConstraint("status IN ('held', 'settled', 'voided')", name="status"),
        CheckConstraint("held >= 0 AND written_off >= 0", name="amounts"),
        CheckConstraint("(status = 'settled') = (amount IS NOT NULL)", name="settled"),
        CheckConstraint("(status = 'held') = (settled_at_us IS NULL)", name="open"),
        Index(
            "ix_charges_held", "owner",
            sqlite_where=text("status = 'held'"), postgresql_where=text("status = 'held'"),
        ),
        Index(
            "ix_charges_written_off", "id",
            sqlite_where=text("written_off > 0"), postgresql_where=text("written_off > 0"),
        ),
        Index("ix_charges_wallet", "wallet_id", "created_at_us"),
        # The row lies in the tree of its key: one tree fewer to write for each call. Ids grow with time.
        {"sqlite_with_rowid": False},
    )  # fmt: skip

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    wallet_id: Mapped[str] = mapped_column(Id)
    key_id: Mapped[str] = mapped_column(Id)
    user_id: Mapped[str | None] = mapped_column(Id)
    owner: Mapped[str] = mapped_column(Id)
    status: Mapped[str] = mapped_column(Text)
    operation: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    route: Mapped[str] = mapped_column(Text)
    stream: Mapped[bool] = mapped_column(Boolean)
    budgeted: Mapped[bool] = mapped_column(Boolean)
    price_id: Mapped[int] = mapped_column(Int64)
    held: Mapped[int] = mapped_column(Int64)
    amount: Mapped[int | None] = mapped_column(Int64)
    written_off: Mapped[int] = mapped_column(Int64)
    lot_id: Mapped[int | None] = mapped_column(Int64)
    usage: Mapped[str | None] = mapped_column(Text)
    usage_source: Mapped[str | None] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(Text)
    http_status: Mapped[int | None] = mapped_column(SmallInteger)
    first_byte_ms: Mapped[int | None] = mapped_column(Int64)
    duration_ms: Mapped[int | None] = mapped_column(Int64)
    created_at_us: Mapped[int] = mapped_column(Int64)
    settled_at_us: Mapped[int | None] = mapped_column(Int64)


class KeyBudgetRow(Base):
    """The most that one key may spend, and what it spent and holds of that since it has a budget."""

    __tablename__ = "key_budgets"
    __table_args__ = (CheckConstraint("budget >= 0 AND spent >= 0 AND held >= 0", name="amounts"),)

    key_id: Mapped[str] = mapped_column(Id, primary_key=True)
    budget: Mapped[int] = mapped_column(Int64)
    spent: Mapped[int] = mapped_column(Int64)
    held: Mapped[int] = mapped_column(Int64)


class CarriedRow(Base):
    """What charges that are no longer kept came to: a row for each wallet, lot, budgeted key and UTC month.

    It stands in for them in every sum (see `pixapi.ledger.carry`). Triggers let its numbers only grow.
    """

    __tablename__ = "carried_charges"
    __table_args__ = (
        CheckConstraint("calls > 0 AND amount >= 0 AND written_off >= 0", name="amounts"),
        {"sqlite_with_rowid": False},
    )

    wallet_id: Mapped[str] = mapped_column(Id, primary_key=True)
    lot_id: Mapped[int] = mapped_column(Int64, primary_key=True, autoincrement=False)
    """The one lot that paid them; 0 where several did, or an overdraft, or they cost nothing. `entries` keeps the
    shares of those."""
    key_id: Mapped[str] = mapped_column(Id, primary_key=True)
    """The key whose budget they count against; "" if none."""
    month_us: Mapped[int] = mapped_column(Int64, primary_key=True, autoincrement=False)
    """The beginning of the month in which they were made."""
    calls: Mapped[int] = mapped_column(Int64)
    amount: Mapped[int] = mapped_column(Int64)
    written_off: Mapped[int] = mapped_column(Int64)
