"""Statements that go to Postgres together: their rows, what becomes of one that fails, and of a connection that is lost."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pixapi.db.engine import Database
from pixapi.ledger.postgres_exchange import Exchange, text_array

pytestmark = pytest.mark.postgres
ODD = [
    "plain",
    "",
    'a "quoted" one',
    "back\\slash",
    "comma, {brace}",
    "NULL",
    "null",
    " spaces ",
    "ключ 鍵 🔑",
    "line\nend",
]


@pytest.fixture
def connection(postgres_database_url: str, tmp_path: Path) -> Iterator[psycopg.Connection[Any]]:
    database = Database(postgres_database_url, base_dir=tmp_path)
    found = database.driver_connection()
    assert isinstance(found, psycopg.Connection)
    yield found
    found.close()
    database.close()


@pytest.fixture(params=[True, False], ids=["prepared", "unprepared"])
def exchange(request: pytest.FixtureRequest, connection: psycopg.Connection[Any]) -> Exchange:
    connection.autocommit = request.param
    return Exchange(connection)


def test_each_command_has_its_rows(exchange: Exchange) -> None:
    for _ in range(3):
        found = exchange.run(
            [
                (b"SELECT 1, 'a', NULL, true", None),
                (b"CREATE TEMPORARY TABLE IF NOT EXISTS things (name text)", None),
                (b"SELECT n FROM generate_series(1, $1::int) AS n", [b"3"]),
            ]
        )
        assert found == [[(1, "a", None, True)], [], [(1,), (2,), (3,)]]


def test_texts_of_any_kind_arrive_as_they_are(exchange: Exchange) -> None:
    rows = exchange.run(
        [
            (b"SELECT unnest($1::text[])", [text_array(ODD)]),
            (b"SELECT unnest($1::text[])", [text_array([])]),
        ]
    )
    assert rows == [[(text,) for text in ODD], []]


def test_the_first_that_fails_is_raised_and_the_connection_stays_fit(exchange: Exchange) -> None:
    commands: list[Any] = [
        (b"SELECT 2", None),
        (b"SELECT 1 / $1::int", [b"0"]),
        (b"SELECT no_such_column", None),
    ]
    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            exchange.run(commands)
        exchange.run([(b"ROLLBACK", None)])
        assert exchange.run([(b"SELECT 2", None), (b"SELECT 3", None)]) == [[(2,)], [(3,)]]


def test_what_the_driver_does_beside_it_goes_on(
    exchange: Exchange, connection: psycopg.Connection[Any]
) -> None:
    for _ in range(8):  # beyond the fifth time the driver prepares what it is asked
        assert connection.execute("SELECT %s::int", (1,)).fetchall() == [(1,)]
        assert exchange.run([(b"SELECT $1::int", [b"1"])]) == [[(1,)]]


def test_much_at_once_blocks_neither_side(exchange: Exchange) -> None:
    large = b"x" * (4 << 20)
    found = exchange.run([(b"SELECT $1::text", [large]) for _ in range(6)])
    assert [len(rows[0][0]) for rows in found] == [4 << 20] * 6


def test_within_autocommit_what_was_sent_together_is_done_together(
    connection: psycopg.Connection[Any],
) -> None:
    exchange = Exchange(connection)
    connection.execute("CREATE TEMPORARY TABLE things (name text)")
    with pytest.raises(psycopg.errors.UndefinedTable):
        exchange.run([(b"INSERT INTO things VALUES ('a')", None), (b"SELECT * FROM nothing", None)])
    assert exchange.run([(b"SELECT * FROM things", None)]) == [[]]


def test_outside_of_autocommit_a_transaction_is_begun(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TEMPORARY TABLE things (name text)")
    connection.autocommit = False
    exchange = Exchange(connection)
    assert exchange.run([(b"INSERT INTO things VALUES ('a') RETURNING name", None)]) == [[("a",)]]
    assert exchange.run([(b"SELECT * FROM things", None)]) == [[("a",)]]
    connection.rollback()
    assert exchange.run([(b"SELECT * FROM things", None)]) == [[]]


def test_a_connection_that_is_lost_is_told_of(exchange: Exchange, postgres_database_url: str) -> None:
    [[(process,)]] = exchange.run([(b"SELECT pg_backend_pid()", None)])
    with psycopg.connect(postgres_database_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (process,))
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError):
            exchange.run([(b"SELECT 1", None)])


def test_a_connection_that_is_lost_in_the_middle_is_told_of(exchange: Exchange) -> None:
    with pytest.raises(psycopg.OperationalError):
        exchange.run(
            [
                (b"SELECT 1", None),
                (b"SELECT pg_terminate_backend(pg_backend_pid())", None),
                (b"SELECT 2", None),
            ]
        )


def test_statements_that_were_dropped_are_prepared_anew(connection: psycopg.Connection[Any]) -> None:
    exchange = Exchange(connection)
    exchange.run([(b"SELECT 1", None), (b"SELECT 2", None)])
    connection.execute("DEALLOCATE ALL")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        exchange.run([(b"SELECT 1", None)])
    assert exchange.run([(b"SELECT 2", None), (b"SELECT 1", None)]) == [[(2,)], [(1,)]]


def test_statements_whose_plan_does_not_fit_any_more_are_prepared_anew(
    connection: psycopg.Connection[Any],
) -> None:
    exchange = Exchange(connection)
    connection.execute("CREATE TEMPORARY TABLE things (number int)")
    assert exchange.run([(b"SELECT * FROM things", None)]) == [[]]
    connection.execute("ALTER TABLE things ALTER COLUMN number TYPE text")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        exchange.run([(b"SELECT * FROM things", None)])
    assert exchange.run([(b"SELECT * FROM things", None)]) == [[]]


def test_the_driver_drops_nothing_on_a_rollback(connection: psycopg.Connection[Any]) -> None:
    exchange = Exchange(connection)
    for number in range(8):
        assert connection.execute("SELECT %s::int", (number,)).fetchall() == [(number,)]
        exchange.run([(b"SELECT 1", None)])
    connection.execute("ROLLBACK")
    assert exchange.run([(b"SELECT 1", None)]) == [[(1,)]]


def test_statements_that_fail_do_not_pile_up(connection: psycopg.Connection[Any]) -> None:
    exchange = Exchange(connection)
    for _ in range(20):
        with pytest.raises(psycopg.errors.DivisionByZero):
            exchange.run([(b"SELECT 1", None), (b"SELECT 1 / $1::int", [b"0"])])
    assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchall() == [(2,)]


def test_a_commit_of_what_had_failed_is_no_commit(exchange: Exchange) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        exchange.run([(b"BEGIN", None), (b"SELECT 1 / $1::int", [b"0"])])
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        exchange.run([(b"COMMIT", None)])


def test_a_server_that_says_nothing_is_given_up(connection: psycopg.Connection[Any]) -> None:
    exchange = Exchange(connection, silence_s=0.2)
    with pytest.raises(psycopg.OperationalError, match=r"silent for 0\.2 s"):
        exchange.run([(b"SELECT pg_sleep(20)", None)])
    assert connection.closed


def test_an_exchange_that_is_interrupted_leaves_no_connection_to_use(
    exchange: Exchange, connection: Any
) -> None:
    commands: list[Any] = [(b"SELECT 1", None), (b"SELECT $1::text", ["no bytes"])]
    with pytest.raises(TypeError):
        exchange.run(commands)
    assert connection.closed


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_texts_are_the_same_whatever_the_environment_says(
    encoding: str, monkeypatch: pytest.MonkeyPatch, postgres_database_url: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    database = Database(postgres_database_url, base_dir=tmp_path)
    connection: Any = database.driver_connection()
    assert Exchange(connection).run([(b"SELECT $1::text", ["café".encode()])]) == [[("café",)]]
    assert connection.execute("SELECT length('café')").fetchall() == [(4,)]
    connection.close()
    database.close()


@contextmanager
def many_open_files(number: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], min(limits[1], number + 500)), limits[1]))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(number)]
    try:
        yield
    finally:
        for each in opened:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_process_with_many_sockets_can_use_it(postgres_database_url: str) -> None:
    with (
        many_open_files(1100),
        psycopg.connect(postgres_database_url.replace("+psycopg", ""), autocommit=True) as connection,
    ):
        assert connection.fileno() > 1024
        assert Exchange(connection).run([(b"SELECT 1", None)]) == [[(1,)]]
