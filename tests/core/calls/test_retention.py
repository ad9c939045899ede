"""Old months are forgotten: reports and balances stay, and a kill in the middle loses nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from pixapi.calls.models import FailedRequestRow, UsageByModelRow
from pixapi.calls.retention import Forgotten, Retained
from pixapi.calls.usage_report import usage_report
from pixapi.clock import ManualClock, month_of
from pixapi.config.settings import Retention
from pixapi.db.engine import Database
from pixapi.ids import first_id
from pixapi.ledger import Grant, HoldOrder, SettleOrder, VoidOrder, apply
from pixapi.ledger.models import CarriedRow, ChargeRow, WalletRow
from pixapi.ledger.verify import verify

DAY_US = 86_400_000_000
NOW_US = time.time_ns() // 1000
"""What is late is judged by the database's clock; so these times are relative to today."""
OLD_US = month_of(NOW_US - 90 * DAY_US) - 40 * DAY_US
USAGE = '{"input":7,"output":3}'


def call(at_us: int, number: int, *, wallet: str = "acc_1", amount: int | None = 5) -> list[Any]:
    """A call of that moment: settled, or voided where it has no amount."""
    charge_id = first_id("chg", at_us)[:-8] + f"{number:08}"
    hold = HoldOrder(
        charge_id=charge_id, wallet_id=wallet, key_id="key_1", user_id="usr_1", amount=9, minimum=9, budgeted=False,
        operation="chat", model="m", route="up/m", stream=False, price_id=1, at_us=at_us,
    )  # fmt: skip
    if amount is None:
        return [hold, VoidOrder(charge_id, at_us, "upstream_error", 502)]
    return [hold, SettleOrder(charge_id, amount, USAGE, "reported", at_us, 200)]


def site(database: Database, calls: int = 40) -> None:
    """Calls of an old month and of today, one of them held since, and failed requests of every age."""
    operations: list[Any] = [Grant(f"acc_{n}", 10**6, f"g{n}", "purchase", OLD_US) for n in range(3)]
    for number in range(calls):
        amount = None if number % 10 == 9 else number
        at_us = OLD_US + number * 1_000_000
        operations += call(
            at_us, number, wallet=f"acc_{number % 3}", amount=min(9, amount) if amount else amount
        )
        operations += call(NOW_US - number, 10_000 + number)
    operations += call(OLD_US, 9_999_999)[:1]
    with database.begin() as connection:
        apply(connection, operations)
        connection.execute(
            insert(FailedRequestRow),
            [
                {"id": f"req_{days}", "at_us": NOW_US - days * DAY_US, "operation": "chat", "dialect": "openai",
                 "http_status": 400, "error_code": "invalid_request"}
                for days in (1, 29, 31, 400)
            ],
        )  # fmt: skip


def retained(database: Database, **days: int) -> Retained:
    return Retained(database, ManualClock(NOW_US), Retention(**{"usage_days": 90, **days}))


def seen(database: Database) -> Any:
    """All that must not change."""
    with database.read() as connection:
        return (
            [usage_report(connection, by, 0, few=0) for by in ("model", "user", "key", "day")],
            connection.execute(select(WalletRow.account_id, WalletRow.posted, WalletRow.held).order_by("account_id")).all(),
        )  # fmt: skip


def number_of(database: Database, column: Any) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count(column))).scalar_one()


def test_old_months_go_and_nothing_else_changes(database: Database) -> None:
    site(database)
    before = seen(database)
    assert retained(database).count() == Forgotten(40, 2)
    said: list[int] = []
    assert retained(database).purge(said.append, slice_rows=7) == Forgotten(40, 2)
    assert said == [7, 14, 21, 28, 35, 40]
    assert seen(database) == before
    assert verify(database).problems == []
    assert number_of(database, ChargeRow.id) == 41
    assert number_of(database, CarriedRow.wallet_id) == 4, "three wallets, and the free call of one"
    assert number_of(database, FailedRequestRow.id) == 2
    assert retained(database).count() == Forgotten(0, 0)
    assert retained(database).purge() == Forgotten(0, 0)


