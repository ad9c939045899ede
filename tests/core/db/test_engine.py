"""Connections: what a URL means, what a transaction keeps, what counts as away."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from pixapi.db.engine import Database, driver_of, is_away
from pixapi.errors import BadRequest, ConfigError, DatabaseAway


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://x/y"]
)
def test_urls_that_cannot_be(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"database\.url"):
        Database(url, base_dir=tmp_path)


def test_sqlite_file_is_relative_to_the_configuration(tmp_path: Path) -> None:
    database = Database("sqlite:///data/x.db", base_dir=tmp_path)
    assert database.path == tmp_path / "data/x.db"
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    assert database.path.exists()
    database.close()


def test_sqlite_is_durable(tmp_path: Path) -> None:
    database = Database("sqlite:///x.db", base_dir=tmp_path)
    with database.read() as connection:
        pragmas = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert pragmas == ["wal", 2, 1, 5000]
    database.close()


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("INSERT INTO meta VALUES ('kept', '1')"))
    with pytest.raises(BadRequest), database.begin() as connection:
        connection.execute(text("INSERT INTO meta VALUES ('lost', '1')"))
        raise BadRequest("no")
    with database.read() as connection:
        assert connection.execute(text("SELECT key FROM meta ORDER BY key")).scalars().all() == ["kept"]


def test_a_read_sees_one_snapshot(database: Database) -> None:
    count = text("SELECT count(*) FROM meta")
    with database.read() as reading:
        before = reading.execute(count).scalar()
        with database.begin() as writing:
            writing.execute(text("INSERT INTO meta VALUES ('new', '1')"))
        assert reading.execute(count).scalar() == before
    with database.read() as reading:
        assert reading.execute(count).scalar() == (before or 0) + 1


def test_what_is_written_in_a_read_does_not_stay(database: Database) -> None:
    if database.dialect == "sqlite":
        with database.read() as connection:
            connection.execute(text("INSERT INTO meta VALUES ('x', '1')"))
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta WHERE key = 'x'")).scalar() == 0


def test_writers_wait_for_each_other(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("INSERT INTO meta VALUES ('n', '0')"))
    add = text("UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'n'")

    def work() -> None:
        for _ in range(25):
            with database.begin() as connection:
                connection.execute(add)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert connection.execute(text("SELECT value FROM meta WHERE key = 'n'")).scalar() == "100"


def test_driver_connection_is_in_autocommit(database: Database) -> None:
    driver = database.driver_connection()
    driver.execute("INSERT INTO meta VALUES ('raw', '1')")
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta WHERE key = 'raw'")).scalar() == 1
    driver.close()


def test_driver_of_shares_the_transaction(database: Database) -> None:
    with pytest.raises(BadRequest), database.begin() as connection:
        driver_of(connection).execute("INSERT INTO meta VALUES ('raw', '1')")
        raise BadRequest("no")
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta")).scalar() == 0


def test_nobody_listens(tmp_path: Path) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none", base_dir=tmp_path)
    with pytest.raises(DatabaseAway), database.begin():
        pass
    with pytest.raises(DatabaseAway):
        database.driver_connection()
    database.close()


def test_a_commit_that_fails_leaves_nothing_open(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE a (n INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE b (n INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED)"))
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(text("INSERT INTO b VALUES (1)"))
    other = Database(database.url.render_as_string(hide_password=False), base_dir=Path("/"))
    with other.begin() as connection:
        connection.execute(text("INSERT INTO a VALUES (2)"))
    other.close()
    with database.begin() as connection:
        connection.execute(text("INSERT INTO b VALUES (2)"))
    with database.read() as connection:
        assert connection.execute(text("SELECT n FROM b")).scalars().all() == [2]


@pytest.mark.postgres
def test_a_connection_lost_in_the_commit_leaves_it_open_what_was_done(
    postgres_database_url: str, tmp_path: Path
) -> None:
    database = Database(postgres_database_url, base_dir=tmp_path)

    def end(connection: Connection) -> None:
        process = driver_of(connection).info.backend_pid  # ty: ignore[unresolved-attribute]
        with database.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})

    with pytest.raises(DatabaseAway, match="nothing was done"), database.begin() as connection:
        end(connection)
        connection.execute(text("SELECT 1"))
    with pytest.raises(DatabaseAway, match="may have been done or not"), database.begin() as connection:
        connection.execute(text("SELECT 1"))
        end(connection)
    database.close()


def test_a_locked_file_is_away_and_a_wrong_statement_is_not(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    driver = database.driver_connection(busy_s=0)
    with pytest.raises(sqlite3.OperationalError) as caught:
        driver.execute("BEGIN IMMEDIATE")
    assert is_away(caught.value)
    other.execute("ROLLBACK")
    with pytest.raises(sqlite3.OperationalError) as caught:
        driver.execute("SELECT * FROM nothing")
    assert not is_away(caught.value)
    driver.close()
    database.close()


def test_the_password_is_not_printed(tmp_path: Path) -> None:
    database = Database("postgresql://u:hunter2@127.0.0.1:1/x", base_dir=tmp_path)
    assert "hunter2" not in str(database.url)
    database.close()
