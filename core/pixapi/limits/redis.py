"""Limits that several processes share, by way of Redis.

A call first enters the process's own `MemoryLimiter`: what one process alone uses up is refused without a
round trip. Then one script on Redis decides for all processes and counts, in a single step. Each call holds a
lease there that this process renews while it lasts; the leases of a killed process lapse within `LEASE_S`.

When Redis does not answer within `TIMEOUT_S`, calls go on under the process's own limits: a deployer who
shares limits over N processes then allows up to N times as much, but nobody is turned away because a cache is
down, and money is held and settled as strictly as ever. `degraded` and the log say so. Redis is tried again
each second in the background; when it is back, leases are renewed and calls that ended meanwhile leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from typing import TYPE_CHECKING

from pixapi.ids import new_id
from pixapi.limits.courier import Command, Courier
from pixapi.limits.memory import MemoryLimiter, MemoryTicket
from pixapi.limits.scope import Scope, Ticket, too_many_calls, too_many_requests, too_many_tokens
from pixapi.limits.scripts import ENTER, LEAVE, RENEW
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pixapi.clock import Clock

TIMEOUT_S = 0.5
LEASE_S = 30
RENEW_S = 10
RETRY_S = 1
OWED_MAX = 10_000
_RENEW_AT_ONCE = 500
_SLOTS, _REQUESTS, _TOKENS = 1, 2, 3

log = logger("limits")


class SharedTicket:
    """A slot among all processes."""

    __slots__ = ("_left", "_limiter", "_local", "_tokens", "key_id", "lease", "window")

    def __init__(
        self, limiter: RedisLimiter, local: MemoryTicket, key_id: str, lease: str, tokens: int
    ) -> None:
        self._limiter = limiter
        self._local = local
        self._tokens = tokens
        self._left = False
        self.key_id = key_id
        self.lease = lease
        self.window = 0

    def leave(self, tokens_used: int | None) -> None:
        if not self._left:
            self._left = True
            self._local.leave(tokens_used)
            self._limiter.release(self, 0 if tokens_used is None else tokens_used - self._tokens)

    def cancel(self) -> None:
        """Leave as if the call had never entered."""
        if not self._left:
            self._left = True
            self._local.cancel()
            self._limiter.release(self, -self._tokens, requests=-1)


class RedisLimiter:
    """The limits of one process among several. `start` before use."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._memory = MemoryLimiter(clock)
        self._courier = Courier(url, timeout_s=TIMEOUT_S, on_away=self._lose)
        self._owner = new_id("lim")
        self._serial = itertools.count()
        self._leases: dict[str, dict[str, SharedTicket]] = {}
        self._owed: deque[Command] = deque(maxlen=OWED_MAX)
        self._tasks: list[asyncio.Task[None]] = []
        self._lost = asyncio.Event()
        self._stopping = False
        self.degraded = True
        """Redis is away, and this process limits for itself."""
        self.decided_alone = 0
        """Calls that were let in while Redis was away."""

    async def start(self) -> None:
        """Connect. A Redis that does not answer is no reason not to start."""
        if await self._courier.reach():
            self.degraded = False
        else:
            log.warning("limits_redis_away", advice="each process limits for itself until Redis answers")
        self._tasks = [
            asyncio.create_task(self._courier.run(), name="limits-courier"),
            asyncio.create_task(self._renew(), name="limits-renew"),
        ]

    async def stop(self) -> None:
        """Disconnect; leases that are left lapse."""
        self._stopping = True
        self._courier.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._courier.close()

    async def enter(self, scope: Scope, tokens: int) -> Ticket:
        """As `pixapi.limits.Limiter.enter`."""
        local = self._memory.enter_now(scope, tokens)
        if self.degraded:
            self.decided_alone += 1
            return local
        ticket = SharedTicket(self, local, scope.key_id, f"{self._owner}:{next(self._serial)}", tokens)
        reply: asyncio.Future[list[int] | None] = asyncio.get_running_loop().create_future()
        self._courier.send(self._enter_command(scope, ticket.lease, tokens, reply))
        try:
            verdict = await reply
        except asyncio.CancelledError:
            ticket.cancel()
            raise
        if verdict is None:
            # It may have been counted there before the connection broke: that is taken back when Redis
            # answers.
            self.release(ticket, -tokens, requests=-1)
            self.decided_alone += 1
            return local
        code, wait_ms, ticket.window = verdict
        if code:
            local.cancel()
            if code == _SLOTS:
                raise too_many_calls(scope)
            if code == _REQUESTS:
                raise too_many_requests(scope, wait_ms / 1000)
            raise too_many_tokens(scope, tokens, wait_ms / 1000)
        self._leases.setdefault(scope.key_id, {})[ticket.lease] = ticket
        return ticket

    def release(self, ticket: SharedTicket, tokens: int, *, requests: int = 0) -> None:
        """Give a lease back and add to the counts (less than nothing, as a rule). For tickets."""
        leases = self._leases.get(ticket.key_id)
        if leases is not None:
            leases.pop(ticket.lease, None)
            if not leases:
                del self._leases[ticket.key_id]
        command = Command(LEAVE, _names(ticket.key_id), (ticket.lease, ticket.window, tokens, requests))
        if self.degraded:
            self._owed.append(command)
        else:
            self._courier.send(command)

    def _enter_command(
        self, scope: Scope, lease: str, tokens: int, reply: asyncio.Future[list[int] | None]
    ) -> Command:
        limits = (scope.requests_per_minute, scope.tokens_per_minute, scope.concurrent_requests)
        return Command(ENTER, _names(scope.key_id), (lease, tokens, *limits, LEASE_S * 1000), reply)

    async def _renew(self) -> None:
        """Renew the leases every ten seconds; while Redis is away, try it every second."""
        while not self._stopping:
            await self._pause()
            if self.degraded:
                if not await self._courier.reach():
                    continue
                self.degraded = False
                log.info("limits_redis_back")
                while self._owed:
                    self._courier.send(self._owed.popleft())
            for key_id, leases in self._leases.items():
                names = list(leases)
                for at in range(0, len(names), _RENEW_AT_ONCE):
                    some = names[at : at + _RENEW_AT_ONCE]
                    self._courier.send(Command(RENEW, _names(key_id)[1:], (LEASE_S * 1000, *some)))

    async def _pause(self) -> None:
        if self.degraded:
            await asyncio.sleep(RETRY_S)
            return
        self._lost.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._lost.wait(), RENEW_S)

    def _lose(self, error: Exception, unanswered: Sequence[Command]) -> None:
        # Leaving twice is leaving once, so that this may be repeated.
        self._owed.extend(command for command in unanswered if command.script is LEAVE)
        if not self.degraded:
            self.degraded = True
            self._lost.set()
            log.warning(
                "limits_redis_away",
                error=type(error).__name__,
                advice="each process limits for itself until Redis answers",
            )


def _names(key_id: str) -> tuple[str, str]:
    """A key's two entries. The braces keep them on one node of a cluster."""
    return f"pixapi:limit:{{{key_id}}}:use", f"pixapi:limit:{{{key_id}}}:now"
