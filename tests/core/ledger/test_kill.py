"""A process that is killed in the middle of everything loses nothing that it had said."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from pixapi.clock import SystemClock
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.ledger.reads import balance_of, held_total
from pixapi.ledger.reaper import Reaper
from pixapi.ledger.verify import verify

# Says on stdout, unbuffered, which charge was settled, once the ledger has said so.
CHILD = """
import asyncio, os, sys
from pathlib import Path
from pixapi.clock import SystemClock
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.errors import InsufficientCredit
from pixapi.ids import new_id
from pixapi.ledger import CallLedger, HoldOrder, SettleOrder, VoidOrder

async def main(url, folder):
    database, clock = Database(url, base_dir=Path(folder)), SystemClock()
    owner = Ownership(database)
    owner.acquire()
    ledger = CallLedger(database, owner=owner, clock=clock, spool_dir=Path(folder) / "spool")
    await ledger.start()
    os.write(1, b"ready\\n")
    async def calls(worker):
        number = 0
        while True:
            number += 1
            charge = new_id("chg")
            await ledger.hold(HoldOrder(charge, f"acc_{worker % 3}", "key_1", None, 100, 100, False,
                                        "chat", "m", "r", False, 1, clock.now_us()))
            if number % 7 == 0:
                await ledger.void(VoidOrder(charge, clock.now_us(), "upstream_error", 502))
                continue
            await ledger.settle(SettleOrder(charge, 7, "{}", "reported", clock.now_us(), 200))
            os.write(1, charge.encode() + b"\\n")
    await asyncio.gather(*[calls(worker) for worker in range(24)])

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def run_until_killed(url: str, folder: Path, seconds: float) -> set[str]:
    """Charges that the process said were settled before it was killed."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, url, str(folder)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    lines: list[bytes] = []
    until = time.monotonic() + seconds
    for line in _lines_until(child.stdout, until):
        lines.append(line)
    child.kill()
    lines += child.stdout.read().split(b"\n")
    child.wait(30)
    return {line.decode() for line in lines if len(line.strip()) == 30 for line in [line.strip()]}


def _lines_until(stream: Any, until: float) -> Iterator[bytes]:
    while time.monotonic() < until:
        yield stream.readline()


def check(database: Database, said: set[str]) -> None:
    owner = Ownership(database)
    owner.acquire()
    reaper = Reaper(database, owner, SystemClock())
    for _ in range(100):  # Postgres may need a moment to notice; then a second look makes it certain
        reaper.round()
        with database.read() as connection:
            if held_total(connection) == (0, 0):
                break
        time.sleep(0.1)
    owner.release()
    with database.read() as connection:
        assert held_total(connection) == (0, 0)
        settled = set(connection.execute(text("SELECT id FROM charges WHERE status = 'settled'")).scalars())
        spent = sum(10**12 - balance_of(connection, f"acc_{number}").posted for number in range(3))
    assert said <= settled
    assert spent == 7 * len(settled)
    assert verify(database).problems == []


def kill_rounds(database: Database, url: str, folder: Path, grant: Any, rounds: int) -> None:
    for number in range(3):
        grant(10**12, f"grant_{number}", wallet_id=f"acc_{number}")
    said: set[str] = set()
    for _ in range(rounds):
        said |= run_until_killed(url, folder, random.uniform(0.05, 1.0))
        check(database, said)
    assert said


@pytest.mark.sized(3, short=8, full=50)
@pytest.mark.timeout(1200)
def test_killed_again_and_again(
    database: Database, database_url: str, tmp_path: Path, grant: Any, size: int
) -> None:
    kill_rounds(database, database_url, tmp_path, grant, size)
