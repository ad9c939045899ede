"""Asks a moderation model of the catalog what it thinks of texts, on behalf of a guard.

Such a question goes the way of any call from its routes on: health, other routes, retries within the budget. What
comes before does not apply to it. It has no principal, so nothing of the caller can go along; no guard looks at it, so
a guard cannot come to ask about its own question; no limit counts it, and there is no hold and no charge. The house
pays, and sees in the metrics what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from pixapi.calls.flight import Flight
from pixapi.catalog.pricing import PriceTable, Terms
from pixapi.errors import ConfigError, ModelNotFound, UpstreamError, UpstreamTimeout
from pixapi.gateway.routes import note_failure, note_success, open_route, routes_of
from pixapi.interfaces import Call, HttpReply, Judgement, Result, Usage
from pixapi.money import MICRO
from pixapi.telemetry.logs import logger
from pixapi.wire.json import raw
from pixapi.wire.offered import DEFAULT
from pixapi.wire.openai_moderation import read_judgements

if TYPE_CHECKING:
    from pixapi.calls.services import Services
    from pixapi.catalog.catalog import Entry

REPLY_LIMIT_BYTES = 8 * 1024 * 1024
log = logger("gateway")


class CatalogModerator:
    """See `pixapi.calls.guarding.Moderator`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._costs: dict[int, PriceTable | None] = {}
        """By price row: what a call of that model costs us, in micro-dollars."""

    async def moderate(
        self, flight: Flight, model: str, texts: Sequence[str], timeout_s: float
    ) -> Sequence[Judgement]:
        services = self._services
        try:
            entry = flight.configured.catalog.find(model, "", None)
        except ModelNotFound as error:
            raise ConfigError(f"a guard asks the model {model}, which is not in the catalog") from error
        question = self._question(flight, entry, texts)
        try:
            async with asyncio.timeout(timeout_s):
                result = await self._ask(question)
            judgements = read_judgements(result.body or b"", len(texts))
        except TimeoutError:
            self._failed(question, "timeout")
            raise UpstreamTimeout(
                f"the model {model} took longer than {timeout_s:g} s to judge", phase="total"
            ) from None
        except UpstreamError as error:
            self._failed(question, error.code)
            raise
        usage = result.usage or Usage()
        services.metrics.guard_asked(model, True, self._cost_usd(entry, usage))
        return judgements

    def _question(self, asking: Flight, entry: Entry, texts: Sequence[str]) -> Flight:
        clock = self._services.clock
        question = Flight("moderations", DEFAULT, asking.configured, clock.now_us(), clock.monotonic_s())
        question.request_id = asking.request_id  # so that logs tell of which request it was
        question.entry = entry
        model = entry.settings.id
        question.call = Call(
            id=question.request_id,
            operation="moderations",
            dialect=DEFAULT.name,
            alias=model,
            model=entry.routes[0].model,
            fields={"model": raw(model), "input": raw(texts)},
            reply_id="",
            created=question.at_us // 1_000_000,
        )
        return question

    async def _ask(self, question: Flight) -> Result:
        services, call = self._services, question.call
        assert call is not None
        failure: UpstreamError | None = None
        for route in routes_of(services, question):
            try:
                exchange = await open_route(services, question, route)
                try:
                    body = await exchange.read(REPLY_LIMIT_BYTES)
                finally:
                    await exchange.close()
                result = route.provider.result(call, HttpReply(exchange.status, exchange.headers, body))
                note_success(services, question)
                return result
            except UpstreamError as error:
                note_failure(services, question, route, error)
                if not error.retryable:
                    raise
                failure = error
        assert failure is not None
        raise failure

    def _failed(self, question: Flight, code: str) -> None:
        self._services.metrics.guard_asked(question.model, False)
        log.warning("guard_model_failed", model=question.model, code=code, request_id=question.request_id)

    def _cost_usd(self, entry: Entry, usage: Usage) -> float:
        """What the vendor says, else what the model's `cost` says; 0 where neither is known."""
        if usage.provider_cost_usd is not None:
            return float(usage.provider_cost_usd)
        offer = entry.offer("")
        if offer.price_id not in self._costs:
            cost = offer.table.terms.cost
            self._costs[offer.price_id] = (
                None if cost is None else PriceTable(Terms(cost, Decimal(1), Decimal(1)))
            )
        table = self._costs[offer.price_id]
        return 0.0 if table is None else float(table.exact(usage)) / MICRO
