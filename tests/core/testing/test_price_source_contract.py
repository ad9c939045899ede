"""The contract suite of price sources finds each of many faults."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces import HttpRequest, Outbound, PluginConfig, PricedModel, PriceSource, PriceSourceType
from pixapi.testing.contracts.price_source import PriceSourceSuite

ANSWER = b"acme large 1.5"


class Config(PluginConfig):
    """No settings."""


class Sound(PriceSource):
    """Reads one line: vendor, model, price of input."""

    def __init__(self, config: Config) -> None:
        self.asked = 0

    async def fetch(self, out: Outbound) -> Iterable[PricedModel]:
        self.asked += 1
        reply = await out.send(HttpRequest("GET", "https://prices.example/list"))
        return self.rows(reply.body)

    def rows(self, body: bytes) -> list[PricedModel]:
        words = body.decode(errors="replace").split()
        if len(words) != 3:
            raise UpstreamInvalid("expected three words")
        try:
            return [self.row(*words)]
        except ArithmeticError:
            raise UpstreamInvalid("the third word is no price") from None

    def row(self, vendor: str, model: str, price: str) -> PricedModel:
        return PricedModel(vendor, model, {"input": Decimal(price)})


class Breaks(Sound):
    """Takes every answer for a list."""

    def rows(self, body: bytes) -> list[PricedModel]:
        return [self.row(*body.decode().split())]


class Floats(Sound):
    """Gives a float."""

    def row(self, vendor: str, model: str, price: str) -> PricedModel:
        return PricedModel(vendor, model, {"input": float(price)})  # type: ignore[dict-item]


class Invents(Sound):
    """Prices what a price has no key for."""

    def row(self, vendor: str, model: str, price: str) -> PricedModel:
        return PricedModel(vendor, model, {"inptu": Decimal(price)})


class Owes(Sound):
    """Gives a negative price."""

    def row(self, vendor: str, model: str, price: str) -> PricedModel:
        return PricedModel(vendor, model, {"input": -Decimal(price)})


class Stutters(Sound):
    """Says everything twice."""

    def rows(self, body: bytes) -> list[PricedModel]:
        return super().rows(body) * 2


class Wavers(Sound):
    """Says something else each time."""

    def row(self, vendor: str, model: str, price: str) -> PricedModel:
        return PricedModel(vendor, model, {"input": Decimal(self.asked)})


class Empty(Sound):
    """Finds nothing."""

    def rows(self, body: bytes) -> list[PricedModel]:
        return []


def broken(built: Any) -> set[str]:
    tried = PriceSourceSuite(PriceSourceType("three", "Three words", Config, built), {}, (ANSWER,))
    found = set()
    for promise in tried.promises():
        try:
            promise.keep()
        except Exception:
            found.add(promise.name.partition("[")[0])
    return found


def test_a_sound_source_keeps_every_promise() -> None:
    assert broken(Sound) == set()


@pytest.mark.parametrize(
    ("built", "promise"),
    [
        (Breaks, "it-does-not-break"),
        (Floats, "it-knows-prices"),
        (Invents, "it-knows-prices"),
        (Owes, "it-knows-prices"),
        (Stutters, "it-knows-prices"),
        (Wavers, "it-knows-prices"),
        (Empty, "it-knows-prices"),
    ],
)
def test_a_faulty_source_is_found(built: Any, promise: str) -> None:
    assert promise in broken(built)
