"""The ledger's thread: what it is told to do comes back to the loop, and the loop can wait for it to have begun."""

import asyncio
from collections.abc import AsyncGenerator
from threading import Event, get_ident

import pytest
import pytest_asyncio

from pixapi.ledger.worker import Worker


@pytest_asyncio.fixture
async def worker() -> AsyncGenerator[Worker]:
    worker = Worker(asyncio.get_running_loop(), "under-test")
    yield worker
    await worker.end(5)


async def test_work_is_done_in_the_thread_and_its_outcome_comes_back(worker: Worker) -> None:
    assert await worker.do(get_ident) != get_ident()
    assert await worker.begin(get_ident) != get_ident()


@pytest.mark.parametrize("how", ["do", "begin"])
async def test_a_failure_comes_back_and_the_thread_goes_on(worker: Worker, how: str) -> None:
    with pytest.raises(ZeroDivisionError):
        await getattr(worker, how)(lambda: 1 // 0)
    assert await worker.do(lambda: "next") == "next"


async def test_what_begins_has_begun_when_the_loop_goes_on(worker: Worker) -> None:
    begun_at_once = 0
    for _ in range(50):
        begun, go_on = Event(), Event()

        def work(begun: Event = begun, go_on: Event = go_on) -> bool:
            begun.set()
            return go_on.wait(10)

        working = worker.begin(work)
        begun_at_once += (
            begun.is_set()
        )  # the loop has not turned, and the interpreter's lock was not given away
        go_on.set()
        assert await working
    assert begun_at_once > 10  # `begin` has no patience with a machine that has no time for the thread


async def test_a_thread_that_is_busy_does_not_hold_the_loop_up(worker: Worker) -> None:
    go_on = Event()
    busy = worker.do(lambda: go_on.wait(10))
    second = worker.begin(lambda: "second")  # would wait for ever, were it to wait for the thread
    go_on.set()
    assert await busy
    assert await second == "second"


async def test_works_are_done_one_after_the_other(worker: Worker) -> None:
    done: list[int] = []
    works = [
        (worker.begin if number % 3 else worker.do)(lambda number=number: done.append(number))
        for number in range(100)
    ]
    await asyncio.gather(*works)
    assert done == [*range(100)]
