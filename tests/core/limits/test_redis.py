"""Limits shared through a real Redis."""

import asyncio
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis.asyncio

from pixapi.clock import SystemClock
from pixapi.errors import RateLimited, TooLarge
from pixapi.limits import Scope
from pixapi.limits.redis import RedisLimiter

pytestmark = pytest.mark.redis

CONTENDER = """
import asyncio, sys
from pixapi.clock import SystemClock
from pixapi.errors import RateLimited
from pixapi.limits import Scope
from pixapi.limits.redis import RedisLimiter

async def main():
    url, key, requests, calls, tries, hold = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    limiter = RedisLimiter(url, SystemClock())
    await limiter.start()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    async def attempt():
        try:
            return await limiter.enter(Scope(key, requests, 10**9, calls), 10)
        except RateLimited:
            return None
    tickets = [t for t in await asyncio.gather(*(attempt() for _ in range(tries))) if t]
    if not hold:
        for ticket in tickets:
            ticket.leave(10)
    print(len(tickets), limiter.decided_alone, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await limiter.stop()

asyncio.run(main())
"""


def scope(key: str, requests: int = 1000, tokens: int = 1000, calls: int = 50) -> Scope:
    return Scope(key, requests, tokens, calls)


@pytest.fixture
def key() -> str:
    return f"key_{uuid.uuid4().hex}"


@asynccontextmanager
async def running(url: str) -> AsyncIterator[RedisLimiter]:
    limiter = RedisLimiter(url, SystemClock())
    await limiter.start()
    try:
        yield limiter
    finally:
        await limiter.stop()


async def refused(limiter: RedisLimiter, wanted: Scope, tokens: int = 1) -> RateLimited:
    with pytest.raises(RateLimited) as error:
        await limiter.enter(wanted, tokens)
    return error.value


