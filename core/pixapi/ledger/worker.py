"""The one thread in which the ledger waits for its database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

T = TypeVar("T")

_TO_BEGIN_S = 0.002
"""The loop waits no longer for the thread to begin; then for the interpreter's lock, as after any wait. Usually it is a
tenth of a millisecond together.
"""


class Worker:
    """Does one thing at a time for one event loop.

    A daemon, and not of the loop's executor: both would wait, at exit, for a database that is dead.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._queue: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._began = Lock()
        """Released whenever the thread has taken something up."""
        self._began.acquire()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """What ``work`` returns or raises. Cancelling it forgets the outcome; the work goes on."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put((future, work))
        return future

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """As `do`, and the thread has taken it up: it waits for the database while the loop does other things.

        Without that the loop, which holds the interpreter's lock and, on one core, the core, would first do those. With
        nothing to do meanwhile `do` is cheaper.
        """
        self._began.acquire(blocking=False)
        future = self.do(work)
        self._began.acquire(timeout=_TO_BEGIN_S)
        return future

    async def end(self, patience_s: float) -> None:
        """Let it finish what it was given; waits so long at most."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, patience_s)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            future, work = item
            if self._began.locked():
                self._began.release()
            outcome: Any = None
            failure: BaseException | None = None
            try:
                outcome = work()
            except BaseException as error:  # noqa: BLE001 - it is raised where the outcome is awaited
                failure = error
            with suppress(RuntimeError):  # the loop was closed: nobody is left to tell
                self._loop.call_soon_threadsafe(_tell, future, outcome, failure)


def _tell(future: asyncio.Future[Any], outcome: Any, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(outcome)
    else:
        future.set_exception(failure)
