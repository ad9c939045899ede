"""Which processes are alive, told by locks that the operating system or the database frees when one dies.

A hold names the process that made it. Whether that still runs cannot be told from its process id (it may be on
another machine, or reused), nor by heartbeats (a slow process would be robbed). So each process holds a lock:

- SQLite: an exclusive lock on ``FILE.lock``. One process serves a file; every other owner is therefore dead.
- Postgres: an advisory lock, named by a hash of the owner, on a connection of its own. It ends with the
  connection. When only the connection was lost the lock is taken again by `keep`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg

from pixapi.db.engine import Database
from pixapi.errors import DatabaseAway, NotReady
from pixapi.ids import new_id


class Ownership:
    """This process as an owner of holds, and what it can tell of others."""

    def __init__(self, database: Database) -> None:
        self.id = new_id("own")
        """Names this process for ever."""
        path = database.path
        self._lock: FileLock | AdvisoryLock
        self._lock = AdvisoryLock(self.id, database) if path is None else FileLock(self.id, path)

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            NotReady: another process serves this SQLite file.
            DatabaseAway: the database does not answer.
        """
        self._lock.acquire()

    def keep(self) -> None:
        """Makes sure that the lock is still there, and takes it again if not; raises `DatabaseAway`."""
        self._lock.keep()

    def is_alive(self, owner: str) -> bool:
        """Whether the process that ``owner`` names still runs; raises `DatabaseAway`."""
        return owner == self.id or self._lock.is_taken(owner)

    def release(self) -> None:
        """Gives the lock back; from now on this owner counts as dead."""
        self._lock.release()


class FileLock:
    """An exclusive lock beside the SQLite file, with the holder's process id in it."""

    def __init__(self, owner: str, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        if self._descriptor is not None:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise NotReady(
                f"Another process (pid {holder}) serves this database file already, and one SQLite file has one "
                "server. Stop that process, or use Postgres for several."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def keep(self) -> None:
        self.acquire()

    def is_taken(self, _owner: str) -> bool:
        return False  # the lock is ours, so everybody else is gone

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class AdvisoryLock:
    """A session's advisory lock in Postgres, named by a hash of the owner."""

    def __init__(self, owner: str, database: Database) -> None:
        self._number = _number(owner)
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None
        self._mutex = Lock()

    def acquire(self) -> None:
        with self._mutex:
            self._session()

    def keep(self) -> None:
        with self._mutex:
            self._ask("SELECT 1")

    def is_taken(self, owner: str) -> bool:
        number = _number(owner)
        with self._mutex:
            got = self._ask("SELECT pg_try_advisory_lock(%s)", number)
            if got:
                self._ask("SELECT pg_advisory_unlock(%s)", number)
            return not got

    def release(self) -> None:
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _session(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            connection = self._database.driver_connection()
            assert isinstance(connection, psycopg.Connection)
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (self._number,)).fetchone()
            if not row or not row[0]:
                # The server has not noticed yet that our former connection is gone; it will soon.
                connection.close()
                raise DatabaseAway(
                    "The lock that shows this process to be alive is not free yet.", retry_after_s=1
                )
            self._connection = connection
        return self._connection

    def _ask(self, sql: str, *arguments: int) -> Any:
        connection = self._session()
        try:
            row = connection.execute(sql.encode(), arguments).fetchone()
        except psycopg.Error as error:
            connection.close()
            self._connection = None
            raise DatabaseAway(
                "The database connection that shows this process to be alive was lost."
            ) from error
        return row[0] if row else None


def _number(owner: str) -> int:
    return int.from_bytes(hashlib.sha256(owner.encode()).digest()[:8], signed=True)
