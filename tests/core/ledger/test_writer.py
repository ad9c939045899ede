"""Calls' way to the ledger: many at once, cancelled, given up, spooled."""

from __future__ import annotations

import asyncio
import resource
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pixapi.clock import SystemClock
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.db.schema import upgrade
from pixapi.errors import Conflict, DatabaseAway, InsufficientCredit
from pixapi.ledger import CallLedger, Settled, apply
from pixapi.ledger.reads import balance_of, charge_by_id, holds
from pixapi.ledger.verify import verify


class Heard:
    """Counts what the ledger tells its metrics."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def ledger_batch(self, operations: int, seconds: float) -> None:
        self.counts["batches"] += 1
        self.counts["operations"] += operations

    def spooled(self, count: int = 1) -> None:
        self.counts["spooled"] += count

    def reaped(self, count: int) -> None:
        self.counts["reaped"] += count


def balance(database: Database, account: str = "acc_1") -> tuple[int, int]:
    with database.read() as connection:
        found = balance_of(connection, account)
    return found.posted, found.held


async def until(condition: Callable[[], bool]) -> None:
    """Waits for the condition; bounded."""
    for _ in range(1000):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never became true")


async def test_a_call(database: Database, orders: Any, grant: Any, run_ledger: Any) -> None:
    grant(100)
    async with run_ledger(database) as ledger:
        assert await ledger.hold(orders.hold("c1", 30)) == 30
        assert await ledger.settle(orders.settle("c1", 12)) == Settled(12, 0, 88)
        assert await ledger.settle(orders.settle("c1", 12)) == Settled(12, 0, 88)
        assert await ledger.hold(orders.hold("c2", 30)) == 30
        await ledger.void(orders.void("c2"))
        await ledger.void(orders.void("c2"))
    assert balance(database) == (88, 0)
    assert verify(database).ok


async def test_200_calls_on_a_wallet_that_affords_10(
    database: Database, orders: Any, grant: Any, run_ledger: Any
) -> None:
    grant(109)
    async with run_ledger(database) as ledger:
        asked = [ledger.hold(orders.hold(f"c{number}", 10)) for number in range(200)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert Counter(type(answer) for answer in answers) == {int: 10, InsufficientCredit: 190}
    assert balance(database) == (109, 100)


async def test_many_calls_share_commits(database: Database, orders: Any, grant: Any, run_ledger: Any) -> None:
    grant(1_000_000)
    heard = Heard()

    async def call(ledger: CallLedger, number: int) -> None:
        await ledger.hold(orders.hold(f"c{number}", 10))
        await ledger.settle(orders.settle(f"c{number}", 7))

    async with run_ledger(database, metrics=heard) as ledger:
        await asyncio.gather(*[call(ledger, number) for number in range(300)])
    assert balance(database) == (1_000_000 - 2100, 0)
    assert heard.counts["operations"] == 600
    assert heard.counts["batches"] < 100
    assert verify(database).ok


async def test_what_callers_can_do_meanwhile_is_done_before_they_are_answered(
    database: Database, orders: Any, grant: Any, run_ledger: Any
) -> None:
    grant(100)
    said: list[str] = []

    async def call(ledger: CallLedger, number: int) -> None:
        await ledger.hold(orders.hold(f"c{number}", 10), partial(said.append, f"hold {number} meanwhile"))
        said.append(f"hold {number}")
        await ledger.settle(
            orders.settle(f"c{number}", 7), partial(said.append, f"settle {number} meanwhile")
        )
        said.append(f"settle {number}")

    async with run_ledger(database) as ledger:
        await asyncio.gather(*[call(ledger, number) for number in range(8)])
    for number in range(8):
        mine = [step for step in said if step.split()[1] == str(number)]
        expected = [f"{verb} {number}{when}" for verb in ("hold", "settle") for when in (" meanwhile", "")]
        assert mine == expected


async def test_what_goes_wrong_meanwhile_harms_no_order(
    database: Database, orders: Any, grant: Any, run_ledger: Any
) -> None:
    grant(100)
    done: list[int] = []

    def breaks() -> None:
        raise ValueError("not the ledger's business")

    async with run_ledger(database) as ledger:
        asked = [ledger.hold(orders.hold(f"c{number}", 10), breaks) for number in range(4)]
        asked += [
            ledger.hold(orders.hold(f"d{number}", 10), partial(done.append, number)) for number in range(4)
        ]
        assert await asyncio.gather(*asked) == [10] * 8
    assert done == [0, 1, 2, 3]
    assert balance(database) == (100, 80)


async def test_what_goes_wrong_in_time_of_leisure_harms_no_order(
    database: Database, orders: Any, grant: Any, run_ledger: Any
) -> None:
    grant(100)
    counted: list[int] = []

    def breaks() -> None:
        counted.append(1)
        raise ValueError("not the ledger's business")

    async with run_ledger(database, leisure=breaks) as ledger:
        assert await ledger.hold(orders.hold("c1", 10)) == 10
        assert (await ledger.settle(orders.settle("c1", 4))).amount == 4
    assert counted
    assert balance(database) == (96, 0)


async def test_one_bad_order_does_not_spoil_its_batch(
    database: Database, orders: Any, grant: Any, run_ledger: Any
) -> None:
    grant(100)
    async with run_ledger(database) as ledger:
        await ledger.hold(orders.hold("c0", 1))
        asked = [ledger.hold(orders.hold(f"c{number}", 1)) for number in range(1, 9)]
        asked.append(ledger.hold(orders.hold("c9", 1, model=None)))  # which the database refuses
        asked.append(ledger.hold(orders.hold("c0", 1)))
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert answers[:8] == [1] * 8
    assert isinstance(answers[8], Exception)
    assert answers[9] == 1  # the same hold again is the same hold
    assert balance(database) == (100, 9)


async def test_a_settle_without_a_hold(database: Database, orders: Any, run_ledger: Any) -> None:
    async with run_ledger(database) as ledger:
        with pytest.raises(Conflict):
            await ledger.settle(orders.settle("never", 1))


async def test_a_cancelled_hold_does_not_stay(
    database: Database, orders: Any, grant: Any, run_ledger: Any
) -> None:
    grant(100)
    async with run_ledger(database) as ledger:
        tasks = [asyncio.create_task(ledger.hold(orders.hold(f"c{number}", 1))) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await ledger.hold(orders.hold("last", 1))
        await ledger.settle(orders.settle("last", 1))
        await until(lambda: balance(database) == (99, 0))


async def test_a_cancelled_settle_is_done_all_the_same(
    database: Database, orders: Any, grant: Any, run_ledger: Any
) -> None:
    grant(100)
    async with run_ledger(database) as ledger:
        await ledger.hold(orders.hold("c1", 10))
        task = asyncio.create_task(ledger.settle(orders.settle("c1", 4)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert balance(database) == (96, 0)


async def test_no_orders_before_the_start_or_after_the_end(
    database: Database, orders: Any, run_ledger: Any
) -> None:
    async with run_ledger(database) as ledger:
        pass
    with pytest.raises(DatabaseAway):
        await ledger.hold(orders.hold("c1", 1))


def seize(url: str) -> sqlite3.Connection:
    """Takes SQLite's write lock, as another process would."""
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    return other


