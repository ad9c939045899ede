"""Where the time comes from.

Everything that needs the time takes a `Clock`, so that a test can hold it still or move it on.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time: wall-clock microseconds for what is stored, monotonic seconds for durations."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    monotonic_s = staticmethod(time.monotonic)


class ManualClock:
    """A clock that moves only when told to; for tests."""

    def __init__(self, now_us: int = 1_750_000_000_000_000) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def monotonic_s(self) -> float:
        return self._now_us / 1_000_000

    def advance(self, seconds: float) -> None:
        self._now_us += round(seconds * 1_000_000)


def as_datetime(at_us: int) -> datetime:
    """The stored microseconds as an aware UTC datetime."""
    return datetime.fromtimestamp(at_us / 1_000_000, tz=UTC)


def iso(at_us: int | None) -> str | None:
    """RFC 3339 with seconds, as replies and `--json` print times; None stays None."""
    return None if at_us is None else as_datetime(at_us).strftime("%Y-%m-%dT%H:%M:%SZ")


def month_of(at_us: int) -> int:
    """The beginning of the UTC month that the moment lies in, in microseconds."""
    first = as_datetime(at_us).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(first.timestamp()) * 1_000_000
