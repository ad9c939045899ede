"""Work on bodies of many megabytes, away from the event loop.

It is the interpreter's own work (JSON read and written), which only one thread can do at a time, tens of milliseconds
without a pause. Several such threads would stand between the loop and its turn, and each would hold copies of its body;
so one works, and the others wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Heavy:
    """Runs one piece of such work at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> T:
        """``work(*arguments)``, in a thread, when it is its turn."""
        async with self._turn:
            return await asyncio.to_thread(work, *arguments, **more)
