"""Keeps the sums of use, so that a report reads hours, days and running totals instead of charges.

Exact at every moment, and nothing of it is on the way of a call. A report (`usage_report`) is the sums, plus the
charges with greater ids than the last one summed, plus the *late* ones. For that, two things must hold:

- A charge is summed once. Rounds of several processes may overlap, so each writes only if nobody has since it read
  (``version``), and what it read was one snapshot.
- No charge is missed. It is summed an hour after it was made. One that settles later than half an hour is noted by a
  trigger (migration 0003) in the transaction of its settle, and added by the next round that sees the note. Where the
  round that passes it sees it settled, it sees the note too, and drops it. So in every snapshot a charge is in the
  sums, or noted, or younger.

Hours and margins are judged by the database's clock alone, whatever the clocks of processes say.
"""

from __future__ import annotations

import random
import threading
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from pixapi.calls.usage_queries import HOUR_US, NOW_US, rows
from pixapi.calls.usage_sums import (
    ADVANCE,
    FORGET,
    LAST_DAY,
    NOTHING,
    add_earlier_day,
    add_last_day,
    add_periods,
    add_to_totals,
    days,
    gathered,
    given,
)
from pixapi.db.engine import Database
from pixapi.errors import DatabaseAway
from pixapi.ids import first_id
from pixapi.telemetry.logs import logger

SLICE = 500
"""Charges in one round: some tens of milliseconds of the database's write lock."""
_PAUSE_S = 60.0
_BREATH_S = 0.05
_LATE_MOST = 500

log = logger("calls")


class Rolled(msgspec.Struct, frozen=True):
    """How far the sums reach: the last charge's id, and the number of changes so far."""

    upto: str
    version: int


class _Found(msgspec.Struct, frozen=True):
    """What one snapshot gave: up to which charge, what it used, and the notes that are done with."""

    upto: str
    used: str
    """The text that `gathered` makes."""
    notes: list[str]


def rolled(connection: Connection) -> Rolled:
    """The state in this snapshot."""
    row = connection.execute(text("SELECT upto, version FROM usage_rolled WHERE id = 1")).first()
    return Rolled("", 0) if row is None else Rolled(*row)


class UsageRoller:
    """The thread that sums, once a minute; while there is much to catch up with, slice after slice."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin. The thread is a daemon, so that a dead database does not keep the process."""
        self._thread = threading.Thread(target=self._run, name="pixapi-usage", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, after the round under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)

    def round(self, slice_rows: int = SLICE) -> bool:
        """Sums the next charges; True if there may be more. Raises `DatabaseAway`."""
        with self._database.read() as connection:
            before = rolled(connection)
            found = _next(connection, before.upto, slice_rows)
        if found is None:
            return False
        with self._database.begin() as connection:
            _write(connection, before, found)
        return True

    def _run(self) -> None:
        pause_s = _BREATH_S
        # Replicas that start together should not all sum the same charges.
        while not self._stopping.wait(pause_s * random.uniform(0.8, 1.2)):
            try:
                pause_s = _BREATH_S if self.round() else _PAUSE_S
            except DatabaseAway:
                pause_s = _PAUSE_S
            except Exception:
                # Reports stay right without it and become slower.
                pause_s = _PAUSE_S
                log.exception("usage_not_summed")


def _next(connection: Connection, upto: str, slice_rows: int) -> _Found | None:
    now_us = connection.execute(text(NOW_US[connection.dialect.name])).scalar_one()
    step = "SELECT id FROM charges WHERE id > :upto AND id < :end ORDER BY id LIMIT :slice"
    ids = connection.execute(
        text(f"SELECT max(id) FROM ({step}) AS s"),  # noqa: S608 - both are constants
        {"upto": upto, "end": first_id("chg", now_us - HOUR_US), "slice": slice_rows},
    )
    last = ids.scalar() or upto
    span = {"upto": upto, "last": last}
    passed = "SELECT charge_id FROM usage_late WHERE charge_id > :upto AND charge_id <= :last"
    behind = f"SELECT charge_id FROM usage_late WHERE charge_id <= :upto ORDER BY 1 LIMIT {_LATE_MOST}"  # noqa: S608
    late = list(connection.execute(text(behind), span).scalars())
    if last == upto and not late:
        return None
    settled = (
        f"{rows(connection, 'id > :upto AND id <= :last')} UNION ALL {rows(connection, f'id IN ({behind})')}"
    )
    used = connection.execute(text(gathered(connection.dialect.name, settled)), span).scalar_one()
    return _Found(last, used, [*late, *connection.execute(text(passed), span).scalars()])


def _write(connection: Connection, before: Rolled, found: _Found) -> None:
    advance = {"upto": found.upto, "version": before.version}
    if connection.execute(text(ADVANCE), advance).rowcount != 1:
        return  # another process has summed meanwhile, perhaps the same charges
    dialect = connection.dialect.name
    if found.used != NOTHING:
        _add(connection, {"rows": found.used})
    if found.notes:
        notes = msgspec.json.encode(found.notes).decode()
        connection.execute(text(FORGET[dialect]), {"ids": notes})


def _add(connection: Connection, used: dict[str, Any]) -> None:
    dialect = connection.dialect.name
    last_us = connection.execute(text(LAST_DAY)).scalar() or 0
    for statement in given(dialect):
        connection.execute(text(statement), used)
    for statement in add_periods(dialect):
        connection.execute(text(statement), used)
    for day_us in list(connection.execute(text(days(dialect)), used).scalars()):
        add_running = add_last_day if day_us >= last_us else add_earlier_day
        for statement in (add_to_totals(dialect), *add_running(dialect)):
            connection.execute(text(statement), {**used, "day": day_us})
