"""kill -9 at random moments under load: no answered call uncharged, none charged twice, no hold left."""

import asyncio
import contextlib
import random
import time
from decimal import Decimal

import aiohttp
import pytest

from pixapi.testing.gateway import ECHO, RunningGateway

BODY = {"model": "echo", "messages": [{"role": "user", "content": "one two three"}], "max_tokens": 8}
WORKERS = 16
LIMITS = (
    "[limits]\nrequests_per_minute = 10000000\ntokens_per_minute = 10000000000\nconcurrent_requests = 1000\n"
)


async def load_until_dead(gateway: RunningGateway, key: str, after_s: float) -> tuple[list[str], Decimal]:
    """Call until the gateway is killed; returns the charges that callers were told of and what they were told they cost."""
    charges: list[str] = []
    cost = Decimal(0)

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal cost
        while True:
            async with session.post(gateway.url + "/v1/chat/completions", json=BODY) as reply:
                await reply.read()
                if reply.status == 200:
                    charges.append(reply.headers["x-pixapi-charge"])
                    cost += Decimal(reply.headers["x-pixapi-cost"])

    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout, headers={"authorization": f"Bearer {key}"}) as session:
        workers = [asyncio.create_task(worker(session)) for _ in range(WORKERS)]
        await asyncio.sleep(after_s)
        gateway.kill()
        for task in workers:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                await task
    return charges, cost


def rounds(tmp_path, database, count):
    random.seed(count)
    with RunningGateway(tmp_path, ECHO + LIMITS, database=database) as gateway:
        key = gateway.account(credits="100000")
        told: list[str] = []
        told_cost = Decimal(0)
        for number in range(count):
            gateway.start()
            charges, cost = asyncio.run(load_until_dead(gateway, key, random.uniform(0.1, 0.8)))
            told += charges
            told_cost += cost
            verified = gateway.cli("ledger", "verify", check=False)
            assert verified.returncode == 0, f"round {number}: {verified.stdout}{verified.stderr}"
        gateway.start()
        for _ in range(100):
            balance = gateway.json("credits", "balance", "ada@example.com")
            if balance["held"] == "0":
                break
            time.sleep(0.1)
        assert balance["held"] == "0", "a hold outlived its process"
        assert len(set(told)) == len(told)
        spent = Decimal(100000) - Decimal(balance["balance"])
        one = told_cost / len(told)
        # Every answered call is charged; those charged beyond them were settled and killed before the answer left.
        assert told_cost <= spent <= told_cost + one * WORKERS * count
        assert spent % one == 0
        sample = random.sample(told, min(50, len(told)))
        for charge in sample:
            assert gateway.request("GET", f"/v1/charges/{charge}", key=key)[1]["status"] == "settled"
        assert gateway.cli("ledger", "verify").returncode == 0


def test_three_rounds_on_sqlite(tmp_path):
    rounds(tmp_path, None, 3)


@pytest.mark.postgres
def test_three_rounds_on_postgres(tmp_path, postgres_database_url):
    rounds(tmp_path, postgres_database_url, 3)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_fifty_rounds_on_sqlite(tmp_path):
    rounds(tmp_path, None, 50)


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_fifty_rounds_on_postgres(tmp_path, postgres_database_url):
    rounds(tmp_path, postgres_database_url, 50)
