"""The tables of calls that left no charge, and of what calls used, summed by the hour."""

from __future__ import annotations

from sqlalchemy import Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from pixapi.db.base import Base, Int64

# Identifiers compare by bytes, as the ledger's do.
_Id = Text().with_variant(Text(collation="C"), "postgresql")


class FailedRequestRow(Base):
    """A call that was refused, or failed, before credit was held for it.

    No body, no address, no name stands here.
    """

    __tablename__ = "failed_requests"
    __table_args__ = (
        Index("ix_failed_requests_at_us", "at_us"),
        Index("ix_failed_requests_key_id", "key_id", "at_us"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """The request id."""
    at_us: Mapped[int] = mapped_column(Int64)
    account_id: Mapped[str | None] = mapped_column(Text)
    key_id: Mapped[str | None] = mapped_column(Text)
    operation: Mapped[str] = mapped_column(Text)
    dialect: Mapped[str] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    """The model's name in the catalog, or what was asked for."""
    route: Mapped[str | None] = mapped_column(Text)
    http_status: Mapped[int] = mapped_column(Integer)
    error_code: Mapped[str] = mapped_column(Text)
    duration_ms: Mapped[int | None] = mapped_column(Integer)


class UsageByModelRow(Base):
    """What a model's settled calls of one hour used. The hour is that in which they began."""

    __tablename__ = "usage_by_model"
    __table_args__ = {"sqlite_with_rowid": False}

    hour_us: Mapped[int] = mapped_column(Int64, primary_key=True, autoincrement=False)
    model: Mapped[str] = mapped_column(_Id, primary_key=True)
    calls: Mapped[int] = mapped_column(Int64)
    input_tokens: Mapped[int] = mapped_column(Int64)
    output_tokens: Mapped[int] = mapped_column(Int64)
    amount: Mapped[int] = mapped_column(Int64)


class UsageByModelDayRow(Base):
    """The same by the UTC day."""

    __tablename__ = "usage_by_model_day"
    __table_args__ = {"sqlite_with_rowid": False}

    day_us: Mapped[int] = mapped_column(Int64, primary_key=True, autoincrement=False)
    model: Mapped[str] = mapped_column(_Id, primary_key=True)
    calls: Mapped[int] = mapped_column(Int64)
    input_tokens: Mapped[int] = mapped_column(Int64)
    output_tokens: Mapped[int] = mapped_column(Int64)
    amount: Mapped[int] = mapped_column(Int64)


class UsageByKeyRow(Base):
    """What they used in an hour by key and user; "" where a charge names no user."""

    __tablename__ = "usage_by_key"
    __table_args__ = {"sqlite_with_rowid": False}

    hour_us: Mapped[int] = mapped_column(Int64, primary_key=True, autoincrement=False)
    key_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    calls: Mapped[int] = mapped_column(Int64)
    input_tokens: Mapped[int] = mapped_column(Int64)
    output_tokens: Mapped[int] = mapped_column(Int64)
    amount: Mapped[int] = mapped_column(Int64)


class UsageByKeyTotalRow(Base):
    """All that a key and user ever used, and the first and last UTC day of it."""

    __tablename__ = "usage_by_key_total"
    __table_args__ = (
        # Its columns never change, so that it costs nothing where a key has a row.
        Index("ix_usage_by_key_total_user_id", "user_id"),
        {"sqlite_with_rowid": False},
    )

    key_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    first_day_us: Mapped[int] = mapped_column(Int64)
    last_day_us: Mapped[int] = mapped_column(Int64)
    calls: Mapped[int] = mapped_column(Int64)
    input_tokens: Mapped[int] = mapped_column(Int64)
    output_tokens: Mapped[int] = mapped_column(Int64)
    amount: Mapped[int] = mapped_column(Int64)


class UsageByKeyUntilRow(Base):
    """Running totals: what a key and user had used by the end of a UTC day on which they used something.

    The total less that of the last day before is what they used since, whatever the span: two rows a key instead of
    one for each of its days.
    """

    __tablename__ = "usage_by_key_until"
    __table_args__ = {"sqlite_with_rowid": False}

    key_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(_Id, primary_key=True)
    day_us: Mapped[int] = mapped_column(Int64, primary_key=True, autoincrement=False)
    calls: Mapped[int] = mapped_column(Int64)
    input_tokens: Mapped[int] = mapped_column(Int64)
    output_tokens: Mapped[int] = mapped_column(Int64)
    amount: Mapped[int] = mapped_column(Int64)


class UsageRolledRow(Base):
    """One row, id 1: how far the sums reach."""

    __tablename__ = "usage_rolled"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    upto: Mapped[str] = mapped_column(_Id)
    """The last charge's id: those up to it are in the sums, but for those in `usage_late`."""
    version: Mapped[int] = mapped_column(Int64)
    """Grows with every change of the sums; who finds another than it has read gives up."""


class UsageLateRow(Base):
    """A charge that settled more than half an hour after it was made; a trigger on `charges` writes it."""

    __tablename__ = "usage_late"
    __table_args__ = {"sqlite_with_rowid": False}

    charge_id: Mapped[str] = mapped_column(_Id, primary_key=True)