async def test_sqlite_is_busy_for_long(sqlite_url: str, tmp_path: Path, orders: Any, run_ledger: Any) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    with database.begin() as connection:
        apply(connection, [orders.grant(100)])
    heard = Heard()
    async with run_ledger(database, metrics=heard) as ledger:
        for charge in ("c1", "c2"):
            await ledger.hold(orders.hold(charge, 10))
        other = seize(sqlite_url)
        settle, void, hold = (
            asyncio.create_task(ledger.settle(orders.settle("c1", 4))),
            asyncio.create_task(ledger.void(orders.void("c2"))),
            asyncio.create_task(ledger.hold(orders.hold("c3", 10))),
        )
        assert (await settle).amount == 4
        await void
        with pytest.raises(DatabaseAway):
            await hold
        assert heard.counts["spooled"] == 2
        assert [path.suffix for path in (tmp_path / "spool").iterdir()] == [".jsonl"]
        other.execute("ROLLBACK")
        await until(lambda: balance(database) == (96, 0))
        await until(lambda: not list((tmp_path / "spool").iterdir()))
        assert await ledger.hold(orders.hold("c4", 10)) == 10
    assert verify(database).ok
    database.close()


async def test_the_spool_is_replayed_at_the_next_start(
    sqlite_url: str, tmp_path: Path, orders: Any, run_ledger: Any
) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    with database.begin() as connection:
        apply(connection, [orders.grant(100)])
    async with run_ledger(database) as ledger:
        await ledger.hold(orders.hold("c1", 10))
        other = seize(sqlite_url)
        assert (await ledger.settle(orders.settle("c1", 4))).amount == 4
    assert len(list((tmp_path / "spool").iterdir())) == 1
    other.execute("ROLLBACK")
    async with run_ledger(database):
        # Before the reaper, which would have released the hold.
        assert balance(database) == (96, 0)
    assert not list((tmp_path / "spool").iterdir())
    database.close()


