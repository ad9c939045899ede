"""Reports of use: settled calls, their tokens and their price, by model, user, key or day."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Integer, Text, cast, func, select, text
from sqlalchemy.dialects.postgresql import JSONB

from pixapi.db.base import Int64
from pixapi.ledger.models import ChargeRow
from pixapi.money import format_credits

By = Literal["model", "user", "key", "day"]

_INPUT = ("input", "cached_input", "cache_write", "cache_write_1h", "audio_input", "image_input")
_OUTPUT = ("output", "reasoning", "audio_output", "image_output")
_DAY_US = 86_400_000_000


def usage_report(connection: Connection, by: By, since_us: int) -> list[dict[str, Any]]:
    """A row for each model, user, key or UTC day with calls since ``since_us``, the costliest first (days: the
    newest). ``credits`` is a decimal string.
    """
    sqlite = connection.dialect.name == "sqlite"
    group = _group(by, sqlite)
    query = (
        select(
            group.label("name"),
            func.count().label("calls"),
            _tokens(_INPUT, sqlite).label("input_tokens"),
            _tokens(_OUTPUT, sqlite).label("output_tokens"),
            func.coalesce(func.sum(ChargeRow.amount), 0).label("amount"),
        )
        .where(ChargeRow.status == "settled", ChargeRow.settled_at_us >= since_us)
        .group_by(group)
        .order_by(text("name DESC") if by == "day" else text("amount DESC"))
    )
    return [
        {
            by: row.name,
            "calls": row.calls,
            "input_tokens": int(row.input_tokens),
            "output_tokens": int(row.output_tokens),
            "credits": format_credits(int(row.amount)),
        }
        for row in connection.execute(query)
    ]


def _group(by: By, sqlite: bool) -> ColumnElement[Any]:
    if by != "day":
        columns = {"model": ChargeRow.model, "user": ChargeRow.user_id, "key": ChargeRow.key_id}
        return cast(columns[by], Text)
    seconds = ChargeRow.settled_at_us / text("1000000")
    if sqlite:
        return func.date(cast(seconds, Integer), "unixepoch")
    return func.to_char(func.timezone("UTC", func.to_timestamp(seconds)), "YYYY-MM-DD")


def _tokens(names: tuple[str, ...], sqlite: bool) -> ColumnElement[int]:
    usage: Any = ChargeRow.usage if sqlite else cast(ChargeRow.usage, JSONB())
    total: ColumnElement[Any] | None = None
    for name in names:
        value = func.json_extract(usage, f"$.{name}") if sqlite else cast(usage[name].astext, Int64)
        part = func.coalesce(func.sum(value), 0)
        total = part if total is None else total + part
    assert total is not None
    return total
