"""What Redis counts is what the process counts: both are given the same calls at the same times."""

import uuid

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixapi.clock import ManualClock
from pixapi.errors import RateLimited, TooLarge
from pixapi.limits import Scope
from pixapi.limits.memory import MemoryLimiter, MemoryTicket
from pixapi.limits.scripts import ENTER, LEAVE, NOW

pytestmark = pytest.mark.redis

# The server's clock cannot be moved, so that here the time is one more argument.
ENTER_AT = ENTER.replace(NOW, "\nlocal now = tonumber(ARGV[7])\n")
LIMITS = (5, 300, 3)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 70_000), st.integers(0, 310), st.sampled_from([None, 0, 10, 150, 400]), st.booleans()
    ),
    min_size=1,
    max_size=30,
)


@given(STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_count_alike(redis_url: str, steps: list[tuple[int, int, int | None, bool]]) -> None:
    client = redis.Redis.from_url(redis_url)
    name = uuid.uuid4().hex
    keys = (f"{name}:use", f"{name}:now")
    clock = ManualClock(29_000_000 * 60_000_000)
    limiter = MemoryLimiter(clock)
    open_calls: list[tuple[MemoryTicket, int, int, int]] = []
    for n, (gap_ms, tokens, used, leave_one) in enumerate(steps):
        clock.advance(gap_ms / 1000)
        now_ms = clock.now_us() // 1000
        verdict = client.eval(ENTER_AT, 2, *keys, n, tokens, *LIMITS, 10**9, now_ms)
        assert isinstance(verdict, list)
        code, wait_ms, window = verdict
        try:
            ticket = limiter.enter_now(Scope("key", *LIMITS), tokens)
        except RateLimited as refused:
            agrees = code == 1 or refused.retry_after_s == pytest.approx(wait_ms / 1000, abs=0.002)
            assert code in (1, 2, 3)
            assert agrees
        except TooLarge:
            assert code == 3
        else:
            assert code == 0
            open_calls.append((ticket, n, window, tokens))
        if leave_one and open_calls:
            ticket, lease, window, tokens = open_calls.pop(0)
            ticket.leave(used)
            added = 0 if used is None else used - tokens
            assert client.eval(LEAVE, 2, *keys, lease, window, added, 0) == 1
            assert client.eval(LEAVE, 2, *keys, lease, window, added, 0) == 0
    client.close()
