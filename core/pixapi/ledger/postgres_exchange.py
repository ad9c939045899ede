"""Several statements in one exchange with Postgres: all are sent, then all is read (libpq, "Pipeline Mode").

The driver's own pipelines wait for the socket at every statement, some twenty times for the two transactions of a call;
here it is once for what is sent together. On the ledger's own connection statements are prepared when they first
come, in the same exchange.

What fails makes the server skip the rest of its exchange, and is raised when all has been read: the connection is fit
for use afterwards. Where not all could be read, for whatever reason, the connection is closed: what comes yet would be
taken for the answers to other statements.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from pixapi.ledger.rows import Row

Command = tuple[bytes, list[bytes] | None]
"""A statement with ``$1`` and so on for its arguments, and these as text."""

_SILENCE_S = 45.0
"""A server ends a statement after 30 s, a wait for a lock after 10 (`db.engine`); what takes several of these together
is done anew.
"""
_GOOD = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


def text_array(texts: Sequence[str]) -> bytes:
    """The texts as an argument of type ``text[]`` (PostgreSQL, "Array Input and Output Syntax")."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return ('{"' + '","'.join(quoted) + '"}').encode() if quoted else b"{}"


class Exchange:
    """Over a driver's connection that nobody else uses meanwhile.

    Args:
        silence_s: the connection is given up when for so long not a byte has come or could be sent.
    """

    def __init__(self, connection: psycopg.Connection[Any], *, silence_s: float = _SILENCE_S) -> None:
        self._connection = connection
        self._silence_s = silence_s
        self._reader = Transformer(connection)
        self._prepares = connection.autocommit
        """A connection that is the ledger's own is in autocommit; others are borrowed for one transaction."""
        self._numbers = count()
        self._names: dict[bytes, bytes] = {}
        """Statements that are prepared on this connection."""

    def run(self, commands: Sequence[Command]) -> list[list[Row]]:
        """The rows of each. Outside of autocommit a transaction is begun first where there is none, as the driver does.

        Raises:
            psycopg.Error: the first that failed; or the connection is lost or silent and closed, and it is not known
                what was done.
        """
        pgconn = self._connection.pgconn
        if not self._connection.autocommit and pgconn.transaction_status == TransactionStatus.IDLE:
            return self._exchange(pgconn, [(b"BEGIN", None), *commands])[1:]
        return self._exchange(pgconn, commands)

    def _exchange(self, pgconn: PGconn, commands: Sequence[Command]) -> list[list[Row]]:
        try:
            pgconn.enter_pipeline_mode()
            sent = self._send(pgconn, commands)
            results = self._read(pgconn)
            pgconn.exit_pipeline_mode()
        except BaseException:
            self._connection.close()
            raise
        found = []
        for (sql, prepared_as), result in zip(sent, results, strict=True):
            if result.status not in _GOOD:
                raise self._failed(result)
            if prepared_as is not None:
                self._names[sql] = prepared_as
            elif sql == b"COMMIT" and result.command_status != sql:
                raise psycopg.errors.InFailedSqlTransaction(
                    "the transaction had failed: it was not committed"
                )
            else:
                found.append(self._rows(result))
        return found

    def _send(self, pgconn: PGconn, commands: Sequence[Command]) -> list[tuple[bytes, bytes | None]]:
        """Of each result to come: its statement, and if that is only prepared, the name for it."""
        sent: list[tuple[bytes, bytes | None]] = []
        new: dict[bytes, bytes] = {}
        for sql, arguments in commands:
            if not self._prepares:
                pgconn.send_query_params(sql, arguments)
            else:
                name = self._names.get(sql) or new.get(sql)
                if name is None:
                    name = new[sql] = b"pixapi_%d" % next(self._numbers)
                    pgconn.send_prepare(name, sql)
                    sent.append((sql, name))
                pgconn.send_query_prepared(name, arguments)
            sent.append((sql, None))
        pgconn.pipeline_sync()
        while pgconn.flush():
            # A server whose answers nobody takes might not take more either.
            if self._wait(pgconn, select.POLLIN | select.POLLOUT) & select.POLLIN:
                pgconn.consume_input()
        return sent

    def _read(self, pgconn: PGconn) -> list[PGresult]:
        results: list[PGresult] = []
        while True:
            while pgconn.is_busy():
                self._wait(pgconn, select.POLLIN)
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:  # the end of one command's results
                if pgconn.status != ConnStatus.OK:
                    raise _lost(pgconn, results[-1] if results else None)
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return results
            else:
                results.append(result)

    def _wait(self, pgconn: PGconn, events: int) -> int:
        """Which of them came first."""
        poll = select.poll()
        poll.register(pgconn.socket, events)
        if found := poll.poll(self._silence_s * 1000):
            return found[0][1]
        raise psycopg.OperationalError(f"the database has been silent for {self._silence_s:g} s")

    def _failed(self, result: PGresult) -> psycopg.Error:
        error = error_from_result(result)
        if isinstance(error, FeatureNotSupported | InvalidSqlStatementName):
            # Its plan does not fit any more, or the statement was dropped: all are prepared anew.
            self._names.clear()
        return error

    def _rows(self, result: PGresult) -> list[Row]:
        if result.status != ExecStatus.TUPLES_OK:
            return []
        self._reader.set_pgresult(result)
        return self._reader.load_rows(0, result.ntuples, tuple)


def _lost(pgconn: PGconn, last: PGresult | None) -> psycopg.OperationalError:
    said = pgconn.error_message if last is None else last.error_message
    return psycopg.OperationalError(said.decode(errors="replace").strip() or "the connection is lost")
