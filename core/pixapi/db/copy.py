"""Moves everything from SQLite to Postgres, in one transaction, and proves that it arrived.

Tables are taken from the databases themselves, so that a table nobody told this module of is copied too. What
arrived is read back and compared by number and by a checksum that does not depend on the rows' order.
"""

from __future__ import annotations

import datetime
import decimal
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, MetaData, Table, func, inspect, select, text

from pixapi.db.engine import Database
from pixapi.db.schema import HEAD, current_revision, require_current, upgrade
from pixapi.errors import Conflict, NotReady

_SLICE = 2000
_OWN = {"alembic_version", "sqlite_sequence"}

Progress = Callable[[str, int, int], None]
"""Called with (table, rows so far, rows in all)."""


def copy(source: Database, target: Database, *, progress: Progress | None = None) -> dict[str, int]:
    """Copies all rows of ``source`` into ``target``; the number of rows of each table.

    The target is brought to the newest schema first and must be empty. The source may be in use: what is copied is
    one snapshot, and what was written later is missing. Stop the server first.

    Raises:
        Conflict: the target has rows, or either is of the wrong kind.
        NotReady: the source's schema is not current, or what arrived is not what was sent.
        DatabaseAway: one of them does not answer.
    """
    if source.dialect != "sqlite" or target.dialect != "postgresql":
        raise Conflict("only a copy from SQLite to Postgres is made; check database.url and --to")
    require_current(source)
    if current_revision(target) != HEAD:
        upgrade(target)
    tell = progress or (lambda *_: None)
    counts: dict[str, int] = {}
    with source.read() as reading, target.begin() as writing:
        writing.execute(text("SET LOCAL statement_timeout = 0"))
        pairs = list(_tables(reading, writing))
        for _, there in pairs:
            if writing.execute(select(text("1")).select_from(there).limit(1)).first() is not None:
                raise Conflict(
                    f"the target is not empty: the table {there.name} has rows; nothing was copied"
                )
        for here, there in pairs:
            counts[here.name] = _copy_table(reading, writing, here, there, tell)
    return counts


def _tables(reading: Connection, writing: Connection) -> Iterator[tuple[Table, Table]]:
    """The tables of both, referenced ones first."""
    sources, targets = MetaData(), MetaData()
    sources.reflect(reading, only=lambda name, _: name not in _OWN)
    targets.reflect(writing, only=lambda name, _: name not in _OWN)
    if set(sources.tables) != set(targets.tables):
        different = ", ".join(sorted(set(sources.tables) ^ set(targets.tables)))
        raise Conflict(f"the two databases do not have the same tables: {different}")
    for there in targets.sorted_tables:
        yield sources.tables[there.name], there


def _copy_table(reading: Connection, writing: Connection, here: Table, there: Table, tell: Progress) -> int:
    total = reading.execute(select(func.count()).select_from(here)).scalar_one()
    # Values pass through the target's types (a boolean is 0 or 1 in SQLite), so both sides compare alike.
    columns = [here.c[column.name] for column in there.columns]
    sent, done = 0, 0
    rows = reading.execute(select(*columns), execution_options={"yield_per": _SLICE})
    names = [column.name for column in there.columns]
    for part in rows.partitions():
        values = [dict(zip(names, row, strict=True)) for row in part]
        _as_target_types(values, there)
        writing.execute(there.insert(), values)
        sent = (sent + sum(_digest(list(value.values())) for value in values)) % 2**64
        done += len(values)
        tell(there.name, done, total)
    arrived, number = 0, 0
    back = writing.execute(select(*there.columns), execution_options={"yield_per": _SLICE})
    for part in back.partitions():
        arrived = (arrived + sum(_digest(list(row)) for row in part)) % 2**64
        number += len(part)
    if (number, arrived) != (total, sent):
        raise NotReady(f"the table {there.name} did not arrive as it was sent; nothing was kept, try again")
    _advance_sequence(writing, there)
    return total


def _as_target_types(values: list[dict[str, Any]], there: Table) -> None:
    for column in there.columns:
        if column.type.python_type is bool:
            for value in values:
                if value[column.name] is not None:
                    value[column.name] = bool(value[column.name])


def _digest(row: list[Any]) -> int:
    encoded = json.dumps(row, default=_plain, sort_keys=True, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest())


def _plain(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime.datetime | datetime.date | decimal.Decimal):
        return str(value)
    raise TypeError(f"a column has values of type {type(value).__name__}, which cannot be compared")


def _advance_sequence(writing: Connection, there: Table) -> None:
    """Numbers that the target gives out must follow those that were copied."""
    for column in inspect(writing).get_columns(there.name):
        name = column["name"]
        sequence = writing.execute(
            text("SELECT pg_get_serial_sequence(:t, :c)"), {"t": there.name, "c": name}
        ).scalar()
        if sequence is not None:
            newest = writing.execute(select(func.max(there.c[name]))).scalar()
            if newest is not None:
                writing.execute(text("SELECT setval(:s, :v)"), {"s": sequence, "v": newest})
