"""Reports of use: who used what, and for how much.

A report reads sums, and charges only where no sum can serve: those younger than the last one summed, those of the first
hour, which the report may begin in the middle of, and those noted as late (see `usage_rollup`). Of models there are
sums by the day, of the first day by the hour. Of keys there is what they have used so far and what they had used by the
end of each day: the difference costs the same whatever the span.

The dearest of many users or keys are found without those differences for all of them: what somebody has used so far is
the most that they can have used since, so who stays below the sums of some others need not be looked at (`_dearest`).
Where the span has few calls, the hours of all are read instead, but of these only the credits: the other numbers are
needed of none but the dearest.
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
_HOURS = "usage_by_key WHERE hour_us >= :hour AND hour_us < :day"
_SINCE = ", ".join(f"t.{name} - coalesce(b.{name}, 0) AS {name}" for name in NUMBERS.split(", "))
_BY_KEY = {
    dialect: f"""SELECT t.key_id, t.user_id, {_SINCE} FROM usage_by_key_total AS t
{before(dialect, "t", ":day", "t.first_day_us < :day")} WHERE t.last_day_us >= :day
UNION ALL SELECT key_id, user_id, {NUMBERS} FROM {_HOURS}"""
    for dialect in ("sqlite", "postgresql")
}
# Postgres adds up 64 bits in a wider number that it keeps apart for each name; 32 bits are added up within the row.
_AMOUNT = {
    "sqlite": "sum(amount)",
    "postgresql": "sum(CAST(amount & 1073741823 AS int)) + (sum(CAST(amount >> 30 AS int)) << 30)",
}
SAMPLE = 1000
"""Of how many names the exact sums tell which of the others may matter."""
FEW = {"sqlite": 250_000, "postgresql": 400_000}
"""Calls whose hours are added up sooner than two totals are looked up for each of many keys."""
_CALLS = text("SELECT coalesce(sum(calls), 0) FROM usage_by_model_day WHERE day_us >= :first_day")
_NEVER_US = 2**62

_LABELS = {
    "user": ("coalesce(email, '-')", "LEFT JOIN users ON users.id = name"),
    "key": ("coalesce(prefix || '… ' || title, name)", "LEFT JOIN api_keys ON api_keys.id = name"),
}
# The names in sums are ordered as bytes, those of users and keys as the database orders text, and so are the indexes of
# these: Postgres uses them only if told to compare in that order.
_AS_INDEXED = {"sqlite": "", "postgresql": ' COLLATE "default"'}
# Numbers of 100,000 names do not fit into the 4 MB that Postgres comes with, and are written to files instead. To
# compile a query takes it longer than to run it here. Both hold until the end of the transaction.
_ROOM = text("""SELECT set_config('jit', 'off', true), set_config('work_mem', CASE
WHEN pg_size_bytes(current_setting('work_mem')) < 33554432 THEN '32MB' ELSE current_setting('work_mem') END, true)""")

# One bound on each side: of two on the same side SQLite takes the first, however many rows lie between them.
_YOUNGER = "id >= :young AND created_at_us >= :since"
_BEGUN = "id >= :first AND id < :begun AND created_at_us >= :since AND created_at_us < :hour"
_LATE = "id <= :upto AND created_at_us >= :hour AND id IN (SELECT charge_id FROM usage_late)"


def usage_report(
    connection: Connection, by: str, since_us: int, *, few: int | None = None
) -> list[dict[str, Any]]:
    """A row for each model, user, key or UTC day with calls since ``since_us``: calls, tokens and credits, dearest
    first, days newest first. ``few``: see `FEW`.
    """
    return top_usage(connection, by, since_us, None, few=few)[0]


def top_usage(
    connection: Connection,
    by: str,
    since_us: int,
    top: int | None,
    *,
    sample: int = SAMPLE,
    few: int | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """The first ``top`` rows of `usage_report`, and how many more there are. ``sample``: see `SAMPLE`."""
    hour_us = -(-since_us // HOUR_US) * HOUR_US
    first, upto = id_before(since_us), rolled(connection).upto
    first_day_us = hour_us - hour_us % DAY_US
    is_short = by in _LABELS and _make_room(connection, first_day_us, few)
    summed_end = upto + "0"  # the least that is greater
    span = {
        "upto": upto,
        "since": since_us,
        "first": first,
        "hour": hour_us,
        "day": _NEVER_US if is_short and top is None else -(-hour_us // DAY_US) * DAY_US,
        "young": max(first, summed_end),
        "begun": first if hour_us == since_us else min(id_after(hour_us), summed_end),
    }
    limits = {} if top is None else {"top": top, "last": top - 1, "sample": max(sample, 2 * top)}
    found = connection.execute(text(_query(connection, by, top, is_short)), {**span, **limits}).all()
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


def _make_room(connection: Connection, first_day_us: int, few: int | None) -> bool:
    """Prepares for a report of many names; True if it has few calls (see `FEW`)."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(_ROOM)
    calls = connection.execute(_CALLS, {"first_day": first_day_us}).scalar_one()
    return calls <= (FEW[dialect] if few is None else few)


