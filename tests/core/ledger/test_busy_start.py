"""A start while another process writes to the database."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from pixapi.clock import SystemClock
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.ledger import CallLedger, apply
from pixapi.ledger.reads import charge_by_id

WRITES_S = 0.5


async def test_it_waits_for_the_other_before_it_replays_a_spool(
    sqlite_url: str, orders: Any, tmp_path: Path
) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    with database.begin() as connection:
        apply(connection, [orders.grant(1000), orders.hold("chg_1", 10)], owner="dead")
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "dead.jsonl").write_bytes(msgspec.json.encode(orders.settle("chg_1", 7)) + b"\n")
    owner = Ownership(database)
    owner.acquire()
    ledger = CallLedger(database, owner=owner, clock=SystemClock(), spool_dir=spool)
    writing = threading.Event()

    def write() -> None:
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writing.set()
        time.sleep(WRITES_S)
        other.execute("ROLLBACK")
        other.close()

    thread = threading.Thread(target=write)
    thread.start()
    await asyncio.to_thread(writing.wait)
    try:
        await ledger.start()
        with database.read() as connection:
            charge = charge_by_id(connection, "chg_1")
    finally:
        await ledger.stop()
        thread.join()
        owner.release()
        database.close()
    assert charge is not None
    assert (charge.status, charge.amount) == ("settled", 7)
