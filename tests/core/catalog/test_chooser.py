"""Which route a call takes."""

from __future__ import annotations

from collections import Counter

import pytest

from pixapi.catalog.board import Board
from pixapi.catalog.catalog import Route, label
from pixapi.catalog.chooser import Chooser
from pixapi.interfaces import Provider
from pixapi.transport.upstream import Timeouts

NOW_S = 1000.0


class Nobody(Provider):
    """Never asked here."""

    request = result = decoder = error = lambda self, *_: None  # type: ignore[assignment]


def way(board: Board, provider: str, *, priority: int = 1, weight: int = 1, keys: int = 1) -> list[Route]:
    """A route to ``provider``, with each of so many keys."""
    lanes = tuple(board.lane(provider, "m", number + 1) for number in range(keys))
    return [
        Route(
            name=f"{provider}/m", provider_name=provider, provider=Nobody(), model="m", priority=priority, weight=weight,
            timeouts=Timeouts(), states_bound=False, lane_name=label(f"{provider}/m", number, keys), key_number=number,
            lane=lanes[number - 1], lanes=lanes, key=board.key(provider, number), key_label=label(provider, number, keys),
        )
        for number in range(1, keys + 1)
    ]  # fmt: skip


@pytest.fixture
def board() -> Board:
    return Board()


def cool(route: Route, wait_s: float | None = None) -> None:
    route.lane.failed(NOW_S, NOW_S, at_once=True, wait_s=wait_s)


def kill(route: Route) -> None:
    route.key.failed(NOW_S, NOW_S, at_once=True)


def chosen(chooser: Chooser, times: int = 1000) -> Counter[str]:
    return Counter(chooser.first(NOW_S).lane_name for _ in range(times))


def test_routes_of_the_lowest_number_come_first(board: Board) -> None:
    chooser = Chooser([way(board, "b", priority=2), way(board, "a", priority=1)])
    assert chosen(chooser) == {"a/m": 1000}


def test_within_a_priority_chance_decides_by_weight(board: Board) -> None:
    found = chosen(Chooser([way(board, "a", weight=3), way(board, "b", weight=1)]), 4000)
    assert found["a/m"] == pytest.approx(3000, abs=200)


def test_what_is_on_cool_down_is_passed_over(board: Board) -> None:
    a, b, c = way(board, "a"), way(board, "b"), way(board, "c", priority=2)
    chooser = Chooser([a, b, c])
    cool(a[0])
    assert chosen(chooser) == {"b/m": 1000}
    cool(b[0])
    assert chosen(chooser) == {"c/m": 1000}


def test_a_cool_down_that_is_over_lets_one_call_through(board: Board) -> None:
    a, b = way(board, "a"), way(board, "b", priority=2)
    chooser = Chooser([a, b])
    cool(a[0], wait_s=0)
    route = chooser.first(NOW_S)
    assert route is a[0]
    assert route.lane.claim(NOW_S)
    assert chosen(chooser) == {"b/m": 1000}


def test_one_route_is_never_refused_for_its_health(board: Board) -> None:
    only = way(board, "a")
    cool(only[0])
    kill(only[0])
    assert chosen(Chooser([only])) == {"a/m": 1000}


def test_keys_are_taken_in_turn(board: Board) -> None:
    assert chosen(Chooser([way(board, "a", keys=3)]), 300) == {"a/m#1": 100, "a/m#2": 100, "a/m#3": 100}


def test_a_key_that_is_dead_or_on_cool_down_is_passed_over(board: Board) -> None:
    keys = way(board, "a", keys=3)
    kill(keys[0])
    assert chosen(Chooser([keys]), 300) == {"a/m#2": 150, "a/m#3": 150}
    cool(keys[1])
    assert chosen(Chooser([keys]), 300) == {"a/m#3": 300}


def test_a_dead_key_is_dead_on_every_route_and_a_cool_down_only_on_its_own(board: Board) -> None:
    one, other = way(board, "a", keys=2), way(board, "a", keys=2)
    assert one[0].lane is other[0].lane, (
        "the same model at the same provider, in another model of the catalog"
    )
    kill(one[0])
    assert chosen(Chooser([other]), 100) == {"a/m#2": 100}


def test_what_was_tried_is_not_healthy_any_more(board: Board) -> None:
    a, b = way(board, "a", keys=2), way(board, "b")
    chooser = Chooser([a, b])
    assert chooser.healthy(NOW_S, {"b/m", "a/m#1"}) is a[1]
    assert chooser.healthy(NOW_S, {"a/m"}) is b[0]
    assert chooser.healthy(NOW_S, {"a/m", "b/m"}) is None
    assert chooser.last_resort(NOW_S, {"a/m", "b/m"}) is None


def test_when_nothing_is_well_the_most_promising_is_tried(board: Board) -> None:
    dead, down, busy = way(board, "dead"), way(board, "down"), way(board, "busy")
    kill(dead[0])
    cool(down[0])
    cool(busy[0], wait_s=9)
    chooser = Chooser([dead, down, busy])
    assert chooser.first(NOW_S) is busy[0]
    assert chooser.last_resort(NOW_S, {"busy/m"}) is down[0]
    assert chooser.last_resort(NOW_S, {"busy/m", "down/m"}) is dead[0]


def test_the_board_shows_routes_by_the_best_of_their_keys(board: Board) -> None:
    keys = way(board, "a", keys=2)
    kill(keys[0])
    assert board.route_states(NOW_S) == {"a/m": "closed"}
    assert board.key_states(NOW_S) == {("a", 1): "open", ("a", 2): "closed"}
    cool(keys[1])
    assert board.route_states(NOW_S) == {"a/m": "open"}
    assert board.route_states(NOW_S + 6) == {"a/m": "half_open"}


def test_a_reload_keeps_routes_and_revives_keys(board: Board) -> None:
    keys = way(board, "a", keys=2)
    cool(keys[0])
    kill(keys[1])
    way(board, "gone")
    board.reloaded([("a", "m", 1), ("a", "m", 2)], [("a", 1), ("a", 2)])
    assert board.lane("a", "m", 1) is keys[0].lane
    assert not keys[0].lane.is_closed
    assert board.key_states(NOW_S) == {("a", 1): "closed", ("a", 2): "closed"}
    assert list(board.route_states(NOW_S)) == ["a/m"]
