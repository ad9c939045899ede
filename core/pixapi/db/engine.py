"""The database: one SQLite file or one Postgres server, with the same guarantees.

Both are used synchronously; whoever sits on an event loop calls from a thread. A write transaction on SQLite
begins with BEGIN IMMEDIATE, so that it waits for its turn at the start and can never fail in the middle for
having read something stale. A read sees one snapshot from its first statement to its end: WAL gives that on
SQLite, REPEATABLE READ on Postgres.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from pixapi.errors import ConfigError, DatabaseAway, PixapiError

DriverConnection = sqlite3.Connection | psycopg.Connection[Any]

# What makes a statement fail although it is right: busy, locked, read-only, I/O error, full, cannot open.
_SQLITE_AWAY = {5, 6, 8, 10, 13, 14}

# A server that is only a replica by now takes no writes until it is replaced.
_POSTGRES_AWAY = (
    DatabaseAway,
    PoolTimeout,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
)

_POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "pixapi",
    "client_encoding": "UTF8",  # whatever the database's own is, or the environment says
    # The second half of each pair: the server, too, notices within about 20 s that we are gone.
    "options": (
        "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000 "
        "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
    ),
}


def is_away(error: BaseException) -> bool:
    """Whether ``error`` says that the database cannot be used now, as opposed to a fault in what was asked."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_away(error.orig))
    if isinstance(error, sqlite3.OperationalError):
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _SQLITE_AWAY
    return isinstance(error, _POSTGRES_AWAY)


@contextmanager
def _as_away() -> Generator[None]:
    try:
        yield
    except PixapiError:
        raise
    except Exception as error:
        if is_away(error):
            raise DatabaseAway(
                "The database does not answer or cannot be written; nothing was done. Try again shortly.",
                details={"cause": type(getattr(error, "orig", None) or error).__name__},
                retry_after_s=1,
            ) from error
        raise


@contextmanager
def _as_undecided() -> Generator[None]:
    try:
        yield
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise DatabaseAway(
            "The connection to the database was lost while it committed; what was asked may have been done or not. "
            "Look in a minute, before you try again.",
            details={"cause": type(error.orig).__name__},
            retry_after_s=1,
        ) from error


class Database:
    """Connections to the configured database.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql+psycopg://...`` (``postgresql://`` means the same).
        base_dir: what a relative SQLite file is relative to.

    Raises:
        ConfigError: the URL is malformed or of another kind.
    """

    def __init__(self, url: str, *, base_dir: Path) -> None:
        self._url = _parse(url)
        self.dialect: str = self._url.get_backend_name()
        self.path: Path | None = None
        if self.dialect == "sqlite":
            self.path = _file(self._url, base_dir)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = _sqlite_engine(self.path)
        else:
            self._engine = create_engine(
                self._url,
                connect_args=_POSTGRES_OPTIONS,
                pool_size=4,
                max_overflow=8,
                pool_timeout=5,
                pool_pre_ping=True,
                pool_recycle=1800,
                hide_parameters=True,
            )

    @property
    def url(self) -> URL:
        """The parsed URL. Printing it masks the password."""
        return self._url

    @contextmanager
    def begin(self) -> Generator[Connection]:
        """A write transaction: committed at the end of the block, rolled back when it raises.

        Raises:
            DatabaseAway: the database does not answer, or another process holds it for too long; or it was lost in
                the commit, and the message says that nobody knows what became of it.
        """
        with _as_away(), self._engine.connect() as connection, connection.begin() as transaction:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            with _as_undecided():
                try:
                    transaction.commit()
                except BaseException:
                    transaction.rollback()  # or the pool would take it back with the transaction open
                    raise

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A snapshot to read from. Nothing that is written in it stays.

        Raises:
            DatabaseAway: the database does not answer.
        """
        with _as_away(), self._engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            try:
                yield connection
            finally:
                connection.rollback()

    def driver_connection(self, *, busy_s: float = 5) -> DriverConnection:
        """A dedicated connection of the driver's own kind, in autocommit; the caller closes it.

        Args:
            busy_s: how long a statement waits while another process writes (SQLite only).

        Raises:
            DatabaseAway: the database does not answer.
        """
        with _as_away():
            if self.path is not None:
                connection = _open_sqlite(self.path, busy_s)
                # How pages were before a statement is remembered in memory, not in a file made and removed each time.
                connection.execute("PRAGMA temp_store=MEMORY")
                return connection
            _, arguments = self._engine.dialect.create_connect_args(self._url)
            # The driver prepares nothing: on a rollback it would drop what the ledger has prepared, too.
            return psycopg.connect(
                **{**arguments, **_POSTGRES_OPTIONS}, autocommit=True, prepare_threshold=None
            )

    def close(self) -> None:
        """Closes every pooled connection."""
        self._engine.dispose()


def driver_of(connection: Connection) -> DriverConnection:
    """The driver's connection under ``connection``, inside the same transaction."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection | psycopg.Connection):
        raise TypeError(f"expected sqlite3 or psycopg under the connection, found {type(driver).__name__}")
    return driver


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError(
            "database.url cannot be read; expected sqlite:///FILE or postgresql+psycopg://..."
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise ConfigError(
            f"database.url names {url.drivername!r}; expected sqlite:///FILE or postgresql+psycopg://..."
        )
    return url


def _file(url: URL, base_dir: Path) -> Path:
    if not url.database or url.database == ":memory:":
        raise ConfigError(
            "database.url names no file; a database in memory would lose money. Use sqlite:///FILE"
        )
    return (base_dir / url.database).resolve()


def _open_sqlite(path: Path, busy_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=busy_s, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    # Deleted index entries need no overwriting with zeros: what must be forgotten is removed by a purge and VACUUM.
    # A checkpoint waits for the disk twice: the WAL grows to 32 MB before one is made.
    for pragma in (
        "wal_autocheckpoint=8000",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _sqlite_engine(path: Path) -> Engine:
    return create_engine(
        "sqlite://",
        creator=lambda: _open_sqlite(path, 5),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=8,
        pool_timeout=5,
        hide_parameters=True,
    )
