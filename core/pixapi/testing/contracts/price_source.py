"""The contract of a price source: rows that a catalog can be compared with, or an error that says what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pixapi.errors import PixapiError
from pixapi.interfaces import (
    PRICE_KEYS,
    HttpReply,
    HttpRequest,
    Outbound,
    PluginConfig,
    PricedModel,
    PriceSource,
    PriceSourceType,
)
from pixapi.testing.contracts.promises import (
    Promise,
    config_is_documented,
    ensure,
    promise,
    secrets_stay_hidden,
    settings,
)

_TIMEOUT_S = 30
_STRANGE = {
    "nothing": b"",
    "a page": b"<!doctype html><title>Moved</title>",
    "no UTF-8": b"\xff\xfe\x00",
    "a number": b"1",
    "a list": b'[1, null, "x", {}, []]',
    "an object": b'{"data": [null, {"id": 1}], "prices": [], "a": null, "b": {"models": [], "c": {"d": "e"}}}',
    "nested without end": b"[" * 100_000,
}


class Answering:
    """A network in which every server gives one reply."""

    def __init__(self, status: int, body: bytes) -> None:
        self._reply = HttpReply(status, {"content-type": "application/json"}, body)

    async def send(self, request: HttpRequest, *, timeout_s: float = 30) -> HttpReply:
        """The reply, whatever is asked."""
        return self._reply


class PriceSourceSuite:
    """The promises of one kind of price source, tried on one set of settings."""

    def __init__(
        self, kind: PriceSourceType, config: Mapping[str, Any] | PluginConfig, answers: tuple[bytes, ...]
    ) -> None:
        self.kind = kind
        self.config = settings(kind.config, config)
        self.source: PriceSource = kind.build(self.config)
        self.answers = answers

    def promises(self) -> list[Promise]:
        """All of them."""
        found = [
            promise(config_is_documented, self.kind.config),
            promise(secrets_stay_hidden, self.config, self.source),
            promise(self.it_is_a_price_source),
            promise(self.it_does_not_break, 503, b"busy", about="status 503"),
        ]
        for name, body in _STRANGE.items():
            found.append(promise(self.it_does_not_break, 200, body, about=name))
        for number, body in enumerate(self.answers):
            found.append(promise(self.it_knows_prices, body, about=str(number)))
            found.append(
                promise(self.it_does_not_break, 200, body[: len(body) // 2], about=f"half of {number}")
            )
        return found

    def rows(self, out: Outbound) -> list[PricedModel]:
        """What the source says."""

        async def fetched() -> list[PricedModel]:
            async with asyncio.timeout(_TIMEOUT_S):
                return list(await self.source.fetch(out))

        return asyncio.run(fetched())

    def it_is_a_price_source(self) -> None:
        """The kind is described, and builds a PriceSource."""
        ensure(self.kind.summary.strip(), "the summary is empty; one line says whose prices these are")
        ensure(isinstance(self.source, PriceSource), "build() returned something that is no PriceSource")

    def it_knows_prices(self, body: bytes) -> None:
        """Exact prices of known quantities, each model once, the same each time."""
        rows = self.rows(Answering(200, body))
        ensure(any(row.usd for row in rows), "no price was found in an answer that has some")
        self._are_sound(rows)
        ensure(self.rows(Answering(200, body)) == rows, "a second look at the same answer gives other rows")

    def it_does_not_break(self, status: int, body: bytes) -> None:
        """What is no list of prices is refused in a sentence, or gives no rows; nothing else is raised."""
        try:
            rows = self.rows(Answering(status, body))
        except PixapiError as error:
            ensure(error.message.strip(), "the error says nothing")
            return
        self._are_sound(rows)

    def _are_sound(self, rows: list[PricedModel]) -> None:
        for row in rows:
            ensure(isinstance(row, PricedModel), "fetch() gave something that is no PricedModel")
            ensure(row.vendor and row.model, "a row names no vendor or no model")
            unknown = set(row.usd) - set(PRICE_KEYS)
            ensure(not unknown, f"a price for {', '.join(map(str, unknown))}, which is none of PRICE_KEYS")
            for price in row.usd.values():
                ensure(isinstance(price, Decimal), "a price is no Decimal; a float is not exact")
                ensure(price.is_finite() and price >= 0, "a price is negative or no number")
        names = [(row.vendor, row.model) for row in rows]
        ensure(len(set(names)) == len(names), "a model of one vendor comes twice")
