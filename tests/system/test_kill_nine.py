"""kill -9 at random moments under load: no answered call uncharged, none charged twice, no hold left.

A round is: callers at work, the kill, a new start, the books. The start of one round serves the next.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from decimal import Decimal

import aiohttp
import pytest
from sqlalchemy import text

from pixapi.db.engine import Database
from pixapi.ledger.reads import balance_of
from pixapi.testing.gateway import ECHO, RunningGateway

BODY = {"model": "echo", "messages": [{"role": "user", "content": "one two three"}], "max_tokens": 8}
CALLERS, STREAMERS = 12, 4
WORKERS = CALLERS + STREAMERS
CREDITS = 100_000
MICRO = 1_000_000
REAPED_WITHIN_S = 20
LIMITS = (
    "[limits]\nrequests_per_minute = 10000000\ntokens_per_minute = 10000000000\nconcurrent_requests = 1000\n"
)


async def load_until_dead(gateway, key, after_s):
    """Call until the gateway is killed. The charges that callers were told of, each with its cost if that was said.

    A stream counts once its end was seen; its cost is not among what comes before it.
    """
    told: list[tuple[str, int | None]] = []

    async def caller(session):
        while True:
            async with session.post(gateway.url + "/v1/chat/completions", json=BODY) as reply:
                await reply.read()
                assert reply.status == 200
                cost = Decimal(reply.headers["x-pixapi-cost"])
                told.append((reply.headers["x-pixapi-charge"], int(cost * MICRO)))

    async def streamer(session):
        while True:
            async with session.post(
                gateway.url + "/v1/chat/completions", json={**BODY, "stream": True}
            ) as reply:
                body = await reply.read()
                assert reply.status == 200
                assert body.endswith(b"data: [DONE]\n\n")
                told.append((reply.headers["x-pixapi-charge"], None))

    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout, headers={"authorization": f"Bearer {key}"}) as session:
        kinds = [caller] * CALLERS + [streamer] * STREAMERS
        workers = [asyncio.create_task(kind(session)) for kind in kinds]
        await asyncio.sleep(after_s)
        gateway.kill()
        for task in workers:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                await task
    return told


class Books:
    """What the database says after each round, against what callers were told and what it had said before."""

    def __init__(self, database):
        self.database = database
        self.told: dict[str, int | None] = {}
        self.settled: dict[str, int] = {}
        self.orphans = 0

    def prove(self, told):
        """A round is over: all that was ever told or seen is there, once, at its price."""
        assert len(dict(told)) == len(told), "one charge was told twice"
        assert not self.told.keys() & dict(told).keys(), "one charge was told in two rounds"
        self.told.update(told)
        states, settled, posted = self.read()
        assert states["held"] == 0, "a hold outlived its process"
        assert self.told.keys() <= settled.keys(), "a call was answered and not charged"
        assert self.settled.items() <= settled.items(), "a settled charge changed or went"
        assert all(cost in (None, settled[charge]) for charge, cost in told), "a charge is not what was told"
        assert len(set(settled.values())) == 1, "equal calls cost the same"
        # Settled and not told: the answer was on its way, and each worker waits for one at most.
        assert len(settled) - len(self.settled) - len(told) <= WORKERS
        assert posted == CREDITS * MICRO - sum(settled.values())
        self.settled, self.orphans = settled, states["voided"]

    def read(self):
        with self.database.read() as connection:
            rows = connection.execute(text("SELECT id, wallet_id, status, amount FROM charges")).all()
            posted = balance_of(connection, rows[0].wallet_id).posted
        settled = {row.id: row.amount for row in rows if row.status == "settled"}
        return Counter(row.status for row in rows), settled, posted

    def wait_for_the_reaper(self):
        until_s = time.monotonic() + REAPED_WITHIN_S
        held = text("SELECT count(*) FROM charges WHERE status = 'held'")
        while time.monotonic() < until_s:
            with self.database.read() as connection:
                if connection.execute(held).scalar_one() == 0:
                    return
            time.sleep(0.05)


def rounds(tmp_path, url, count):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    moments, began_s = random.Random(seed), time.monotonic()
    database = Database(url, base_dir=tmp_path)
    with RunningGateway(tmp_path, ECHO + LIMITS, database=url) as gateway, contextlib.closing(database):
        key = gateway.account(credits=str(CREDITS))
        books = Books(database)
        gateway.start()
        for number in range(count):
            told = asyncio.run(load_until_dead(gateway, key, moments.uniform(0.1, 0.8)))
            gateway.start()
            books.wait_for_the_reaper()
            books.prove(told)
            verified = gateway.cli("ledger", "verify", check=False)
            assert verified.returncode == 0, f"round {number}: {verified.stdout}{verified.stderr}"
    assert books.told, "no call was answered; nothing was shown"
    untold = len(books.settled) - len(books.told)
    print(
        f"{count} rounds in {time.monotonic() - began_s:.0f} s: {len(books.told)} calls answered and charged, "
        f"{untold} charged whose answer the kill cut, {books.orphans} holds reaped"
    )


@pytest.mark.sized(3, short=8, full=50)
@pytest.mark.timeout(1200)
def test_killed_under_load_on_sqlite(tmp_path, size):
    rounds(tmp_path, "sqlite:///data/pixapi.db", size)


@pytest.mark.sized(3, short=8, full=50)
@pytest.mark.postgres
@pytest.mark.timeout(1200)
def test_killed_under_load_on_postgres(tmp_path, postgres_database_url, size):
    rounds(tmp_path, postgres_database_url, size)
