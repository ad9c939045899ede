"""Which of a model's routes a call takes: by priority, by chance of their weight, by health, and key after key."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixapi.catalog.catalog import Route


SHORT_WAIT_S = 10.0


class Way:
    """A configured route: the same with each of its provider's keys, taken in turn."""

    __slots__ = ("_next", "routes", "weight")

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self.weight = routes[0].weight
        self._next = 0

    def turn(self) -> Route:
        """The next key's."""
        routes = self.routes
        if len(routes) == 1:
            return routes[0]
        self._next = at = (self._next + 1) % len(routes)
        return routes[at]

    def in_turn(self) -> Iterator[Route]:
        """Each key's, beginning with the next."""
        for _ in self.routes:
            yield self.turn()


class Chooser:
    """The routes of one model. It costs next to nothing where there is one route with one key."""

    __slots__ = ("_first", "_first_weight", "_sole", "_tiers")

    def __init__(self, ways: Sequence[Sequence[Route]]) -> None:
        """``ways``: for each configured route the same with each key; at least one of each."""
        made = sorted((Way(routes) for routes in ways), key=lambda way: way.routes[0].priority)
        tiers = groupby(made, key=lambda way: way.routes[0].priority)
        self._tiers = tuple(tuple(tier) for _, tier in tiers)
        self._first = self._tiers[0]
        self._first_weight = sum(way.weight for way in self._first)
        self._sole = made[0].routes[0] if len(made) == len(made[0].routes) == 1 else None

    def routes(self) -> Iterator[Route]:
        """All of them, with each key."""
        for tier in self._tiers:
            for way in tier:
                yield from way.routes

    def first(self, now_s: float) -> Route:
        """The route of a call's first attempt: a healthy one, else whichever is the least unwell."""
        if self._sole is not None:
            return self._sole
        route = _by_weight(self._first, self._first_weight).turn()
        if route.lane.is_closed and route.key.is_closed:
            return route
        found = self.healthy(now_s) or self.last_resort(now_s)
        assert found is not None
        return found

    def healthy(self, now_s: float, tried: Collection[str] = ()) -> Route | None:
        """A route that may be called, none of ``tried`` (names of routes and of lanes); None if there is none."""
        for tier in self._tiers:
            ways = [way for way in tier if any(_is_ready(route, now_s, tried) for route in way.routes)]
            if ways:
                way = ways[0] if len(ways) == 1 else _by_weight(ways, sum(way.weight for way in ways))
                return next(route for route in way.in_turn() if _is_ready(route, now_s, tried))
        return None

    def last_resort(self, now_s: float, tried: Collection[str] = ()) -> Route | None:
        """Where no route is healthy: the one that will be the soonest, a refused key last."""
        left = [route for route in self.routes() if not _is_tried(route, tried)]
        return min(left, key=lambda route: _promise(route, now_s)) if left else None


def _by_weight(ways: Sequence[Way], total: int) -> Way:
    if len(ways) == 1:
        return ways[0]
    left = random.random() * total
    for way in ways:
        left -= way.weight
        if left < 0:
            return way
    return ways[-1]


def _promise(route: Route, now_s: float) -> tuple[bool, float, bool, float]:
    """The less, the sooner it may be well: good keys first, then servers that asked for a short wait, then the rest."""
    key, lane = route.key, route.lane
    asks_for_little = lane.was_asked and lane.until_s - now_s <= SHORT_WAIT_S
    return not key.is_ready(now_s), key.until_s, not asks_for_little, lane.until_s


def _is_tried(route: Route, tried: Collection[str]) -> bool:
    return route.name in tried or route.lane_name in tried


def _is_ready(route: Route, now_s: float, tried: Collection[str]) -> bool:
    return route.lane.is_ready(now_s) and route.key.is_ready(now_s) and not _is_tried(route, tried)
