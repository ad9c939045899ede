"""Several statements in one exchange with Postgres: all are sent, then all is read (libpq, "Pipeline Mode").

The driver's own pipelines wait for the socket at every statement, some twenty times for the two transactions of a call;
here it is once for what is sent together. On the ledger's own connection statements are prepared when they first
come, in the same exchange.

What fails makes the server skip the rest of its exchange, and is raised when all has been read: the connection is fit
for use afterwards, unless it is lost.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from pixapi.ledger.rows import Row

Command = tuple[bytes, list[bytes] | None]
"""A statement with ``$1`` and so on for its arguments, and these as text."""

_LOOK_S = 10.0
"""After so long the connection is looked at even if nothing came: who is gone need not have said so."""
_GOOD = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


def text_array(texts: Sequence[str]) -> bytes:
    """The texts as an argument of type ``text[]`` (PostgreSQL, "Array Input and Output Syntax")."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return ('{"' + '","'.join(quoted) + '"}').encode() if quoted else b"{}"


class Exchange:
    """Over a driver's connection that nobody else uses meanwhile."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._reader = Transformer(connection)
        self._prepares = connection.autocommit
        """A connection that is the ledger's own is in autocommit; others are borrowed for one transaction."""
        self._numbers = count()
        self._names: dict[bytes, bytes] = {}
        """Statements that are prepared on this connection."""

    def run(self, commands: Sequence[Command]) -> list[list[Row]]:
        """The rows of each. Outside of autocommit a transaction is begun first where there is none, as the driver does.

        Raises:
            psycopg.Error: the first that failed; or the connection is lost, and it is not known what was done.
        """
        pgconn = self._connection.pgconn
        if not self._connection.autocommit and pgconn.transaction_status == TransactionStatus.IDLE:
            return self._exchange(pgconn, [(b"BEGIN", None), *commands])[1:]
        return self._exchange(pgconn, commands)

    def _exchange(self, pgconn: PGconn, commands: Sequence[Command]) -> list[list[Row]]:
        new = [sql for sql, _ in commands if sql not in self._names]
        pgconn.enter_pipeline_mode()
        try:
            are_asked = self._send(pgconn, commands)
            results = self._read(pgconn)
            for result in results:
                if result.status not in _GOOD:
                    raise _error(pgconn, result)
        except BaseException:
            for sql in new:
                self._names.pop(
                    sql, None
                )  # nobody knows which were prepared; they get another name the next time
            raise
        finally:
            if pgconn.status == ConnStatus.OK:
                pgconn.exit_pipeline_mode()
        return [self._rows(result) for result, is_asked in zip(results, are_asked, strict=True) if is_asked]

    def _send(self, pgconn: PGconn, commands: Sequence[Command]) -> list[bool]:
        """Of each result to come: whether it is a command's, and not that of its preparation."""
        are_asked = []
        for sql, arguments in commands:
            are_asked.append(True)
            name = self._names.get(sql)
            if not self._prepares:
                pgconn.send_query_params(sql, arguments)
                continue
            if name is None:
                name = self._names[sql] = b"pixapi_%d" % next(self._numbers)
                pgconn.send_prepare(name, sql)
                are_asked.insert(-1, False)
            pgconn.send_query_prepared(name, arguments)
        pgconn.pipeline_sync()
        while pgconn.flush():
            # A server whose answers nobody takes might not take more either.
            if _wait(pgconn, select.POLLIN | select.POLLOUT) & select.POLLIN:
                pgconn.consume_input()
        return are_asked

    def _read(self, pgconn: PGconn) -> list[PGresult]:
        results: list[PGresult] = []
        while True:
            while pgconn.is_busy():
                _wait(pgconn, select.POLLIN)
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:  # the end of one command's results
                if pgconn.status != ConnStatus.OK:
                    raise _error(pgconn, results[-1] if results else None)
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return results
            else:
                results.append(result)

    def _rows(self, result: PGresult) -> list[Row]:
        if result.status != ExecStatus.TUPLES_OK:
            return []
        self._reader.set_pgresult(result)
        return self._reader.load_rows(0, result.ntuples, tuple)


def _wait(pgconn: PGconn, events: int) -> int:
    """Which of them came first; none if it took too long."""
    poll = select.poll()
    poll.register(pgconn.socket, events)
    found = poll.poll(_LOOK_S * 1000)
    return found[0][1] if found else 0


def _error(pgconn: PGconn, result: PGresult | None) -> psycopg.Error:
    if pgconn.status == ConnStatus.OK and result is not None:
        return error_from_result(result)
    said = pgconn.error_message if result is None else result.error_message
    return psycopg.OperationalError(said.decode(errors="replace").strip() or "the connection is lost")
