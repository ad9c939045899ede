"""What a process knows of the health of its routes and keys. It outlives the configurations that name them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pixapi.catalog.budget import RetryBudget
from pixapi.catalog.health import Health, State, Terms

if TYPE_CHECKING:
    from pixapi.config.settings import Routing

Lane = tuple[str, str, int]
"""A route (provider and model) and the number of the key that it is tried with."""
ProviderKey = tuple[str, int]
"""A provider and the number of one of its keys, from 1."""

_ORDER: tuple[State, ...] = ("closed", "half_open", "open")


class Board:
    """All of it, by name. What keeps its name over a reload keeps its state; keys are taken for mended."""

    def __init__(self) -> None:
        self.budget = RetryBudget()
        self._lanes: dict[Lane, Health] = {}
        self._keys: dict[ProviderKey, Health] = {}
        self._lane_terms = Terms()
        self._key_terms = Terms()

    def adopt(self, routing: Routing) -> None:
        """Go by these settings from now on."""
        self.budget.share, self.budget.floor_per_s = routing.retry_share, routing.retries_per_second
        self._lane_terms = Terms(
            failures=routing.failures,
            error_rate=routing.error_rate,
            min_calls=routing.min_calls,
            window_s=routing.window_s,
            cooldown_s=routing.cooldown_s,
            cooldown_max_s=routing.cooldown_max_s,
        )
        self._key_terms = Terms(cooldown_s=routing.dead_key_s, cooldown_max_s=routing.dead_key_max_s)
        for health in list(self._lanes.values()):
            health.terms = self._lane_terms
        for health in list(self._keys.values()):
            health.terms = self._key_terms

    def lane(self, provider: str, model: str, number: int) -> Health:
        """The health of a route with one of its provider's keys."""
        return self._lanes.setdefault((provider, model, number), Health(self._lane_terms))

    def key(self, provider: str, number: int) -> Health:
        """The health of a key, wherever it is used."""
        return self._keys.setdefault((provider, number), Health(self._key_terms))

    def reloaded(self, lanes: Iterable[Lane], keys: Iterable[ProviderKey]) -> None:
        """A new configuration is in use, with these: forget all others, and give every key another chance."""
        lanes, keys = set(lanes), set(keys)
        self._lanes = {name: health for name, health in self._lanes.items() if name in lanes}
        self._keys = {name: health for name, health in self._keys.items() if name in keys}
        for health in self._keys.values():
            health.revive()

    def route_states(self, now_s: float) -> dict[str, State]:
        """Each route, ``provider/model``, by the best of its keys."""
        states: dict[str, State] = {}
        for (provider, model, number), health in list(self._lanes.items()):
            both = health.state(now_s), self.key(provider, number).state(now_s)
            worst = max(both, key=_ORDER.index)
            route = f"{provider}/{model}"
            states[route] = min(worst, states.get(route, worst), key=_ORDER.index)
        return states

    def key_states(self, now_s: float) -> dict[ProviderKey, State]:
        """Each key: closed, open once it was refused or its account is spent, half-open when it may be tried again."""
        return {name: health.state(now_s) for name, health in list(self._keys.items())}
