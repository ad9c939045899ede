"""Reads and writes of dated prices."""

from __future__ import annotations

import json

from sqlalchemy import Connection, insert, select

from pixapi.catalog.models import PriceRow
from pixapi.catalog.pricing import PriceTable, Terms


def record_price(connection: Connection, model: str, terms: Terms, now_us: int) -> int:
    """The id of the row that holds ``terms`` for ``model``: the newest if it says the same, else a new one."""
    factor, text = str(terms.factor), json.dumps(terms.as_json(), sort_keys=True)
    newest = connection.execute(
        select(PriceRow.id, PriceRow.terms)
        .where(PriceRow.model == model, PriceRow.factor == factor)
        .order_by(PriceRow.id.desc())
        .limit(1)
    ).first()
    if newest is not None and newest.terms == text:
        return newest.id
    row = insert(PriceRow).values(model=model, factor=factor, terms=text, effective_at_us=now_us)
    return connection.execute(row.returning(PriceRow.id)).scalar_one()


def price_by_id(connection: Connection, price_id: int) -> PriceTable | None:
    """The terms that a charge was priced by; None if there is no such row."""
    text = connection.execute(select(PriceRow.terms).where(PriceRow.id == price_id)).scalar_one_or_none()
    return None if text is None else PriceTable(Terms.from_json(json.loads(text)))
