"""The attempts of one call: what follows one that failed, and what each says of the health of its route and key.

- Another route or key in good health goes before everything else, and is free.
- A connection kept from an earlier call that was lost without an answer most likely had been closed before: the same
  route is asked once more, over a fresh one. It says nothing of the route's health.
- The same route is asked again where the server asked for a short wait, as long as the waits of the call stay short
  in all; and where no connection could be made, after a pause.
- What is on cool-down is asked when nothing else is left.
- What costs money once it is accepted is not sent again when the server may have accepted it.
- All but the first kind are paid for from the process's budget for retries. Waiting for a server that asked for it
  is free once a call, and as often as it takes where that server has answered others lately: it limits a rate and is
  not down, and the call will be served.

Each route is tried once, however many there are; the setting `attempts` bounds how often the same one is.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from pixapi.errors import (
    UpstreamBusy,
    UpstreamDenied,
    UpstreamError,
    UpstreamLost,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamTimeout,
)

if TYPE_CHECKING:
    from pixapi.calls.flight import Flight
    from pixapi.calls.services import Services
    from pixapi.catalog.catalog import Route

REFUSED_PAUSE_S = 0.2
"""A server that is being restarted listens again after a moment; a longer one each time."""
_LEAST_WAIT_S = 0.05
"""What a wait counts at least, so that a server that asks for none is not asked without end."""
_JITTER_S = 0.1


class Attempts:
    """Decides what a call tries next. Made when its first attempt has failed."""

    __slots__ = (
        "_asked_to_wait", "_flight", "_has_waited", "_refused", "_resent", "_sent", "_services", "_tried", "_waited_s",
    )  # fmt: skip

    def __init__(self, services: Services, flight: Flight) -> None:
        self._services = services
        self._flight = flight
        self._tried: set[str] = set()
        """Names of lanes, and of routes that failed with whichever key."""
        self._asked_to_wait: dict[str, Route] = {}
        self._refused: dict[str, Route] = {}
        self._resent = self._has_waited = False
        self._sent: Counter[str] = Counter()
        """How often each lane was asked."""
        self._waited_s = flight.pause_s

    def next(self) -> Route | None:
        """The route of the next attempt; None: there shall be none."""
        flight = self._flight
        error, route, entry = flight.failure, flight.route, flight.entry
        routing = flight.configured.settings.routing
        if error is None or route is None or entry is None or not error.retryable or flight.delivered:
            return None
        self._sent[route.lane_name] += 1
        now_s = flight.attempt_s = self._services.clock.monotonic_s()
        flight.pause_s = 0.0
        if _is_stale(error) and not self._resent and self._may_again(route):
            self._resent = True
            return self._paid(route, now_s)
        self._remember(route, error, routing.max_wait_s)
        following = entry.chooser.healthy(now_s, self._tried)
        if following is not None:
            self._services.metrics.retried(following.name)
            return following
        soonest = self._soonest(now_s, routing.max_wait_s)
        if soonest is not None and (not self._has_waited or soonest.lane.limits(now_s)):
            self._has_waited = True
            self._services.metrics.retried(soonest.name)
            return soonest
        return self._paid(soonest or self._left(now_s, routing.max_wait_s), now_s)

    def _may_again(self, route: Route) -> bool:
        return self._sent[route.lane_name] < self._flight.configured.settings.routing.attempts

    def _remember(self, route: Route, error: UpstreamError, max_wait_s: float) -> None:
        self._tried.add(route.name if error.scope == "route" else route.lane_name)
        if isinstance(error, UpstreamRefused) and self._may_again(route):
            self._refused[route.lane_name] = route
        else:
            self._refused.pop(route.lane_name, None)
        wait_s = _asked_wait_s(error)
        if isinstance(error, UpstreamBusy) and wait_s is not None and wait_s <= max_wait_s:
            self._asked_to_wait[route.lane_name] = route
        else:
            self._asked_to_wait.pop(route.lane_name, None)

    def _soonest(self, now_s: float, max_wait_s: float) -> Route | None:
        """Of those that asked this call to wait the first to be ready, if the call may wait for so long."""
        if not self._asked_to_wait:
            return None
        route = min(self._asked_to_wait.values(), key=lambda route: route.lane.until_s)
        wait_s = max(_LEAST_WAIT_S, route.lane.until_s - now_s)
        if self._waited_s + wait_s > max_wait_s:
            return None
        self._waited_s += wait_s
        self._flight.pause_s = wait_s + random.random() * _JITTER_S
        return route

    def _left(self, now_s: float, max_wait_s: float) -> Route | None:
        """The most promising of what is on cool-down and was not tried; else one that refused the connection."""
        flight = self._flight
        assert flight.entry is not None
        tried = set(self._tried)
        while left := flight.entry.chooser.last_resort(now_s, tried):
            # What asked others to wait is waited for by this call too (see `begin`).
            wait_s = left.lane.until_s - now_s if left.lane.was_asked else 0.0
            if not 0 < wait_s <= max_wait_s:
                break
            if self._waited_s + wait_s <= max_wait_s:
                self._waited_s += wait_s
                break
            tried.add(left.lane_name)
        if left is None and self._refused:
            left = min(self._refused.values(), key=lambda route: self._sent[route.lane_name])
            flight.pause_s = REFUSED_PAUSE_S * 2 ** (self._sent[left.lane_name] - 1)
        return left

    def _paid(self, route: Route | None, now_s: float) -> Route | None:
        if route is None:
            return None
        services = self._services
        if not services.board.budget.spend(now_s):
            services.metrics.retry_refused()
            return None
        services.metrics.retried(route.name)
        return route


def telling(before: UpstreamError | None, now: UpstreamError) -> UpstreamError:
    """Of two failures the one that callers can do more with: one that says when to come back, else the later."""
    says_more = before is not None and before.retry_after_s is not None and now.retry_after_s is None
    return before if before is not None and says_more else now


def begin(flight: Flight, route: Route, now_s: float) -> None:
    """An attempt begins on what is not in good health: it may be the probe, and it waits a little if asked to."""
    lane = route.lane
    flight.probes_lane, flight.probes_key = lane.claim(now_s), route.key.claim(now_s)
    wait_s = lane.until_s - now_s
    if lane.was_asked and flight.pause_s < wait_s <= flight.configured.settings.routing.max_wait_s:
        flight.pause_s = wait_s + random.random() * _JITTER_S


def let_go(flight: Flight, route: Route) -> None:
    """The attempt is over, whatever it showed."""
    if flight.probes_lane:
        route.lane.let_go()
    if flight.probes_key:
        route.key.let_go()
    flight.probes_lane = flight.probes_key = False


def succeeded(flight: Flight, route: Route, now_s: float) -> None:
    """The server answered: route and key are well."""
    route.lane.succeeded(now_s, flight.attempt_s, is_probe=flight.probes_lane)
    route.key.succeeded(now_s, flight.attempt_s, is_probe=flight.probes_key)
    let_go(flight, route)


def failed(flight: Flight, route: Route, error: UpstreamError, now_s: float) -> None:
    """The attempt failed; `UpstreamError.scope` says what that speaks against."""
    began_s, wait_s, code = flight.attempt_s, _asked_wait_s(error), error.code
    match error.scope:
        case "call" if error.upstream_status is not None:
            # It judged the request, so it is well.
            succeeded(flight, route, now_s)
        case "route" if not _is_stale(error):
            for lane in route.lanes:
                is_probe = flight.probes_lane and lane is route.lane
                lane.failed(now_s, began_s, is_probe=is_probe, wait_s=wait_s, reason=code)
        case "allowance":
            route.lane.failed(
                now_s, began_s, is_probe=flight.probes_lane, at_once=True, wait_s=wait_s, reason=code
            )
        case "key":
            route.key.failed(now_s, began_s, is_probe=flight.probes_key, at_once=True, reason=code)
        case _:
            pass
    let_go(flight, route)


def may_have_been_taken(error: UpstreamError) -> bool:
    """Whether the server may have accepted the request all the same: whatever it costs would be paid for twice."""
    if isinstance(error, UpstreamTimeout):
        return error.phase != "connect"
    return not isinstance(error, UpstreamRefused | UpstreamBusy | UpstreamDenied | UpstreamRejected)


def _asked_wait_s(error: UpstreamError) -> float | None:
    """How long the server asks to be left alone. One that says 0 names no time: it is left alone for the shortest
    cool-down as one that says nothing is. Otherwise it would be well again at once, for every call anew.
    """
    return error.retry_after_s or None


def _is_stale(error: UpstreamError) -> bool:
    return isinstance(error, UpstreamLost) and error.was_kept
