"""The limiter of one process."""

import pytest

from pixapi.clock import ManualClock
from pixapi.errors import RateLimited, TooLarge
from pixapi.limits import MemoryLimiter, Scope

MINUTE_US = 60_000_000


def scope(key_id: str = "key_a", requests: int = 3, tokens: int = 1000, calls: int = 2) -> Scope:
    return Scope(key_id, requests, tokens, calls)


def limiter() -> tuple[MemoryLimiter, ManualClock]:
    clock = ManualClock(30_000_000 * MINUTE_US)
    return MemoryLimiter(clock), clock


async def test_calls_at_once_are_exact() -> None:
    limits, _ = limiter()
    first = await limits.enter(scope(), 1)
    await limits.enter(scope(), 1)
    with pytest.raises(RateLimited, match="2 calls running at once"):
        await limits.enter(scope(), 1)
    first.leave(1)
    first.leave(1)
    await limits.enter(scope(), 1)
    with pytest.raises(RateLimited):
        await limits.enter(scope(requests=100), 1)


async def test_requests_a_minute_and_when_to_come_back() -> None:
    limits, clock = limiter()
    for _ in range(3):
        (await limits.enter(scope(), 1)).leave(1)
    with pytest.raises(RateLimited, match="3 requests a minute") as refused:
        await limits.enter(scope(), 1)
    wait_s = refused.value.retry_after_s
    assert wait_s is not None
    clock.advance(wait_s - 0.01)
    with pytest.raises(RateLimited):
        await limits.enter(scope(), 1)
    clock.advance(0.02)
    (await limits.enter(scope(), 1)).leave(1)


async def test_tokens_count_as_asked_until_they_are_known() -> None:
    limits, _ = limiter()
    first = await limits.enter(scope(), 900)
    with pytest.raises(RateLimited, match="1000 tokens a minute"):
        await limits.enter(scope(), 200)
    first.leave(100)
    second = await limits.enter(scope(), 900)
    second.leave(None)
    with pytest.raises(RateLimited):
        await limits.enter(scope(), 1)


async def test_a_refused_call_consumes_nothing() -> None:
    limits, _ = limiter()
    first = await limits.enter(scope(), 900)
    for _ in range(10):
        with pytest.raises(RateLimited):
            await limits.enter(scope(), 200)
    await limits.enter(scope(), 100)
    first.leave(900)
    await limits.enter(scope(), 0)


async def test_a_cancelled_call_consumes_nothing() -> None:
    limits, _ = limiter()
    for _ in range(10):
        limits.enter_now(scope(), 1000).cancel()
    limits.enter_now(scope(), 1000)


async def test_a_call_larger_than_a_minute_is_told_so() -> None:
    limits, _ = limiter()
    with pytest.raises(TooLarge, match="up to 1001 tokens"):
        await limits.enter(scope(), 1001)


async def test_keys_are_apart() -> None:
    limits, _ = limiter()
    for name in ("key_a", "key_b"):
        for _ in range(2):
            await limits.enter(scope(name), 500)


async def test_idle_keys_are_dropped_and_busy_ones_kept() -> None:
    limits, clock = limiter()
    busy = await limits.enter(scope("busy"), 1)
    for n in range(1000):
        (await limits.enter(scope(f"key_{n}"), 1)).leave(1)
    assert len(limits) == 1001
    clock.advance(300)
    await limits.enter(scope("new"), 1)
    assert len(limits) == 2
    await limits.enter(scope("busy"), 1)
    with pytest.raises(RateLimited, match="at once"):
        await limits.enter(scope("busy"), 1)
    busy.leave(1)
    await limits.enter(scope("busy"), 1)


async def test_a_lowered_limit_holds_for_what_was_counted_before() -> None:
    limits, _ = limiter()
    for _ in range(3):
        (await limits.enter(scope(requests=10), 1)).leave(1)
    with pytest.raises(RateLimited):
        await limits.enter(scope(requests=3), 1)
    await limits.enter(scope(requests=4), 1)
