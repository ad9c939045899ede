"""A rate per minute, counted in two numbers.

Time is cut into windows of 60 s that begin at whole minutes. What happened in the last 60 s is taken to be
this window's count and that part of the one before which the 60 s still cover, as if it had been spread
evenly::

    |  previous = 80  |  current = 30  |         now is 15 s into the window:
    |----------|######|######|         |         30 + 80 * 45/60 = 90
               45 s      15 s

The estimate is exact for an even flow. For bursts it errs: a key that used a whole minute's allowance at once
at the end of a window gets it back evenly over the next 60 s, not all of it when they have passed. In any one
window no more than the limit gets through. Pure; times are seconds of a clock that all who share a count
agree on.
"""

from __future__ import annotations

WINDOW_S = 60


class Window:
    """The count of one thing for one key."""

    __slots__ = ("current", "index", "previous")

    def __init__(self) -> None:
        self.index = 0
        self.current = 0
        self.previous = 0

    def roll(self, now_s: float) -> float:
        """Move on to the window of ``now_s``; the part of the one before that still counts, from 1 down to 0.

        Where the clock went back, the window stays and the one before it counts in full.
        """
        index = now_s // WINDOW_S
        ahead = index - self.index
        if ahead > 0:
            self.previous = self.current if ahead == 1 else 0
            self.current = 0
            self.index = int(index)
        elif ahead < 0:
            return 1.0
        return 1.0 - (now_s - index * WINDOW_S) / WINDOW_S

    def wait_s(self, weight: float, cost: int, limit: int) -> float:
        """How long until ``cost`` more fits under ``limit``; 0 if it fits now.

        ``weight`` is what `roll` returned. With ``cost`` above ``limit`` it never does; the answer is then a
        whole window.
        """
        if self.current + self.previous * weight + cost <= limit:
            return 0.0
        if cost > limit:
            return float(WINDOW_S)
        room = limit - cost - self.current
        if room >= 0:
            # The one before fades far enough within this window.
            return (weight - room / self.previous) * WINDOW_S
        # This window is over, has become the one before, and fades in its turn.
        return (weight + 1.0 - (limit - cost) / self.current) * WINDOW_S

    def correct(self, index: int, by: int) -> None:
        """Change what was counted in window ``index`` by a call that turned out larger or smaller.

        It is changed where it was counted; what no longer counts stays as it was.
        """
        if index == self.index:
            self.current = max(0, self.current + by)
        elif index == self.index - 1:
            self.previous = max(0, self.previous + by)
