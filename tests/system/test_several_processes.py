"""Two gateways on one Postgres: one wallet, no overspending; one dies, the other frees what it held; keys die everywhere."""

import asyncio
import time
from decimal import Decimal

import aiohttp
import pytest

from pixapi.testing.gateway import ECHO, RunningGateway

pytestmark = pytest.mark.postgres
LIMITS = (
    "[limits]\nrequests_per_minute = 10000000\ntokens_per_minute = 10000000000\nconcurrent_requests = 1000\n"
)
REJECT = '[credits]\non_low_balance = "reject"\n'
BODY = {"model": "echo", "messages": [{"role": "user", "content": "one two three four"}], "max_tokens": 16}


@pytest.fixture
def pair(tmp_path, postgres_database_url, request):
    """Two gateways with one database and one secret; ``toml`` comes from the test's parameter."""
    toml = getattr(request, "param", ECHO) + LIMITS + REJECT
    gateways = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        secret = tmp_path / "data/secret.key"
        gateways.append(
            RunningGateway(folder, toml, database=postgres_database_url, server=f'secret_file = "{secret}"')
        )
    yield gateways
    for gateway in gateways:
        gateway.kill()


def wait_for(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"it did not come to pass within {seconds} s")


async def flood(gateways, key, calls):
    statuses = []

    async def ask(session, gateway):
        async with session.post(gateway.url + "/v1/chat/completions", json=BODY) as reply:
            await reply.read()
            statuses.append(reply.status)

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, headers={"authorization": f"Bearer {key}"}
    ) as session:
        await asyncio.gather(*[ask(session, gateways[n % 2]) for n in range(calls)])
    return statuses


def test_two_processes_share_a_wallet_without_overspending_it(pair):
    one, two = pair
    key = one.account(credits="1")
    one.start()
    two.start()
    statuses = asyncio.run(flood(pair, key, 300))
    assert set(statuses) == {200, 402}
    balance = one.json("credits", "balance", "ada@example.com")
    assert Decimal(balance["balance"]) >= 0
    assert balance["held"] == "0"
    assert one.cli("ledger", "verify").returncode == 0


GATED = ECHO.replace('use = "echo"', 'use = "echo"\ngate_file = "never"')


@pytest.mark.parametrize("pair", [GATED], indirect=True)
def test_the_holds_of_a_killed_process_are_freed_by_the_other(pair):
    one, two = pair
    key = one.account(credits="100")
    one.start()
    two.start()

    async def start_calls():
        async with aiohttp.ClientSession(headers={"authorization": f"Bearer {key}"}) as session:
            calls = [
                asyncio.create_task(session.post(one.url + "/v1/chat/completions", json=BODY))
                for _ in range(20)
            ]
            for _ in range(100):
                held = await asyncio.to_thread(one.json, "ledger", "holds")
                if len(held) == 20:
                    break
            one.kill()
            await asyncio.gather(*calls, return_exceptions=True)
            return len(held)

    assert asyncio.run(start_calls()) == 20
    wait_for(lambda: two.json("credits", "balance", "ada@example.com") == {"balance": "100", "held": "0"}, 30)
    assert two.cli("ledger", "verify").returncode == 0


def test_a_revoked_key_dies_on_every_process_within_two_seconds(pair):
    one, two = pair
    one.account(credits="100")
    made = one.json("keys", "create", "ada@example.com", "--title", "short-lived")
    one.start()
    two.start()
    assert [g.chat(made["key"])[0] for g in pair] == [200, 200]
    one.cli("keys", "revoke", made["id"])
    time.sleep(2)
    assert [g.chat(made["key"])[0] for g in pair] == [401, 401]
