"""What a server does on a bad day: it decides late, it only reads, its tables change under the calls."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.core.ledger.test_writer import balance, until

from pixapi.db.engine import Database, DriverConnection
from pixapi.errors import DatabaseAway
from pixapi.ledger import Settled, apply
from pixapi.ledger.reads import charge_by_id
from pixapi.ledger.verify import verify

pytestmark = pytest.mark.postgres

WAITS_AT_COMMIT = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON charges DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.id = 'late') EXECUTE FUNCTION wait();
"""


class Watched(Database):
    """Knows the ledger's own connection."""

    given: DriverConnection

    def driver_connection(self, *, busy_s: float = 5) -> DriverConnection:
        self.given = super().driver_connection(busy_s=busy_s)
        return self.given

    def cut(self) -> None:
        """The connection ends here; the server has not heard of it."""
        assert isinstance(self.given, psycopg.Connection)
        with socket.socket(fileno=os.dup(self.given.fileno())) as its_socket:
            its_socket.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def watched(postgres_database_url: str, tmp_path: Path, orders: Any) -> Iterator[Watched]:
    database = Watched(postgres_database_url, base_dir=tmp_path)
    with database.begin() as connection:
        apply(connection, [orders.grant(1000), orders.grant(1000, "grant_2", wallet_id="acc_2")])
    yield database
    database.close()


@contextmanager
def admin(database: Database) -> Iterator[psycopg.Connection[Any]]:
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def status(database: Database, charge_id: str) -> str | None:
    with database.read() as connection:
        charge = charge_by_id(connection, charge_id)
    return None if charge is None else charge.status


async def test_a_hold_whose_commit_is_decided_after_its_caller_was_refused_does_not_stay(
    watched: Watched, orders: Any, run_ledger: Any
) -> None:
    with admin(watched) as other:
        other.execute(WAITS_AT_COMMIT)
        other.execute("SELECT pg_advisory_lock(1)")
        async with run_ledger(watched) as ledger:
            with pytest.raises(DatabaseAway):
                await ledger.hold(orders.hold("late", 10))
            watched.cut()
            await asyncio.sleep(1)
            assert status(watched, "late") is None
            await asyncio.wait_for(ledger.hold(orders.hold("other", 5, wallet_id="acc_2")), 2)
            assert status(watched, "late") is None
            other.execute("SELECT pg_advisory_unlock(1)")
            await until(lambda: status(watched, "late") == "voided")
            assert balance(watched) == (1000, 0)
    assert verify(watched).ok


async def test_a_server_that_only_reads_loses_no_settle(
    watched: Watched, orders: Any, run_ledger: Any
) -> None:
    async with run_ledger(watched) as ledger:
        await ledger.hold(orders.hold("c1", 10))
        with admin(watched) as other:
            name = watched.url.database
            other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
            watched.cut()
            settled = asyncio.create_task(ledger.settle(orders.settle("c1", 7)))
            with pytest.raises(DatabaseAway):
                await ledger.hold(orders.hold("c2", 10))
            assert (await settled).amount == 7
            assert status(watched, "c1") == "held"
            other.execute("SET default_transaction_read_only = off")
            other.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'.encode())
        await until(lambda: balance(watched) == (993, 0))
    assert status(watched, "c1") == "settled"
    assert verify(watched).ok


async def test_tables_that_change_under_the_calls_stop_none(
    watched: Watched, orders: Any, run_ledger: Any
) -> None:
    async with run_ledger(watched) as ledger:
        await ledger.hold(orders.hold("c1", 10))
        with admin(watched) as other:
            other.execute("ALTER TABLE wallets ALTER COLUMN next_expiry_us TYPE numeric")
        assert await ledger.settle(orders.settle("c1", 7)) == Settled(7, 0, 993)
        assert await ledger.hold(orders.hold("c2", 10)) == 10
