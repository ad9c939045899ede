"""The SQL that reads usage: settled charges as rows of numbers, and running totals of them.

Tokens stand in a charge's usage as JSON. Postgres takes it apart once a row; SQLite keeps what it has parsed.
"""

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
