"""What the ledger tells whoever keeps metrics."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Called from the ledger's threads; must not block."""

    def ledger_batch(self, operations: int, seconds: float) -> None:
        """A transaction of ``operations`` was committed in ``seconds``."""
        ...

    def spooled(self, count: int = 1) -> None:
        """``count`` orders went to the spool."""
        ...

    def reaped(self, count: int) -> None:
        """``count`` holds of dead processes were voided."""
        ...


class NoMeter:
    """A `Meter` that nobody reads."""

    def ledger_batch(self, operations: int, seconds: float) -> None:
        return None

    def spooled(self, count: int = 1) -> None:
        return None

    def reaped(self, count: int) -> None:
        return None