def _query(connection: Connection, by: str, top: int | None, is_short: bool) -> str:
    label, join = _LABELS.get(by, ("name", ""))
    if join:
        join += _AS_INDEXED[connection.dialect.name]
    order = "name DESC" if by == "day" else "amount DESC, name"
    if top is None:
        sums = _sums(connection, by)
        return f"SELECT {label}, {NUMBERS}, 0 FROM ({sums}) AS summed {join} ORDER BY {order}"
    if by in _LABELS:
        chosen, every = _dearest(connection, by, order, is_short)
    else:
        chosen, every = _first(connection, by, order)
    return f"""
        {chosen} SELECT {label}, {NUMBERS}, (SELECT count(*) FROM {every}) - :top FROM chosen {join} ORDER BY {order}
    """


def _sums(connection: Connection, by: str) -> str:
    """One row a name: what the sums and the charges beside them make together."""
    name = f"{_NAMES[by]} AS name"
    summed = _BY_MODEL if by in ("model", "day") else _BY_KEY[connection.dialect.name]
    return f"""
        SELECT name, {SUMMED} FROM (
            SELECT {name}, {NUMBERS} FROM ({summed}) AS summed
            UNION ALL SELECT {name}, {NUMBERS} FROM ({_charges(connection)}) AS charges
        ) AS parts GROUP BY name
    """


def _charges(connection: Connection) -> str:
    return " UNION ALL ".join(rows(connection, condition) for condition in (_YOUNGER, _BEGUN, _LATE))


def _first(connection: Connection, by: str, order: str) -> tuple[str, str]:
    """``chosen``, and the name of all from which they were."""
    sums = _sums(connection, by)
    return (
        f"WITH sums AS MATERIALIZED ({sums}), chosen AS (SELECT * FROM sums ORDER BY {order} LIMIT :top)",
        "sums",
    )


def _dearest(connection: Connection, by: str, order: str, is_short: bool) -> tuple[str, str]:
    """The same where the names are many: the exact sums of those alone that may be among the dearest (``likely``).

    Of a short span ``most`` is what each used. Else it bounds that from above: the exact sums of those with the
    greatest bounds give one that :top of them reach (``enough``), and nobody whose bound is less is among the dearest.
    """
    name = _NAMES[by]
    recent = f"""
        SELECT name, {SUMMED} FROM (
            SELECT {name} AS name, {NUMBERS} FROM {_HOURS}
            UNION ALL SELECT {name} AS name, {NUMBERS} FROM ({_charges(connection)}) AS charges
        ) AS parts GROUP BY name
    """
    most = f"""
        SELECT name, {_AMOUNT[connection.dialect.name]} AS amount FROM (
            SELECT {name} AS name, amount
            FROM {"usage_by_key WHERE hour_us >= :day" if is_short else "usage_by_key_total WHERE last_day_us >= :day"}
            UNION ALL SELECT name, amount FROM recent
        ) AS parts GROUP BY name
    """
    bounded = f"""
        sample AS MATERIALIZED (SELECT name FROM most ORDER BY amount DESC LIMIT :sample),
        enough AS MATERIALIZED (
            SELECT amount FROM ({_exact(connection, name, "sample")}) AS s ORDER BY amount DESC LIMIT 1 OFFSET :last
        ),
        likely AS MATERIALIZED (
            SELECT name FROM most WHERE amount >= coalesce((SELECT amount FROM enough), 0)
        )
    """
    known = "likely AS MATERIALIZED (SELECT name FROM most ORDER BY amount DESC, name LIMIT :top)"
    chosen = f"""
        WITH recent AS MATERIALIZED ({recent}), most AS MATERIALIZED ({most}), {known if is_short else bounded},
        chosen AS (SELECT * FROM ({_exact(connection, name, "likely")}) AS s ORDER BY {order} LIMIT :top)
    """
    return chosen, "most"


def _exact(connection: Connection, name: str, among: str) -> str:
    """The sums of some names. (A CROSS JOIN, since SQLite takes its tables in the order in which they stand.)"""
    return f"""
        SELECT name, {SUMMED} FROM (
            SELECT a.name AS name, {_SINCE} FROM {among} AS a CROSS JOIN usage_by_key_total AS t
            {before(connection.dialect.name, "t", ":day", "t.first_day_us < :day")}
            WHERE t.{name} = a.name AND t.last_day_us >= :day
            UNION ALL SELECT name, {NUMBERS} FROM recent WHERE name IN (SELECT name FROM {among})
        ) AS parts GROUP BY name
    """
