"""The price source `models_dev`: the open database at models.dev (MIT licence), `api.json`.

Vendor -> `models` -> model with `cost` in USD for a million tokens and `limit`. It knows tokens only. Prices for a
larger context (`context_over_200k`, `tiers`) are not taken, and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from pixapi import hookimpl
from pixapi.adapters import PriceDocument, PriceDocumentConfig
from pixapi.adapters.price_document import exact_json, plain, price_of, whole
from pixapi.errors import UpstreamInvalid
from pixapi.interfaces import PricedModel, PriceSourceType

PIXAPI_INTERFACE = 1

_KEYS = {
    "input": "input",
    "output": "output",
    "reasoning": "reasoning",
    "cache_read": "cached_input",
    "cache_write": "cache_write",
    "input_audio": "audio_input",
    "output_audio": "audio_output",
}


class Config(PriceDocumentConfig):
    """Settings of a price source with `use = "models_dev"`."""

    url: str = "https://models.dev/api.json"
    """Where the document is."""


class ModelsDev(PriceDocument):
    """Reads `api.json`."""

    def parse(self, document: bytes) -> Iterable[PricedModel]:
        vendors = exact_json(document)
        if not isinstance(vendors, dict):
            raise UpstreamInvalid("expected one object with a member for each vendor")
        return _rows(vendors)


def _rows(vendors: dict[str, Any]) -> Iterator[PricedModel]:
    for vendor, about in vendors.items():
        models = about.get("models") if isinstance(about, dict) else None
        for name, model in models.items() if isinstance(models, dict) else ():
            cost = model.get("cost") if isinstance(model, dict) else None
            if isinstance(cost, dict):
                yield _row(vendor, name, model, cost)


def _row(vendor: str, name: str, model: dict[str, Any], cost: dict[str, Any]) -> PricedModel:
    found = {key: price_of(cost.get(field)) for field, key in _KEYS.items()}
    usd: dict[str, Decimal] = {key: plain(price) for key, price in found.items() if price is not None}
    limit = model.get("limit")
    limits = limit if isinstance(limit, dict) else {}
    return PricedModel(
        vendor=vendor,
        model=name,
        usd=usd,
        context_tokens=whole(limits.get("context")),
        output_tokens=whole(limits.get("output")),
        untold=tuple(field for field, value in cost.items() if field not in _KEYS and value),
    )


@hookimpl
def pixapi_register_price_sources() -> Iterable[PriceSourceType]:
    return [PriceSourceType("models_dev", "Prices of tokens from models.dev", Config, ModelsDev)]
