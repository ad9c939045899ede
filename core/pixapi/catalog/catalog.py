"""The catalog in memory: what a process sells right now. It is built whole and replaced whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pixapi.catalog.board import Board
from pixapi.catalog.chooser import Chooser
from pixapi.catalog.health import Health
from pixapi.catalog.pricing import PriceTable, Terms
from pixapi.catalog.repository import record_price
from pixapi.config.settings import Model, Settings
from pixapi.config.settings import Route as RouteSettings
from pixapi.errors import ConfigError, Forbidden, ModelNotFound
from pixapi.interfaces import Provider
from pixapi.transport.upstream import Timeouts

if TYPE_CHECKING:
    from pixapi.clock import Clock
    from pixapi.db.engine import Database

_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A model at a provider, with the provider's instance for one of its keys."""

    name: str
    """``provider/model``, as headers and charges show it."""
    provider_name: str
    provider: Provider
    model: str
    priority: int
    weight: int
    timeouts: Timeouts
    states_bound: bool
    """The provider knows the most that a call can use."""
    lane_name: str
    """The route with its key: ``name``, and ``#2`` where there are several."""
    key_number: int
    """Which of the provider's keys it is, from 1."""
    lane: Health
    """How this route does with this key."""
    lanes: tuple[Health, ...]
    """How it does with each of the keys, this one included."""
    key: Health
    """How the key does, wherever it is used."""
    key_label: str
    """``provider``, and ``#2`` where it has several keys."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A price row as a call is charged by it."""

    price_id: int
    table: PriceTable


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalog. ``offers`` maps a group's name to its price; "" is everybody else's."""

    settings: Model
    routes: tuple[Route, ...]
    """As configured, each with its provider's first key."""
    offers: Mapping[str, Offer]
    chooser: Chooser

    def offer(self, group: str) -> Offer:
        return self.offers.get(group) or self.offers[""]


class Catalog:
    """All models, and who sees which."""

    def __init__(self, entries: Iterable[Entry], group_models: Mapping[str, list[str] | None]) -> None:
        self._entries = {entry.settings.id: entry for entry in entries}
        self._group_models = group_models
        self._visible: dict[tuple[str, str], bool] = {}

    def find(self, model: str, group: str, key_models: Iterable[str] | None) -> Entry:
        """The model, if this group and this key may use it.

        Raises:
            ModelNotFound: there is none of that name for this group.
            Forbidden: the key is limited to other models.
        """
        entry = self._entries.get(model)
        if entry is None or not self._group_sees(group, model):
            raise ModelNotFound(
                f"the model {_shown(model)} does not exist here{self._hint(model, group)}", param="model"
            )
        if key_models is not None and not _matches(model, key_models):
            raise Forbidden(
                f"this API key may not use the model {model}; it is limited to certain models", param="model"
            )
        return entry

    def listed(self, group: str, key_models: Iterable[str] | None) -> list[Entry]:
        """The models that this group and this key see, in the order of the configuration."""
        patterns = None if key_models is None else list(key_models)
        return [
            entry
            for model, entry in self._entries.items()
            if self._group_sees(group, model) and (patterns is None or _matches(model, patterns))
        ]

    def entries(self) -> list[Entry]:
        return list(self._entries.values())

    def _group_sees(self, group: str, model: str) -> bool:
        patterns = self._group_models.get(group)
        if patterns is None:
            return True
        seen = self._visible.get((group, model))
        if seen is None:
            seen = self._visible[group, model] = _matches(model, patterns)
        return seen

    def _hint(self, model: str, group: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(
            model, [e.settings.id for e in self.listed(group, None)], n=_SUGGESTIONS, cutoff=0.6
        )
        return f"; did you mean {' or '.join(close)}?" if close else "; GET /v1/models lists those that do"


def _shown(model: str) -> str:
    return repr(model if len(model) <= 80 else model[:80] + "…")


def _matches(model: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(model, pattern) for pattern in patterns)


def label(name: str, number: int, count: int) -> str:
    """``name``, with the number of the key where there are several."""
    return f"{name}#{number}" if count > 1 else name


def build_catalog(
    settings: Settings,
    providers: Mapping[str, Sequence[Provider]],
    database: Database,
    clock: Clock,
    board: Board | None = None,
) -> Catalog:
    """Compile the configured models; writes a dated row for each price or cost that is new.

    Args:
        providers: by name, the provider's instance for each of its keys.
        board: what is known of the health of routes and keys; nothing, where it is left out.

    Raises:
        ConfigError: a route names a provider that is not configured.
    """
    board = board or Board()
    factors = {"": Decimal(1)} | {name: group.price_factor for name, group in settings.groups.items()}
    entries = []
    with database.begin() as connection:
        for model in settings.models:
            by_factor: dict[Decimal, Offer] = {}
            for factor in factors.values():
                if factor not in by_factor:
                    terms = Terms(model.price, settings.credits.per_usd, factor, model.cost)
                    price_id = record_price(connection, model.id, terms, clock.now_us())
                    by_factor[factor] = Offer(price_id, PriceTable(terms))
            offers = {group: by_factor[factor] for group, factor in factors.items()}
            ways = [_with_keys(model, route, providers, board) for route in model.routes]
            entries.append(Entry(model, tuple(way[0] for way in ways), offers, Chooser(ways)))
    return Catalog(entries, {name: group.models for name, group in settings.groups.items()})


def _with_keys(
    model: Model, route: RouteSettings, providers: Mapping[str, Sequence[Provider]], board: Board
) -> list[Route]:
    """A configured route, once for each key of its provider."""
    instances = providers.get(route.provider)
    if not instances:
        raise ConfigError(
            f"the model {model.id} has a route to the provider {route.provider}, which is not configured"
        )
    name, count = f"{route.provider}/{route.model}", len(instances)
    lanes = tuple(board.lane(route.provider, route.model, number + 1) for number in range(count))
    timeouts = Timeouts(
        connect_s=route.connect_s, first_byte_s=route.first_byte_s, idle_s=route.idle_s, total_s=route.total_s
    )
    return [
        Route(
            name=name,
            provider_name=route.provider,
            provider=provider,
            model=route.model,
            priority=route.priority,
            weight=route.weight,
            timeouts=timeouts,
            states_bound=type(provider).bound is not Provider.bound,
            lane_name=label(name, number, count),
            key_number=number,
            lane=lanes[number - 1],
            lanes=lanes,
            key=board.key(route.provider, number),
            key_label=label(route.provider, number, count),
        )
        for number, provider in enumerate(instances, 1)
    ]
