"""The SQL that adds what was used to the sums of use.

What one round adds is one text, a JSON array of rows (hour, model, key, user, numbers), that the database makes
(`gathered`) and takes apart again (`given`). No row passes through Python, whose lock the calls need, and each table
takes one statement however many rows there are: the database's lock is not held while Python waits for its turn.
"""

# ruff: noqa: S608 - the pieces put together here are all constants of this module

from __future__ import annotations

from pixapi.calls.usage_queries import DAY_US, NUMBERS, SUMMED, before

_NAMES = ("model", "key_id", "user_id")
_COLUMNS = ("hour_us", *_NAMES, *NUMBERS.split(", "))
_SUMS = NUMBERS.split(", ")
_DAY = f"hour_us - hour_us % {DAY_US}"
_OF_DAY = f"hour_us >= :day AND hour_us < :day + {DAY_US}"
_MAKE = {
    "sqlite": f"json_group_array(json_array({', '.join(_COLUMNS)}))",
    "postgresql": f"CAST(json_agg(json_build_array({', '.join(_COLUMNS)})) AS text)",
}
_SQLITE_GIVEN = "temp.usage_given"

NOTHING = "[]"


def gathered(dialect: str, charges: str) -> str:
    """The text of what ``charges`` (see `usage_queries.rows`) used; `NOTHING` of none."""
    grouped = f"SELECT hour_us, {', '.join(_NAMES)}, {SUMMED} FROM ({charges}) AS s GROUP BY 1, 2, 3, 4"
    return f"SELECT coalesce({_MAKE[dialect]}, '{NOTHING}') FROM ({grouped}) AS g"


def _taken_apart(dialect: str) -> str:
    if dialect == "sqlite":
        values = (f"json_extract(e.value, '$[{at}]') AS {name}" for at, name in enumerate(_COLUMNS))
        return f"SELECT {', '.join(values)} FROM json_each(:rows) AS e"
    values = (
        f"CAST(e.value ->> {at} AS {'text' if name in _NAMES else 'bigint'}) AS {name}"
        for at, name in enumerate(_COLUMNS)
    )
    return f"SELECT {', '.join(values)} FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS e(value)"


def given(dialect: str) -> tuple[str, ...]:
    """What comes before the other statements: SQLite keeps the rows for them, Postgres reads the text in each."""
    if dialect != "sqlite":
        return ()
    return (
        f"CREATE TEMP TABLE IF NOT EXISTS {_SQLITE_GIVEN.partition('.')[2]} ({', '.join(_COLUMNS)})",
        f"DELETE FROM {_SQLITE_GIVEN}",
        f"INSERT INTO {_SQLITE_GIVEN} {_taken_apart(dialect)}",
    )


def _source(dialect: str) -> str:
    return _SQLITE_GIVEN if dialect == "sqlite" else f"({_taken_apart(dialect)})"


def days(dialect: str) -> str:
    """The UTC days of what is given, in their order."""
    return f"SELECT DISTINCT {_DAY} FROM {_source(dialect)} AS g ORDER BY 1"


LAST_DAY = "SELECT max(day_us) FROM usage_by_model_day"
"""The last UTC day with sums: no key has used anything after it that was summed."""


def add_periods(dialect: str) -> tuple[str, ...]:
    """Adds what is given to the sums by the hour, and by the day of models."""
    return (
        _add_to(dialect, "usage_by_model", "hour_us", "hour_us", ("model",)),
        _add_to(dialect, "usage_by_model_day", "day_us", _DAY, ("model",)),
        _add_to(dialect, "usage_by_key", "hour_us", "hour_us", ("key_id", "user_id")),
    )


def _add_to(dialect: str, table: str, start: str, period: str, names: tuple[str, ...]) -> str:
    columns = ", ".join((start, *names))
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in _SUMS)
    return (
        f"INSERT INTO {table} ({columns}, {NUMBERS}) SELECT {period}, {', '.join(names)}, {SUMMED}"
        f" FROM {_source(dialect)} AS g GROUP BY {', '.join(map(str, range(1, len(names) + 2)))}"
        f" ON CONFLICT ({columns}) DO UPDATE SET {added}"
    )


def _of_day(dialect: str) -> str:
    """What is given of one day by key and user."""
    return f"""(SELECT CAST(:day AS bigint) AS day_us, key_id, user_id, {SUMMED} FROM {_source(dialect)} AS s
        WHERE {_OF_DAY} GROUP BY key_id, user_id) AS g"""


def add_to_totals(dialect: str) -> str:
    """Adds one day's rows to the totals of their keys."""
    total = "usage_by_key_total"
    added = ", ".join(f"{name} = {total}.{name} + excluded.{name}" for name in _SUMS)
    return (
        f"INSERT INTO {total} (key_id, user_id, first_day_us, last_day_us, {NUMBERS})"
        f" SELECT key_id, user_id, day_us, day_us, {NUMBERS} FROM {_of_day(dialect)} WHERE true"
        f" ON CONFLICT (key_id, user_id) DO UPDATE SET {added}, first_day_us ="
        f" CASE WHEN excluded.first_day_us < {total}.first_day_us THEN excluded.first_day_us"
        f" ELSE {total}.first_day_us END, last_day_us ="
        f" CASE WHEN excluded.last_day_us > {total}.last_day_us THEN excluded.last_day_us"
        f" ELSE {total}.last_day_us END"
    )


_UNTIL = f"INSERT INTO usage_by_key_until (day_us, key_id, user_id, {NUMBERS})"


def add_last_day(dialect: str) -> tuple[str, ...]:
    """After `add_to_totals`, where no later day has sums: the running totals of that day are the totals."""
    columns = ", ".join(f"t.{name}" for name in _SUMS)
    renewed = ", ".join(f"{name} = excluded.{name}" for name in _SUMS)
    return (
        f"{_UNTIL} SELECT g.day_us, g.key_id, g.user_id, {columns} FROM {_of_day(dialect)}"
        " CROSS JOIN usage_by_key_total AS t WHERE t.key_id = g.key_id AND t.user_id = g.user_id"
        f" ON CONFLICT (key_id, user_id, day_us) DO UPDATE SET {renewed}",
    )


def add_earlier_day(dialect: str) -> tuple[str, ...]:
    """Adds one day's rows to the running totals of that day and of those after it."""
    started = ", ".join(f"coalesce(b.{name}, 0)" for name in _SUMS)
    added = ", ".join(f"{name} = u.{name} + g.{name}" for name in _SUMS)
    return (
        f"{_UNTIL} SELECT g.day_us, g.key_id, g.user_id, {started} FROM {_of_day(dialect)}"
        f" {before(dialect, 'g', 'g.day_us')} WHERE true ON CONFLICT DO NOTHING",
        f"UPDATE usage_by_key_until AS u SET {added} FROM {_of_day(dialect)}"
        " WHERE u.key_id = g.key_id AND u.user_id = g.user_id AND u.day_us >= g.day_us",
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
