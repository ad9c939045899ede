"""The file where orders wait."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pixapi.ledger.spool import Spool, Spooled


class Sink:
    """Takes slices; refuses while ``broken``."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.slices: list[int] = []
        self.broken = False

    def __call__(self, orders: Sequence[Spooled]) -> None:
        if self.broken:
            raise ConnectionError
        self.slices.append(len(orders))
        self.got += [order.charge_id for order in orders]


def test_in_order_and_in_slices(tmp_path: Path, orders: Any) -> None:
    spool, sink = Spool(tmp_path / "s", "own_1"), Sink()
    assert spool.replay(sink) == 0
    for number in range(250):
        spool.append([orders.settle(f"c{number}", 1) if number % 2 else orders.void(f"c{number}")])
    assert spool.waiting == 250
    assert spool.replay(sink) == 250
    assert sink.got == [f"c{number}" for number in range(250)]
    assert sink.slices == [100, 100, 50]
    assert (spool.waiting, list((tmp_path / "s").iterdir())) == (0, [])


def test_what_failed_is_replayed_again(tmp_path: Path, orders: Any) -> None:
    spool, sink = Spool(tmp_path, "own_1"), Sink()
    spool.append([orders.settle("c1", 1)])
    sink.broken = True
    with pytest.raises(ConnectionError):
        spool.replay(sink)
    assert spool.waiting == 1
    sink.broken = False
    spool.append([orders.settle("c2", 1)])
    spool.replay(sink)
    assert sink.got == ["c1", "c2"]


def test_the_next_start_takes_over_what_the_dead_left(tmp_path: Path, orders: Any) -> None:
    dead, living, sink = Spool(tmp_path, "own_dead"), Spool(tmp_path, "own_living"), Sink()
    dead.append([orders.settle("c1", 1)])
    living.append([orders.settle("c2", 1)])
    dead.close()
    started = Spool(tmp_path, "own_new")
    assert started.adopt(sink) == 1
    assert sink.got == ["c1"]
    assert [path.name for path in tmp_path.iterdir()] == ["own_living.jsonl"]
    living.close()


@pytest.mark.parametrize("torn", [1, 20, 200])
def test_a_torn_last_line_was_never_promised(tmp_path: Path, orders: Any, torn: int) -> None:
    spool, sink = Spool(tmp_path, "own_1"), Sink()
    spool.append([orders.settle("c1", 1)])
    spool.append([orders.settle("c2", 1)])
    spool.close()
    path = tmp_path / "own_1.jsonl"
    path.write_bytes(path.read_bytes()[:-torn] if torn < 200 else path.read_bytes() + b'{"type":')
    Spool(tmp_path, "own_2").adopt(sink)
    assert sink.got == (["c1", "c2"] if torn == 200 else ["c1"])


def test_what_nobody_can_read_is_set_aside(tmp_path: Path, orders: Any) -> None:
    spool, sink = Spool(tmp_path, "own_1"), Sink()
    spool.append([orders.settle("c1", 1)])
    spool.close()
    path = tmp_path / "own_1.jsonl"
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    Spool(tmp_path, "own_2").adopt(sink)
    assert sink.got == ["c1"]
    assert (tmp_path / "own_1.unreadable").read_bytes() == b"nonsense\n"


def test_a_folder_that_cannot_be_made(tmp_path: Path, orders: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Spool(tmp_path / "file" / "spool", "own_1").append([orders.settle("c1", 1)])


def test_what_another_start_takes_over_meanwhile_is_left_to_it(tmp_path: Path, orders: Any) -> None:
    for name in ("own_a", "own_b"):
        dead = Spool(tmp_path, name)
        dead.append([orders.settle(f"c_{name}", 1)])
        dead.close()
    got: list[str] = []

    def commit(slice_: Sequence[Spooled]) -> None:
        got.extend(order.charge_id for order in slice_)
        (tmp_path / "own_b.jsonl").unlink()

    assert Spool(tmp_path, "own_new").adopt(commit) == 1
    assert got == ["c_own_a"]