async def test_neither_database_nor_disk(
    sqlite_url: str, tmp_path: Path, orders: Any, run_ledger: Any
) -> None:
    """A file limit of nothing stands for the full disk."""
    database = Database(sqlite_url, base_dir=tmp_path)
    with database.begin() as connection:
        apply(connection, [orders.grant(100)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with run_ledger(database) as ledger:
        await ledger.hold(orders.hold("c1", 10))
        other = seize(sqlite_url)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            with pytest.raises(DatabaseAway):
                await ledger.settle(orders.settle("c1", 4))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
        other.execute("ROLLBACK")
        # Who was told that the call failed is not charged: the hold is released.
        await until(lambda: balance(database) == (100, 0))
    database.close()


class Unreadable(Database):
    """A file that is no database for a while."""

    is_broken = False

    def driver_connection(self, *, busy_s: float = 5) -> Any:
        if self.is_broken:
            raise sqlite3.DatabaseError("file is not a database")
        return super().driver_connection(busy_s=busy_s)


async def test_a_database_that_cannot_be_opened_is_no_orders_fault(
    sqlite_url: str, tmp_path: Path, orders: Any, run_ledger: Any
) -> None:
    database = Unreadable(sqlite_url, base_dir=tmp_path)
    with database.begin() as connection:
        apply(connection, [orders.grant(100)])
    async with run_ledger(database) as ledger:
        database.is_broken = True
        settling = asyncio.create_task(ledger.settle(orders.settle("c1", 7)))
        with pytest.raises(DatabaseAway):
            await ledger.hold(orders.hold("c2", 10))
        assert (await settling).amount == 7
        assert list((tmp_path / "spool").glob("*"))
        database.is_broken = False
        await until(lambda: not list((tmp_path / "spool").glob("*")))
    database.close()


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_postgres_goes_away_under_load(
    how: str, postgres_factory: Any, tmp_path: Path, orders: Any, run_ledger: Any
) -> None:
    server = postgres_factory()
    database = Database(server.url, base_dir=tmp_path)
    upgrade(database)
    with database.begin() as connection:
        apply(connection, [orders.grant(10_000_000)])
    done: Counter[str] = Counter()
    running = True

    async def calls(ledger: CallLedger, worker: int) -> None:
        number = 0
        while running:
            number += 1
            charge = f"c{worker}_{number}"
            try:
                await ledger.hold(orders.hold(charge, 10))
            except DatabaseAway:
                done["refused"] += 1
                continue
            await asyncio.sleep(0.01)
            assert (await ledger.settle(orders.settle(charge, 7))).amount == 7
            done["settled"] += 1

    async with run_ledger(database) as ledger:
        workers = [asyncio.create_task(calls(ledger, worker)) for worker in range(16)]
        await asyncio.sleep(1)
        await asyncio.to_thread(_away, server, how)
        await asyncio.sleep(12)
        before = done["settled"]
        await asyncio.to_thread(_back, server, how)
        await until(lambda: done["settled"] > before + 100)
        running = False
        await asyncio.gather(*workers)
        await until(lambda: balance(database)[1] == 0 and not list((tmp_path / "spool").glob("*")))
    assert done["refused"] > 0
    assert balance(database) == (10_000_000 - 7 * done["settled"], 0)
    assert verify(database).ok
    database.close()


def _away(server: Any, how: str) -> None:
    if how == "stopped":
        server.stop()
    else:
        subprocess.run(["kill", "-STOP", *_processes(server)], check=True)


def _back(server: Any, how: str) -> None:
    if how == "stopped":
        server.start()
    else:
        subprocess.run(["kill", "-CONT", *_processes(server)], check=True)


def _processes(server: Any) -> list[str]:
    """The server's processes: the postmaster and its children."""
    children = Path(f"/proc/{server.pid()}/task/{server.pid()}/children").read_text().split()
    return [str(server.pid()), *children]


@pytest.mark.postgres
async def test_two_ledgers_share_a_wallet(postgres_database_url: str, tmp_path: Path, orders: Any) -> None:
    databases = [Database(postgres_database_url, base_dir=tmp_path) for _ in range(2)]
    with databases[0].begin() as connection:
        apply(connection, [orders.grant(105)])
    owners = [Ownership(database) for database in databases]
    ledgers = []
    for number, (database, owner) in enumerate(zip(databases, owners, strict=True)):
        owner.acquire()
        spool = tmp_path / f"spool{number}"
        ledgers.append(CallLedger(database, owner=owner, clock=SystemClock(), spool_dir=spool))
        await ledgers[-1].start()
    asked = [ledgers[number % 2].hold(orders.hold(f"c{number}", 10)) for number in range(100)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert Counter(type(answer) for answer in answers) == {int: 10, InsufficientCredit: 90}
    assert balance(databases[0]) == (105, 100)
    # One goes without a word; the other frees what it held.
    await ledgers[0].stop()
    owners[0].release()

    def left() -> set[str]:
        with databases[1].read() as connection:
            return {charge.owner for charge in holds(connection)}

    await until(lambda: owners[0].id not in left())
    await ledgers[1].stop()
    owners[1].release()
    with databases[0].read() as connection:
        orphans = [charge_by_id(connection, f"c{number}") for number in range(0, 100, 2)]
    assert {orphan.error_code for orphan in orphans if orphan is not None} <= {"orphaned"}
    assert verify(databases[0]).ok
    for database in databases:
        database.close()


def test_the_spool_module_needs_no_event_loop() -> None:
    """Importing the ledger starts nothing."""
    code = "import threading, pixapi.ledger; assert threading.active_count() == 1"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


async def test_a_caller_cancelled_in_the_turn_of_its_answer_leaves_no_hold(
    database: Database, orders: Any, grant: Any, run_ledger: Any
) -> None:
    grant(1000)
    async with run_ledger(database) as ledger:
        call = asyncio.create_task(ledger.hold(orders.hold("chg_1", 100)))
        resolve = ledger._batches._deliver

        def then_cancel(answered: Any) -> None:
            resolve(answered)
            call.cancel()

        ledger._batches._deliver = then_cancel
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: balance(database) == (1000, 0))
