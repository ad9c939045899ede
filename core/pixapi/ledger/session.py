"""The ledger's own connection, and one transaction at a time over it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress

import psycopg

from pixapi.db.engine import Database, DriverConnection
from pixapi.errors import DatabaseAway, PixapiError
from pixapi.ledger.apply import answer, store_over
from pixapi.ledger.operations import Held, HoldOrder, Outcome, Settled, Voided
from pixapi.ledger.rows import Place, Store
from pixapi.ledger.ticket import CallOrder
from pixapi.telemetry.logs import logger

_BROKEN_RULES = (sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.DataError)
_SQLITE_BUSY = (5, 6)

log = logger("ledger")


class Busy(Exception):
    """Another connection writes to the SQLite file now, or has one of the wallets for longer than was to be waited."""


class Session:
    """Opens a connection when it needs one. Used by one thread at a time."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._connection: DriverConnection | None = None
        self._store: Store | None = None
        self.places: dict[str, Place] = {}
        """Where charges under way belong: saves a look-up. It never changes, so it cannot be stale."""

    @property
    def store(self) -> Store | None:
        """None before it was opened and after it was lost."""
        return self._store

    def open(self, busy_s: float = 0) -> Store:
        """The store, over a new connection if there is none.

        Raises:
            DatabaseAway: whatever is wrong then, no order is to blame.
        """
        if self._store is None:
            try:
                self._connection = self._database.driver_connection(busy_s=busy_s)
                self._store = store_over(self._connection)
            except (sqlite3.Error, psycopg.Error) as error:
                raise DatabaseAway("The database cannot be opened.") from error
        return self._store

    def transact(
        self,
        orders: Sequence[CallOrder],
        *,
        holds_are_new: bool,
        commit: bool,
        briefly: bool = False,
        confirm: Callable[[], None] = lambda: None,
    ) -> list[Outcome | PixapiError]:
        """Answers the orders in one transaction, over the store that is open; see `apply.answer`.

        Raises:
            Busy: and nothing was done. With ``briefly`` that is soon told.
        """
        store = self.open()
        try:
            store.begin(briefly=briefly)
        except sqlite3.Error as error:
            if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _SQLITE_BUSY:
                raise Busy from error
            raise DatabaseAway("The database takes no transactions.") from error
        try:
            return answer(
                store, orders, owner=self._owner, hints=self.places, commit=commit, holds_are_new=holds_are_new,
                confirm=confirm)  # fmt: skip
        except psycopg.errors.LockNotAvailable as error:
            raise Busy from error

    def note(self, orders: Sequence[CallOrder], answers: Sequence[Outcome | PixapiError]) -> None:
        """Remember the places of the calls that are under way."""
        for order, outcome in zip(orders, answers, strict=True):
            if isinstance(outcome, Settled | Voided):
                self.places.pop(order.charge_id, None)
            elif isinstance(outcome, Held) and isinstance(order, HoldOrder):
                self.places[order.charge_id] = order.place

    def replay(self, orders: Sequence[CallOrder], *, briefly: bool = False) -> None:
        """Commits what comes out of the spool."""
        try:
            answers = self.transact(orders, holds_are_new=False, commit=True, briefly=briefly)
        except BaseException:
            if self._store is not None:
                roll_back(self._store)
            raise
        for order, outcome in zip(orders, answers, strict=True):
            self.places.pop(order.charge_id, None)
            if isinstance(outcome, PixapiError):
                log.error("spool_refused", charge_id=order.charge_id, code=outcome.code)

    def doubt(self, error: Exception) -> None:
        """Gives the connection up, unless ``error`` says that an order is to blame."""
        if not isinstance(error, _BROKEN_RULES):
            log.warning("database_lost", cause=type(error.__cause__ or error).__name__)
            self.close()

    def close(self) -> None:
        """Gives the connection up."""
        connection, self._connection, self._store = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error, psycopg.Error):
                connection.close()


def roll_back(store: Store) -> bool:
    """Whether it is certain now that nothing was done."""
    try:
        return store.rollback()
    except (sqlite3.Error, psycopg.Error):
        return False  # the error before it is the one that tells
