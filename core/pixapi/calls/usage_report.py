"""Reports of use: who used what, and for how much.

A report reads sums, and charges only where no sum can serve: those younger than the last one summed, those of the first
hour, which the report may begin in the middle of, and those noted as late (see `usage_rollup`). Of models there are
sums by the day, of the first day by the hour. Of keys there is what they have used so far and what they had used by the
end of each day: the difference costs the same whatever the span.
"""

# ruff: noqa: S608 - the pieces put together here are all constants of this module

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from pixapi.calls.span import id_after, id_before
from pixapi.calls.usage_queries import DAY_US, HOUR_US, NUMBERS, SUMMED, before, rows
from pixapi.calls.usage_rollup import rolled
from pixapi.clock import as_datetime
from pixapi.money import format_credits

_NAMES = {"model": "model", "user": "user_id", "key": "key_id", "day": f"hour_us - hour_us % {DAY_US}"}
_BY_MODEL = f"""SELECT day_us AS hour_us, model, {NUMBERS} FROM usage_by_model_day WHERE day_us >= :day
UNION ALL SELECT hour_us, model, {NUMBERS} FROM usage_by_model WHERE hour_us >= :hour AND hour_us < :day"""
_SINCE = ", ".join(f"t.{name} - coalesce(b.{name}, 0) AS {name}" for name in NUMBERS.split(", "))
_BY_KEY = {
    dialect: f"""SELECT t.key_id, t.user_id, {_SINCE} FROM usage_by_key_total AS t
{before(dialect, "t", ":day", "t.first_day_us < :day")} WHERE t.last_day_us >= :day
UNION ALL SELECT key_id, user_id, {NUMBERS} FROM usage_by_key WHERE hour_us >= :hour AND hour_us < :day"""
    for dialect in ("sqlite", "postgresql")
}
_LABELS = {
    "user": ("coalesce(email, '-')", "LEFT JOIN users ON users.id = name"),
    "key": ("coalesce(prefix || '… ' || title, name)", "LEFT JOIN api_keys ON api_keys.id = name"),
}

# One bound on each side: of two on the same side SQLite takes the first, however many rows lie between them.
_YOUNGER = "id >= :young AND created_at_us >= :since"
_BEGUN = "id >= :first AND id < :begun AND created_at_us >= :since AND created_at_us < :hour"
_LATE = "id <= :upto AND created_at_us >= :hour AND id IN (SELECT charge_id FROM usage_late)"


def usage_report(connection: Connection, by: str, since_us: int) -> list[dict[str, Any]]:
    """A row for each model, user, key or UTC day with calls since ``since_us``: calls, tokens and credits, dearest
    first, days newest first.
    """
    return top_usage(connection, by, since_us, None)[0]


def top_usage(
    connection: Connection, by: str, since_us: int, top: int | None
) -> tuple[list[dict[str, Any]], int]:
    """The first ``top`` rows of `usage_report`, and how many more there are."""
    hour_us = -(-since_us // HOUR_US) * HOUR_US
    first, upto = id_before(since_us), rolled(connection).upto
    summed_end = upto + "0"  # the least that is greater
    span = {
        "upto": upto,
        "since": since_us,
        "first": first,
        "hour": hour_us,
        "day": -(-hour_us // DAY_US) * DAY_US,
        "young": max(first, summed_end),
        "begun": first if hour_us == since_us else min(id_after(hour_us), summed_end),
    }
    found = connection.execute(text(_query(connection, by, top)), {**span, "top": top}).all()
    rows = [
        {
            by: as_datetime(name).strftime("%Y-%m-%d") if by == "day" else name,
            "calls": int(calls),
            "input_tokens": int(input_tokens),
            "output_tokens": int(output_tokens),
            "credits": format_credits(int(amount)),
        }
        for name, calls, input_tokens, output_tokens, amount, _ in found
    ]
    return rows, max(0, found[0][-1]) if found else 0


def _query(connection: Connection, by: str, top: int | None) -> str:
    label, join = _LABELS.get(by, ("name", ""))
    order = "name DESC" if by == "day" else "amount DESC, name"
    sums = _sums(connection, by)
    if top is None:
        return f"SELECT {label}, {NUMBERS}, 0 FROM ({sums}) AS chosen {join} ORDER BY {order}"
    return f"""
        WITH sums AS MATERIALIZED ({sums}), chosen AS (SELECT * FROM sums ORDER BY {order} LIMIT :top)
        SELECT {label}, {NUMBERS}, (SELECT count(*) FROM sums) - :top FROM chosen {join} ORDER BY {order}
    """


def _sums(connection: Connection, by: str) -> str:
    """One row a name: what the sums and the charges beside them make together."""
    name = f"{_NAMES[by]} AS name"
    summed = _BY_MODEL if by in ("model", "day") else _BY_KEY[connection.dialect.name]
    charges = " UNION ALL ".join(rows(connection, condition) for condition in (_YOUNGER, _BEGUN, _LATE))
    return f"""
        SELECT name, {SUMMED} FROM (
            SELECT {name}, {NUMBERS} FROM ({summed}) AS summed
            UNION ALL SELECT {name}, {NUMBERS} FROM ({charges}) AS charges
        ) AS parts GROUP BY name
    """
