"""Limits within one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixapi.limits.scope import Scope, too_many_calls, too_many_requests, too_many_tokens
from pixapi.limits.window import WINDOW_S, Window

if TYPE_CHECKING:
    from pixapi.clock import Clock

IDLE_S = 2 * WINDOW_S
"""Longer than this unused, a key's counts are zero by themselves."""


class Counts:
    """What one key has under way and has used."""

    __slots__ = ("active", "requests", "tokens")

    def __init__(self) -> None:
        self.active = 0
        self.requests = Window()
        self.tokens = Window()


class MemoryTicket:
    """A slot in this process."""

    __slots__ = ("_counts", "_left", "_tokens", "_window")

    def __init__(self, counts: Counts, tokens: int) -> None:
        self._counts = counts
        self._tokens = tokens
        self._window = counts.tokens.index
        self._left = False

    def leave(self, tokens_used: int | None) -> None:
        if self._left:
            return
        self._left = True
        self._counts.active -= 1
        if tokens_used is not None and tokens_used != self._tokens:
            self._counts.tokens.correct(self._window, tokens_used - self._tokens)

    def cancel(self) -> None:
        """Leave as if the call had never entered."""
        if not self._left:
            self.leave(0)
            self._counts.requests.correct(self._window, -1)


class MemoryLimiter:
    """Counts in a dict, a few hundred bytes for each key used in the last two minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: dict[str, Counts] = {}
        self._next_sweep_s = 0.0

    async def enter(self, scope: Scope, tokens: int) -> MemoryTicket:
        """As `pixapi.limits.Limiter.enter`."""
        return self.enter_now(scope, tokens)

    def enter_now(self, scope: Scope, tokens: int) -> MemoryTicket:
        """The same without a wait; it needs none."""
        now_s = self._clock.now_us() / 1_000_000
        counts = self._keys.get(scope.key_id)
        if counts is None:
            counts = self._admit_key(scope.key_id, now_s)
        if counts.active >= scope.concurrent_requests:
            raise too_many_calls(scope)
        weight = counts.requests.roll(now_s)
        wait_s = counts.requests.wait_s(weight, 1, scope.requests_per_minute)
        if wait_s > 0:
            raise too_many_requests(scope, wait_s)
        weight = counts.tokens.roll(now_s)
        wait_s = counts.tokens.wait_s(weight, tokens, scope.tokens_per_minute)
        if wait_s > 0:
            raise too_many_tokens(scope, tokens, wait_s)
        counts.active += 1
        counts.requests.current += 1
        counts.tokens.current += tokens
        return MemoryTicket(counts, tokens)

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._keys)

    def _admit_key(self, key_id: str, now_s: float) -> Counts:
        if now_s >= self._next_sweep_s:
            oldest = (now_s - IDLE_S) // WINDOW_S
            self._keys = {k: c for k, c in self._keys.items() if c.active or c.requests.index >= oldest}
            self._next_sweep_s = now_s + IDLE_S
        counts = self._keys[key_id] = Counts()
        return counts
