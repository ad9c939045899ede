"""Tables of the catalog: prices, dated, never changed."""

from __future__ import annotations

from sqlalchemy import Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from pixapi.db.base import Base, Int64


class PriceRow(Base):
    """The terms of a model for one price factor, from ``effective_at_us`` until a later row. Charges name it by id."""

    __tablename__ = "prices"
    __table_args__ = (Index("ix_prices_model_factor", "model", "factor", "id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    model: Mapped[str] = mapped_column(Text)
    factor: Mapped[str] = mapped_column(Text)
    terms: Mapped[str] = mapped_column(Text)
    """JSON: the price in USD, credits per USD, the factor; and what the vendor charges, where that is known."""
    effective_at_us: Mapped[int] = mapped_column(Int64)
