"""A reply's head leaves with the first of its body."""

from __future__ import annotations

import asyncio

from pixapi.app.protocol import HeadWithBody

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Recorder(asyncio.Transport):
    """Notes what is written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def writelines(self, list_of_data) -> None:
        self.written.append(b"".join(list_of_data))

    def close(self) -> None:
        self.written.append(b"closed")

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.written.append(b"paused")

    def resume_reading(self) -> None:
        self.written.append(b"resumed")


async def written_by(*steps: bytes | None) -> list[bytes]:
    """What leaves at once of what is written; None waits for the next turn of the loop."""
    inner = Recorder()
    outer = HeadWithBody(inner, asyncio.get_running_loop())
    for step in steps:
        if step is None:
            await asyncio.sleep(0)
        elif step == b"close":
            outer.close()
        else:
            outer.write(step)
    return inner.written


def test_head_and_body_leave_together() -> None:
    assert asyncio.run(written_by(HEAD, b"body", b"more", None)) == [HEAD + b"body", b"more"]


def test_a_large_body_leaves_with_its_head_too() -> None:
    large = b"x" * 1_000_000
    assert asyncio.run(written_by(HEAD, large)) == [HEAD + large]


def test_a_head_that_nothing_follows_leaves_in_the_next_turn() -> None:
    assert asyncio.run(written_by(HEAD, None, b"body")) == [HEAD, b"body"]


def test_nothing_is_lost_where_the_connection_is_closed_behind_a_head() -> None:
    assert asyncio.run(written_by(HEAD, b"close", None)) == [HEAD, b"closed"]


def test_replies_that_follow_one_another_keep_their_order() -> None:
    assert asyncio.run(written_by(HEAD, b"1", HEAD, b"2", None)) == [HEAD + b"1", HEAD + b"2"]
