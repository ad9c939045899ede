"""What is noted of a call when it is over waits for a moment of leisure, but not for long."""

import asyncio
import logging
from contextlib import suppress
from functools import partial

import pytest

from pixapi.telemetry.afterwards import DUE_S, Afterwards


async def test_work_waits_until_somebody_has_time_for_it() -> None:
    afterwards, done = Afterwards(asyncio.get_running_loop()), list[str]()
    afterwards.put(partial(done.append, "one"))
    afterwards.put(partial(done.append, "two"))
    assert done == []
    afterwards.do()
    assert done == ["one", "two"]
    afterwards.do()
    assert done == ["one", "two"]


async def test_work_is_done_soon_if_nobody_ever_has_time() -> None:
    afterwards, done = Afterwards(asyncio.get_running_loop()), asyncio.Event()
    for _ in range(2):  # the timer starts anew
        done.clear()
        afterwards.put(done.set)
        await asyncio.wait_for(done.wait(), 100 * DUE_S)


async def test_much_work_does_not_wait() -> None:
    afterwards, done = Afterwards(asyncio.get_running_loop()), list[int]()
    for number in range(1000):
        afterwards.put(partial(done.append, number))
        assert number - len(done) < 64
    afterwards.do()
    assert done == [*range(1000)]


async def test_work_that_fails_is_logged_and_keeps_nobody_else_from_being_noted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    afterwards, done = Afterwards(asyncio.get_running_loop()), list[str]()

    def fails() -> None:
        raise ValueError("no such metric")

    afterwards.put(fails)
    afterwards.put(partial(done.append, "the other"))
    with caplog.at_level(logging.ERROR):
        afterwards.do()
    assert done == ["the other"]
    assert "no such metric" in caplog.text


async def test_where_even_the_log_fails_the_other_works_are_not_lost() -> None:
    afterwards, done = Afterwards(asyncio.get_running_loop()), list[str]()

    class Unprintable:
        def __repr__(self) -> str:
            raise RuntimeError("unprintable")

    def fails() -> None:
        raise ValueError(Unprintable())

    afterwards.put(fails)
    afterwards.put(partial(done.append, "the other"))
    with suppress(RuntimeError):
        afterwards.do()
    afterwards.do()
    assert done == ["the other"]


async def test_work_that_brings_more_has_it_done_the_next_time() -> None:
    afterwards, done = Afterwards(asyncio.get_running_loop()), list[str]()
    afterwards.put(partial(afterwards.put, partial(done.append, "more")))
    afterwards.do()
    assert done == []
    afterwards.do()
    assert done == ["more"]