def test_a_month_goes_when_all_of_it_is_old_enough(database: Database) -> None:
    begin_us = month_of(NOW_US - 90 * DAY_US)
    with database.begin() as connection:
        apply(connection, [
            Grant("acc_1", 10**6, "g", "purchase", OLD_US), *call(begin_us - 1, 1), *call(begin_us, 2),
        ])  # fmt: skip
    keeper = retained(database)
    assert keeper.since_us == begin_us
    assert keeper.purge().charges == 1
    with database.read() as connection:
        assert connection.execute(select(ChargeRow.created_at_us)).scalars().all() == [begin_us]


def test_the_log_goes_no_later_than_the_charges(database: Database) -> None:
    site(database)
    assert retained(database, usage_days=2).purge().failed_requests == 3


def test_what_no_sum_stands_for_stays(database: Database) -> None:
    """A charge that settled late between the sums and the purge waits for the next one."""
    site(database)
    retained(database).purge()
    late = call(OLD_US + DAY_US, 77)
    with database.begin() as connection:
        apply(connection, late)
    before = seen(database)
    with database.begin() as connection:
        _, carried = retained(database)._slice(connection, "", 1000)
    assert (carried.settled, carried.voided) == (0, 0)
    assert retained(database).purge().charges == 1
    assert seen(database) == before


def test_deleted_text_is_gone_from_the_file(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    site(database, calls=400)
    name = first_id("chg", OLD_US + 200_000_000)[:-8].encode()
    retained(database).purge()
    with database.begin() as connection:
        assert connection.execute(select(func.sum(UsageByModelRow.calls))).scalar_one() > 0
    with database.read() as connection:
        connection.rollback()
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    database.close()
    assert name not in (tmp_path / "pixapi.db").read_bytes()


def test_calls_run_meanwhile(database: Database) -> None:
    """Settles of the same wallets, late ones of voided charges among them, while months go."""
    site(database, calls=200)
    stop = threading.Event()
    failed: list[BaseException] = []

    def work(worker: int) -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                operations = call(
                    NOW_US + number, 20_000_000 + worker * 100_000 + number, wallet=f"acc_{worker}"
                )
                for operation in operations:
                    with database.begin() as connection:
                        apply(connection, [operation])
                    time.sleep(0.002)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert retained(database).purge(slice_rows=5, rest=0.2).charges == 200
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert verify(database).problems == []


CHILD = """
import os, sys
from pathlib import Path
from pixapi.calls.retention import Retained
from pixapi.clock import ManualClock
from pixapi.config.settings import Retention
from pixapi.db.engine import Database

database = Database(sys.argv[1], base_dir=Path.cwd())
Retained(database, ManualClock(int(sys.argv[2])), Retention(usage_days=90)).purge(
    lambda done: os.write(1, f"{done}\\n".encode()), slice_rows=5, rest=0.1)
"""


@pytest.mark.timeout(300)
def test_killed_in_the_middle_it_goes_on_the_next_time(database: Database, database_url: str) -> None:
    site(database, calls=300)
    before = seen(database)
    for _ in range(3):
        left = number_of(database, ChargeRow.id)
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, database_url, str(NOW_US)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        for _ in range(4):
            assert child.stdout.readline().strip().isdigit()
        child.kill()
        child.wait(30)
        child.stdout.close()
        assert 301 < number_of(database, ChargeRow.id) < left, "killed in the middle"
        assert verify(database).problems == []
        assert seen(database) == before
    retained(database).purge()
    assert number_of(database, ChargeRow.id) == 301
    assert verify(database).problems == []
    assert seen(database) == before
    with database.read() as connection:
        assert connection.execute(text("SELECT sum(calls) FROM carried_charges")).scalar() == 270
