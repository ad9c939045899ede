"""A wallet never pays more than it has, however many ask at once."""

import asyncio
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from pixapi.testing.gateway import RunningGateway

CALLS = 200
MESSAGE = "one two three four"
REJECT = '[credits]\nper_usd = "100"\non_low_balance = "reject"\n'


def gated(gate: Path) -> str:
    return f"""
{REJECT}
[limits]
concurrent_requests = 1000
[providers.echo]
use = "echo"
gate_file = "{gate}"
[[models]]
id = "echo"
routes = [ {{ provider = "echo", model = "echo" }} ]
price = {{ input = "1.00", output = "10.00", per = "1M tokens" }}
"""


async def ask_all(gateway: RunningGateway, key: str, gate: Path) -> list[int]:
    """All calls at once; the gate opens when each has been decided: refused, or held and waiting."""
    decided: list[int] = []
    body = {"model": "echo", "messages": [{"role": "user", "content": MESSAGE}], "max_tokens": 16}

    async def ask(session: aiohttp.ClientSession) -> None:
        async with session.post(gateway.url + "/v1/chat/completions", json=body) as reply:
            await reply.read()
            decided.append(reply.status)

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, headers={"authorization": f"Bearer {key}"}
    ) as session:
        calls = [asyncio.create_task(ask(session)) for _ in range(CALLS)]
        for _ in range(600):
            if len(decided) == CALLS - 10:
                break
            await asyncio.sleep(0.05)
        refused = len(decided)
        await asyncio.sleep(0.5)
        assert len(decided) == refused == CALLS - 10, "exactly ten calls should be waiting with a hold"
        gate.touch()
        await asyncio.gather(*calls)
    return decided


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_wallet_that_affords_ten_serves_exactly_ten_of_200_at_once(kind, request, tmp_path):
    database = request.getfixturevalue("postgres_database_url") if kind == "postgres" else None
    gate = tmp_path / "gate"
    with RunningGateway(tmp_path, gated(gate), database=database) as gateway:
        key = gateway.account(credits="1")
        gateway.start()
        body = {"model": "echo", "messages": [{"role": "user", "content": MESSAGE}], "max_tokens": 16}
        quote = gateway.request("POST", "/v1/quote", body, key=key)[1]
        # the wallet is made to hold what ten calls can cost at most, and not a micro-credit more
        exact = Decimal(quote["max_cost"]) * 10
        gateway.cli("credits", "grant", "ada@example.com", str(exact - 1), "--reason", "exactly ten")
        statuses = asyncio.run(ask_all(gateway, key, gate))
        assert (statuses.count(200), statuses.count(402)) == (10, CALLS - 10)
        balance = gateway.json("credits", "balance", "ada@example.com")
        assert Decimal(balance["balance"]) >= 0
        assert balance["held"] == "0"
        verified = gateway.cli("ledger", "verify", check=False)
        assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_refusal_says_what_is_affordable(tmp_path):
    with RunningGateway(tmp_path, gated(tmp_path / "gate")) as gateway:
        key = gateway.account(credits="0.01")
        gateway.start()
        status, reply, headers = gateway.chat(key, max_tokens=100_000)
        assert status == 402
        assert reply["error"]["code"] == "insufficient_credit"
        assert "0.01" in reply["error"]["message"]
        assert headers["x-should-retry"] == "false"


def test_clamp_lowers_the_output_cap_to_what_is_affordable_and_says_so(tmp_path):
    toml = gated(tmp_path / "gate").replace('"reject"', '"clamp"')
    (tmp_path / "gate").touch()
    with RunningGateway(tmp_path, toml) as gateway:
        key = gateway.account(credits="2")
        gateway.start()
        status, reply, headers = gateway.chat(key, "word " * 3000, max_tokens=100_000)
        assert status == 200, reply
        cap = int(headers["x-pixapi-output-cap"])
        assert 256 <= cap < 1000
        assert reply["usage"]["completion_tokens"] <= cap
        assert reply["choices"][0]["finish_reason"] == "length"
        assert Decimal(gateway.json("credits", "balance", "ada@example.com")["balance"]) >= 0


def test_clamp_refuses_below_the_least_output(tmp_path):
    toml = gated(tmp_path / "gate").replace('"reject"', '"clamp"')
    with RunningGateway(tmp_path, toml) as gateway:
        key = gateway.account(credits="0.1")
        gateway.start()
        assert gateway.chat(key, "hi", max_tokens=100_000)[0] == 402


def test_a_budget_holds_across_rotations_of_its_key(tmp_path):
    (tmp_path / "gate").touch()
    with RunningGateway(tmp_path, gated(tmp_path / "gate")) as gateway:
        gateway.account()
        made = gateway.json("keys", "create", "ada@example.com", "--title", "t", "--budget", "0.05")
        gateway.start()
        secrets = [made["key"]]
        for _ in range(2):
            assert gateway.chat(secrets[0], MESSAGE, max_tokens=16)[0] == 200
            secrets.append(gateway.json("keys", "rotate", made["id"], "--overlap", "1h")["key"])
        working, refused, served = list(secrets), [], 0
        while working and served < 100:
            for secret in list(working):
                status, reply, _ = gateway.chat(secret, MESSAGE, max_tokens=16)
                served += status == 200
                if status != 200:
                    refused.append(reply["error"]["code"])
                    working.remove(secret)
        assert refused == ["key_budget_exceeded"] * 3
        spent = Decimal(1000) - Decimal(gateway.json("credits", "balance", "ada@example.com")["balance"])
        assert 0 < spent <= Decimal("0.05")
        key = next(row for row in gateway.json("keys", "list") if row["id"] == made["id"])
        assert Decimal(key["spent"]) == spent
        assert gateway.cli("ledger", "verify", check=False).returncode == 0
