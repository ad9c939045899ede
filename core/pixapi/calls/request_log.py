"""The log of calls that left no charge: refused, or failed before credit was held.

Writing must never slow or fail a call. `record` puts a row into a bounded queue; a thread writes what has
gathered each second. When the database is away the rows wait; when the queue is full new ones are dropped and
counted.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from pixapi.calls.models import FailedRequestRow
from pixapi.errors import DatabaseAway
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from pixapi.clock import Clock
    from pixapi.db.engine import Database

QUEUE_MAX = 20_000
BATCH = 1000
FLUSH_S = 1.0
PURGE_EVERY_S = 3600.0
PURGE_SLICE = 5000
_LONGEST_MODEL = 128
_DAY_US = 86_400_000_000

log = logger("calls")


class FailedRequest(msgspec.Struct, frozen=True):
    """A call that left no charge. ``model`` may be whatever the caller sent; it is cut to 128 characters."""

    id: str
    at_us: int
    operation: str
    dialect: str
    http_status: int
    error_code: str
    account_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    route: str | None = None
    duration_ms: int | None = None


class RequestLog:
    """The log of one process.

    With ``keep_days``, older rows are purged once an hour; ``enabled`` false drops all.
    """

    def __init__(
        self, database: Database, clock: Clock, *, keep_days: int | None = None, enabled: bool = True
    ) -> None:
        self._database = database
        self._clock = clock
        self._keep_days = keep_days
        self._enabled = enabled
        self._queue: deque[FailedRequest] = deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._next_purge_s = float("-inf")
        self._away = False
        self.dropped = 0
        """Rows lost so far because the queue was full."""

    def record(self, request: FailedRequest) -> None:
        """Note a call. Never waits, never fails."""
        if not self._enabled:
            return
        if len(self._queue) >= QUEUE_MAX:
            self.dropped += 1
            return
        self._queue.append(request)

    def start(self) -> None:
        """Begin to write."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pixapi-request-log", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Write what has gathered and end. It waits no longer than the database's own time-outs."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def flush(self) -> int:
        """Write what has gathered; the number of rows. The thread does this each second.

        Raises:
            DatabaseAway: the rows that are left wait for the next time.
        """
        written = 0
        while self._queue:
            batch = [self._queue[n] for n in range(min(BATCH, len(self._queue)))]
            self._write(batch)
            for _ in batch:
                self._queue.popleft()
            written += len(batch)
        return written

    def purge(self, slice_rows: int = PURGE_SLICE) -> int:
        """Delete the rows older than ``keep_days``, ``slice_rows`` in a transaction; how many there were."""
        if self._keep_days is None:
            return 0
        before_us = self._clock.now_us() - self._keep_days * _DAY_US
        deleted = 0
        while not self._stopping.is_set():
            some = select(FailedRequestRow.id).where(FailedRequestRow.at_us < before_us).limit(slice_rows)
            with self._database.begin() as connection:
                count = connection.execute(
                    delete(FailedRequestRow).where(FailedRequestRow.id.in_(some))
                ).rowcount
            deleted += count
            if count < slice_rows:
                break
        return deleted

    def _write(self, batch: list[FailedRequest]) -> None:
        with self._database.begin() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            # A batch whose commit was not confirmed is written again; what is there already stays.
            statement = dialect.insert(FailedRequestRow).on_conflict_do_nothing()
            connection.execute(statement, [_values(request) for request in batch])

    def _run(self) -> None:
        while not self._stopping.wait(FLUSH_S):
            self._attempt()
        self._attempt()

    def _attempt(self) -> None:
        try:
            self.flush()
            now_s = self._clock.monotonic_s()
            if now_s >= self._next_purge_s:
                self._next_purge_s = now_s + PURGE_EVERY_S
                self.purge()
            self._away = False
        except DatabaseAway:
            if not self._away:
                self._away = True
                log.warning("request_log_waits", rows=len(self._queue))
        except Exception:
            # A row that no database takes must not stop those after it for ever.
            lost = min(BATCH, len(self._queue))
            for _ in range(lost):
                self._queue.popleft()
            self.dropped += lost
            log.exception("request_log_failed", rows_lost=lost)


def _values(request: FailedRequest) -> dict[str, object]:
    values = msgspec.structs.asdict(request)
    if request.model is not None:
        # Postgres takes no NUL, and no lone surrogates can be encoded.
        model = request.model[:_LONGEST_MODEL].replace("\0", "")
        values["model"] = model.encode("utf-8", "replace").decode()
    return values
