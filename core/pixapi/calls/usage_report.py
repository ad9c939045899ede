"""Sums over settled charges: who used what, and for how much."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, Integer, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from pixapi.catalog.pricing import INPUT_QUANTITIES, OUTPUT_QUANTITIES
from pixapi.db.base import Int64
from pixapi.identity.models import ApiKeyRow, UserRow
from pixapi.ledger.models import ChargeRow
from pixapi.money import format_credits


def usage_report(connection: Connection, by: str, since_us: int) -> list[dict[str, Any]]:
    """A row for each model, user, key or UTC day since ``since_us``: calls, tokens and credits, dearest first."""
    group, label = _grouping(connection, by)
    amount = func.sum(ChargeRow.amount)
    query = (
        select(
            label.label("label"),
            func.count().label("calls"),
            _tokens(connection, INPUT_QUANTITIES).label("input_tokens"),
            _tokens(connection, OUTPUT_QUANTITIES).label("output_tokens"),
            amount.label("amount"),
        )
        .select_from(ChargeRow)
        .outerjoin(UserRow, UserRow.id == ChargeRow.user_id)
        .outerjoin(ApiKeyRow, ApiKeyRow.id == ChargeRow.key_id)
        .where(ChargeRow.status == "settled", ChargeRow.created_at_us >= since_us)
        .group_by(group)
        .order_by(group.desc() if by == "day" else amount.desc())
    )
    return [
        {
            by: str(row.label),
            "calls": row.calls,
            "input_tokens": int(row.input_tokens or 0),
            "output_tokens": int(row.output_tokens or 0),
            "credits": format_credits(int(row.amount)),
        }
        for row in connection.execute(query)
    ]


def _grouping(connection: Connection, by: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """What rows are grouped by, and what a group is called."""
    if by == "model":
        return ChargeRow.model.expression, ChargeRow.model.expression
    if by == "user":
        return ChargeRow.user_id.expression, func.coalesce(func.max(UserRow.email), "-")
    if by == "key":
        title = func.max(ApiKeyRow.prefix + "… " + ApiKeyRow.title)
        return ChargeRow.key_id.expression, func.coalesce(title, ChargeRow.key_id)
    seconds = ChargeRow.created_at_us / literal_column("1000000")
    if connection.dialect.name == "sqlite":
        day: ColumnElement[Any] = func.date(cast(seconds, Integer), literal_column("'unixepoch'"))
    else:
        day = cast(func.timezone("UTC", func.to_timestamp(seconds)), Date)
    return day, day


def _tokens(connection: Connection, quantities: tuple[str, ...]) -> ColumnElement[Any]:
    total: ColumnElement[Any] = literal_column("0")
    for quantity in quantities:
        if connection.dialect.name == "sqlite":
            units: ColumnElement[Any] = func.json_extract(ChargeRow.usage, f"$.{quantity}")
        else:
            units = cast(cast(ChargeRow.usage, JSONB)[quantity].astext, Int64)
        total = total + func.coalesce(func.sum(units), 0)
    return total
