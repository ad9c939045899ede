"""Bodies on their way in. A call is limited when its body says what it asks for; until then the body takes room, and a
key that begins many and ends none would take all there is. One that comes at once, as nearly all do, is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from pixapi.errors import RateLimited
from pixapi.limits.scope import SLOT_RETRY_S


class Arrivals:
    """The bodies that one process is receiving, by key."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def one(self, key_id: str, most: int) -> Generator[None]:
        """Around the receiving of a body. Raises RateLimited: ``most`` of the key are under way."""
        under_way = self._under_way
        if under_way[key_id] >= most:
            raise RateLimited(
                f"this API key may send {most} requests at once, and as many are under way; wait for one to arrive",
                retry_after_s=SLOT_RETRY_S,
            )
        under_way[key_id] += 1
        try:
            yield
        finally:
            under_way[key_id] -= 1
            if not under_way[key_id]:
                del under_way[key_id]
