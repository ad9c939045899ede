"""The database goes away under load and comes back: every answered call is charged, none twice, no hold stays."""

import asyncio
import contextlib
import sqlite3
import time
from decimal import Decimal

import aiohttp
import pytest
from sqlalchemy import text

from pixapi.db.engine import Database
from pixapi.db.schema import upgrade
from pixapi.testing.gateway import ECHO, RunningGateway

BODY = {"model": "echo", "messages": [{"role": "user", "content": "one two three"}], "max_tokens": 8}
WORKERS = 8
LIMITS = (
    "[limits]\nrequests_per_minute = 10000000\ntokens_per_minute = 10000000000\nconcurrent_requests = 1000\n"
)


class Load:
    """Callers that go on calling, whatever they are answered."""

    def __init__(self, gateway, key):
        self.gateway, self.key = gateway, key
        self.charges, self.statuses, self.running = [], set(), True
        self.cost = Decimal(0)

    async def caller(self, session):
        while self.running:
            async with session.post(self.gateway.url + "/v1/chat/completions", json=BODY) as reply:
                await reply.read()
                self.statuses.add(reply.status)
                if reply.status == 200:
                    self.charges.append(reply.headers["x-pixapi-charge"])
                    self.cost += Decimal(reply.headers["x-pixapi-cost"])
                else:
                    await asyncio.sleep(0.1)

    async def during(self, outage):
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(
            timeout=timeout, headers={"authorization": f"Bearer {self.key}"}
        ) as session:
            callers = [asyncio.create_task(self.caller(session)) for _ in range(WORKERS)]
            await asyncio.sleep(1)
            await asyncio.to_thread(outage)
            await asyncio.sleep(3)
            before = len(self.charges)
            await asyncio.sleep(2)
            assert len(self.charges) > before, "no call was served after the database came back"
            self.running = False
            await asyncio.gather(*callers)


def prove(gateway, load, url):
    for _ in range(150):
        balance = gateway.json("credits", "balance", "ada@example.com")
        if balance["held"] == "0":
            break
        time.sleep(0.2)
    assert balance["held"] == "0"
    assert len(set(load.charges)) == len(load.charges)
    assert load.statuses <= {200, 503}
    assert gateway.cli("ledger", "verify").returncode == 0
    spent = Decimal(100000) - Decimal(balance["balance"])
    one = load.cost / len(load.charges)
    # A settle that the outage cut between commit and answer was charged although its caller was told 503.
    assert load.cost <= spent <= load.cost + one * WORKERS * 2
    with (
        contextlib.closing(Database(url, base_dir=gateway.folder)) as database,
        database.read() as connection,
    ):
        query = text("SELECT id, amount FROM charges WHERE status = 'settled'")
        settled = connection.execute(query).all()
    amounts = {row.id: Decimal(row.amount) / 10**6 for row in settled}
    assert set(load.charges) <= amounts.keys(), "a call was answered and not charged"
    assert set(amounts.values()) == {one}
    print(
        f"{len(load.charges)} calls answered and charged, {len(settled) - len(load.charges)} charged and told 503"
    )


SECONDS = pytest.mark.sized(8, short=20, full=20)


@SECONDS
@pytest.mark.postgres
def test_postgres_goes_away(tmp_path, postgres_factory, size):
    server = postgres_factory()
    database = Database(server.url, base_dir=tmp_path)
    upgrade(database)
    database.close()

    def outage():
        server.stop()
        time.sleep(size)
        server.start()

    with RunningGateway(tmp_path, ECHO + LIMITS, database=server.url) as gateway:
        key = gateway.account(credits="100000")
        gateway.start()
        load = Load(gateway, key)
        asyncio.run(load.during(outage))
        prove(gateway, load, server.url)


@SECONDS
def test_sqlite_is_locked_by_another(tmp_path, size):
    with RunningGateway(tmp_path, ECHO + LIMITS) as gateway:
        key = gateway.account(credits="100000")
        gateway.start()

        def outage():
            with contextlib.closing(
                sqlite3.connect(tmp_path / "data/pixapi.db", timeout=30, isolation_level=None)
            ) as other:
                other.execute("BEGIN EXCLUSIVE")
                time.sleep(size)
                other.execute("COMMIT")

        load = Load(gateway, key)
        asyncio.run(load.during(outage))
        prove(gateway, load, f"sqlite:///{tmp_path / 'data/pixapi.db'}")
