"""The table of calls that left no charge."""

from __future__ import annotations

from sqlalchemy import Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from pixapi.db.base import Base, Int64


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
