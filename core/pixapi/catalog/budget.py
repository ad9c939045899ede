"""How many attempts a process may add to the calls it has: so that an outage is not multiplied by those who suffer it.

A call's first attempt is free, and so is every one on a route in good health: that one will be served. All else,
the same route once more or one that is on cool-down, is paid for from here: a share of the calls of the last seconds,
and a floor for those who have few.
"""

from __future__ import annotations

HALF_S = 5.0
"""What is counted is between one and two of these old."""


class RetryBudget:
    """Counts calls and retries. Pure: whoever asks says what time it is, in seconds."""

    __slots__ = ("_before", "_calls", "_retries", "_turn_s", "floor_per_s", "share")

    def __init__(self, share: float = 0.2, floor_per_s: float = 5.0) -> None:
        """``share`` of the calls, and ``floor_per_s`` retries a second on top, may be retries."""
        self.share = share
        self.floor_per_s = floor_per_s
        self._calls = 0
        self._retries = 0
        self._before = (0, 0)
        self._turn_s = 0.0

    def called(self, now_s: float) -> None:
        """A call has come."""
        if now_s >= self._turn_s:
            self._turn(now_s)
        self._calls += 1

    def spend(self, now_s: float) -> bool:
        """Whether one more retry is allowed; it counts as made then."""
        if now_s >= self._turn_s:
            self._turn(now_s)
        calls, retries = self._before
        allowed = self.share * (calls + self._calls) + self.floor_per_s * 2 * HALF_S
        if retries + self._retries + 1 > allowed:
            return False
        self._retries += 1
        return True

    def _turn(self, now_s: float) -> None:
        is_next = now_s < self._turn_s + HALF_S
        self._before = (self._calls, self._retries) if is_next else (0, 0)
        self._calls = self._retries = 0
        self._turn_s = now_s + HALF_S
