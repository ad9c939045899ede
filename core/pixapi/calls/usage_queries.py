"""The SQL of usage: settled charges as rows of numbers, and the hourly sums of them.

Tokens stand in a charge's usage as JSON. Postgres takes it apart once a row; SQLite keeps what it has parsed.
"""

# ruff: noqa: S608 - the pieces put together here are all constants of this module

from __future__ import annotations

from sqlalchemy import Connection

from pixapi.catalog.pricing import INPUT_QUANTITIES, OUTPUT_QUANTITIES, QUANTITIES

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

_SUMS = ("calls", "input_tokens", "output_tokens", "amount")
NUMBERS = ", ".join(_SUMS)
SUMMED = ", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in _SUMS)
"""The sums over rows that have these columns. (Postgres makes decimals of sums, which are slow to sum again.)"""

_HEAD = f"""SELECT created_at_us - created_at_us % {HOUR_US} AS hour_us, model, key_id,
coalesce(user_id, '') AS user_id, 1 AS calls, """


def _sqlite(quantities: tuple[str, ...]) -> str:
    return " + ".join(f"coalesce(json_extract(usage, '$.{name}'), 0)" for name in quantities)


def _postgres(quantities: tuple[str, ...]) -> str:
    return " + ".join(f"coalesce(u.{name}, 0)" for name in quantities)


_ROWS = {
    "sqlite": f"""{_HEAD}
{_sqlite(INPUT_QUANTITIES)} AS input_tokens, {_sqlite(OUTPUT_QUANTITIES)} AS output_tokens, amount
FROM charges WHERE status = 'settled'""",
    "postgresql": f"""{_HEAD}
{_postgres(INPUT_QUANTITIES)} AS input_tokens, {_postgres(OUTPUT_QUANTITIES)} AS output_tokens, amount
FROM charges LEFT JOIN LATERAL jsonb_to_record(coalesce(usage, '{{}}')::jsonb)
AS u({", ".join(f"{name} bigint" for name in QUANTITIES)}) ON true WHERE status = 'settled'""",
}


def rows(connection: Connection, condition: str) -> str:
    """Settled charges that meet ``condition``, a row each: hour, model, key, user, 1, tokens and amount."""
    return f"{_ROWS[connection.dialect.name]} AND {condition}"


NOW_US = {
    "sqlite": "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    "postgresql": "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
}
"""The database's own clock: that of the trigger which notes late charges."""

_ELEMENTS = {
    "sqlite": ("json_extract(e.value, '$[{at}]')", "json_each(:rows) AS e WHERE true"),
    "postgresql": (
        "CAST(e.value ->> {at} AS {kind})",
        "jsonb_array_elements(CAST(:rows AS jsonb)) AS e(value)",
    ),
}


def add_to(dialect: str, table: str, start: str, names: tuple[str, ...]) -> str:
    """Adds rows, given as one JSON array of arrays, to the sums in ``table``: ``start`` (of the hour or day),
    ``names``, then the numbers.

    One statement however many they are: the lock is not held while Python has its turn between them.
    """
    element, source = _ELEMENTS[dialect]
    columns = (start, *names, *_SUMS)
    values = (
        element.format(at=at, kind="text" if name in names else "bigint") for at, name in enumerate(columns)
    )
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in _SUMS)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {source}"
        f" ON CONFLICT ({', '.join((start, *names))}) DO UPDATE SET {added}"
    )


_KEYED = ("day_us", "key_id", "user_id")


def _given(dialect: str) -> str:
    """Rows of one day, given as a JSON array of arrays: day, key, user, numbers."""
    element, source = _ELEMENTS[dialect]
    columns = (
        f"{element.format(at=at, kind='text' if name in _KEYED[1:] else 'bigint')} AS {name}"
        for at, name in enumerate((*_KEYED, *_SUMS))
    )
    return f"(SELECT {', '.join(columns)} FROM {source}) AS g"


def before(dialect: str, table: str, day: str, condition: str = "true") -> str:
    """Joins ``b``: what a row of ``table`` (with key and user) had used by the end of the last day before ``day``, if
    it meets the condition.
    """
    days = f"""FROM usage_by_key_until AS m
        WHERE m.key_id = {table}.key_id AND m.user_id = {table}.user_id AND m.day_us < {day}"""
    if dialect == "postgresql":  # one look at the index for each row instead of two
        return f"LEFT JOIN LATERAL (SELECT m.* {days} AND {condition} ORDER BY m.day_us DESC LIMIT 1) AS b ON true"
    return f"""LEFT JOIN usage_by_key_until AS b ON b.key_id = {table}.key_id AND b.user_id = {table}.user_id
        AND {condition} AND b.day_us = (SELECT max(m.day_us) {days})"""


def add_running(dialect: str) -> tuple[str, ...]:
    """Adds the rows of one day to the totals, and to the running totals of that day and of those after it."""
    given, columns = _given(dialect), ", ".join((*_KEYED, *_SUMS))
    started = ", ".join(f"coalesce(b.{name}, 0)" for name in _SUMS)
    total = "usage_by_key_total"
    added = ", ".join(f"{name} = {total}.{name} + excluded.{name}" for name in _SUMS)
    return (
        f"INSERT INTO {total} (key_id, user_id, first_day_us, last_day_us, {NUMBERS})"
        f" SELECT key_id, user_id, day_us, day_us, {NUMBERS} FROM {given} WHERE true"
        f" ON CONFLICT (key_id, user_id) DO UPDATE SET {added}, first_day_us ="
        f" CASE WHEN excluded.first_day_us < {total}.first_day_us THEN excluded.first_day_us"
        f" ELSE {total}.first_day_us END, last_day_us ="
        f" CASE WHEN excluded.last_day_us > {total}.last_day_us THEN excluded.last_day_us"
        f" ELSE {total}.last_day_us END",
        f"INSERT INTO usage_by_key_until ({columns})"
        f" SELECT g.day_us, g.key_id, g.user_id, {started} FROM {given} {before(dialect, 'g', 'g.day_us')}"
        " WHERE true ON CONFLICT DO NOTHING",
        f"UPDATE usage_by_key_until AS u SET {', '.join(f'{name} = u.{name} + g.{name}' for name in _SUMS)}"
        f" FROM {given} WHERE u.key_id = g.key_id AND u.user_id = g.user_id AND u.day_us >= g.day_us",
    )


ADVANCE = """
INSERT INTO usage_rolled (id, upto, version) VALUES (1, :upto, 1)
ON CONFLICT (id) DO UPDATE SET upto = excluded.upto, version = usage_rolled.version + 1
WHERE usage_rolled.version = :version
"""
FORGET = {
    "sqlite": "DELETE FROM usage_late WHERE charge_id IN (SELECT value FROM json_each(:ids))",
    "postgresql": "DELETE FROM usage_late WHERE charge_id IN"
    " (SELECT jsonb_array_elements_text(CAST(:ids AS jsonb)))",
}