def contend(
    url: str, key: str, *, requests: int, calls: int, tries: int, hold: bool
) -> list[subprocess.Popen[str]]:
    """Two processes that try to enter at the same moment."""
    line = [sys.executable, "-c", CONTENDER, url, key, *map(str, (requests, calls, tries, int(hold)))]
    pair = [
        subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in pair:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in pair:
        go_on(process)
    return pair


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def admitted(pair: list[subprocess.Popen[str]]) -> int:
    total = 0
    for process in pair:
        assert process.stdout is not None
        count, alone = map(int, process.stdout.readline().split())
        assert alone == 0
        total += count
    return total


def end(pair: list[subprocess.Popen[str]]) -> None:
    for process in pair:
        process.communicate("\n", timeout=30)


async def test_two_processes_share_the_slots_exactly(redis_url: str, key: str) -> None:
    pair = contend(redis_url, key, requests=10_000, calls=37, tries=200, hold=True)
    assert admitted(pair) == 37
    async with running(redis_url) as limiter:
        assert "at once" in (await refused(limiter, scope(key, 10_000, calls=37))).message
    end(pair)


async def test_two_processes_share_the_rate_within_five_percent(redis_url: str, key: str) -> None:
    pair = contend(redis_url, key, requests=1000, calls=5000, tries=1500, hold=False)
    assert 950 <= admitted(pair) <= 1050
    end(pair)


async def test_the_slots_of_a_killed_process_lapse(redis_url: str, key: str) -> None:
    pair = contend(redis_url, key, requests=10_000, calls=10, tries=20, hold=True)
    assert admitted(pair) == 10
    for process in pair:
        process.kill()
        process.communicate(timeout=30)
    async with running(redis_url) as limiter, redis.asyncio.Redis.from_url(redis_url) as client:
        await refused(limiter, scope(key, calls=10))
        name = f"pixapi:limit:{{{key}}}:now"
        lapses_in_ms = await client.pttl(name)
        assert 0 < lapses_in_ms <= 30_000
        # Rather than wait for them, put the leases' ends into the past.
        for lease in await client.zrange(name, 0, -1):
            await client.zadd(name, {lease: 1})
        await limiter.enter(scope(key, calls=10), 1)


async def test_leaving_frees_the_slot_for_the_next_call(redis_url: str, key: str) -> None:
    async with running(redis_url) as limiter:
        for _ in range(50):
            ticket = await limiter.enter(scope(key, calls=1), 1)
            ticket.leave(1)
            ticket.leave(1)


async def test_a_refused_call_consumes_nothing(redis_url: str, key: str) -> None:
    async with running(redis_url) as one, running(redis_url) as two:
        await one.enter(scope(key, requests=3, calls=2), 900)
        for limiter in (one, two):
            assert (
                "1000 tokens a minute"
                in (await refused(limiter, scope(key, requests=3, calls=2), 200)).message
            )
        second = await two.enter(scope(key, requests=3, calls=2), 50)
        for limiter in (one, two):
            assert "at once" in (await refused(limiter, scope(key, requests=3, calls=2))).message
        second.leave(0)
        await asyncio.sleep(0)
        last = await two.enter(scope(key, requests=3, calls=2), 100)
        last.leave(0)
        for limiter in (two, one):
            error = await refused(limiter, scope(key, requests=3, calls=2))
            assert "3 requests a minute" in error.message
            assert error.retry_after_s is not None
            assert 0 < error.retry_after_s <= 120


async def test_tokens_are_corrected_for_everybody(redis_url: str, key: str) -> None:
    async with running(redis_url) as one, running(redis_url) as two:
        first = await one.enter(scope(key), 1000)
        await refused(two, scope(key), 1)
        first.leave(100)
        # Its own commands go in order, so that after this the correction is there for the other too.
        (await one.enter(scope(key), 0)).leave(0)
        (await two.enter(scope(key), 900)).leave(900)
        with pytest.raises(TooLarge):
            await two.enter(scope(key), 1001)


async def test_a_caller_who_leaves_while_asking_leaves_nothing_behind(redis_url: str, key: str) -> None:
    async with running(redis_url) as limiter:
        for _ in range(20):
            asking = asyncio.create_task(limiter.enter(scope(key, requests=1, calls=1), 1000))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        await limiter.enter(scope(key, requests=1, calls=1), 1000)


async def test_a_server_that_forgot_the_scripts(redis_url: str, key: str) -> None:
    async with running(redis_url) as limiter, redis.asyncio.Redis.from_url(redis_url) as client:
        (await limiter.enter(scope(key), 1)).leave(1)
        await client.script_flush()
        tickets = await asyncio.gather(*(limiter.enter(scope(key), 1) for _ in range(20)))
        assert not limiter.degraded
        for ticket in tickets:
            ticket.leave(1)


async def test_without_redis_each_process_limits_for_itself(key: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with running(f"redis://127.0.0.1:{closed.getsockname()[1]}/0") as limiter:
            assert limiter.degraded
            ticket = await limiter.enter(scope(key, calls=1), 1)
            await refused(limiter, scope(key, calls=1))
            ticket.leave(1)
            await limiter.enter(scope(key, calls=1), 1)
            assert limiter.decided_alone == 2


@pytest.fixture
def own_redis(tmp_path: Path) -> Callable[[int], subprocess.Popen[bytes]]:
    """Starts a Redis of the test's own on a port; the test ends it."""

    def start(port: int) -> subprocess.Popen[bytes]:
        line = [
            "redis-server",
            "--bind",
            "127.0.0.1",
            "--port",
            str(port),
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        server = subprocess.Popen(line, stdout=subprocess.DEVNULL, cwd=tmp_path)
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return server

    return start


async def test_redis_goes_away_and_comes_back(
    redis_url: str, key: str, own_redis: Callable[[int], subprocess.Popen[bytes]]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = own_redis(port)
    try:
        async with running(f"redis://127.0.0.1:{port}/0") as limiter:
            kept = await limiter.enter(scope(key, calls=3), 1)
            ended = await limiter.enter(scope(key, calls=3), 1)
            server.kill()
            server.wait()
            # Nobody waits for ever, nobody is refused, and this process's own limit still holds.
            during = await limiter.enter(scope(key, calls=3), 1)
            assert limiter.degraded
            await refused(limiter, scope(key, calls=3))
            ended.leave(1)
            during.leave(1)
            server = own_redis(port)
            async with asyncio.timeout(30):
                while limiter.degraded:  # noqa: ASYNC110 - what is waited for happens in another process
                    await asyncio.sleep(0.05)
            # The restarted server has forgotten all leases; the one that lasts is known again.
            async with running(f"redis://127.0.0.1:{port}/0") as other:
                (await limiter.enter(scope(key, calls=3), 1)).leave(1)
                assert "at once" in (await refused(other, scope(key, calls=1))).message
                kept.leave(1)
                (await limiter.enter(scope(key, calls=3), 1)).leave(1)
                await other.enter(scope(key, calls=1), 1)
    finally:
        server.kill()
        server.wait()


async def test_a_redis_that_says_nothing_holds_nobody_up(key: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, running(f"redis://127.0.0.1:{port}/0") as limiter:
        tickets = await asyncio.gather(*(limiter.enter(scope(key), 1) for _ in range(30)))
        assert limiter.degraded
        assert len(tickets) == 30
