"""The price source `openrouter`: what OpenRouter charges for the models that it passes on, from `GET /api/v1/models`.

`data` is a list of models whose `pricing` has decimal strings, USD for a single token, request or search. -1 stands for
a price that is known only after the call (the router models); such a model is passed over. 0 for anything but
`prompt` and `completion` means that it is not counted apart. `image` is for an image in the input, for which a price
here has no word; it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from pixapi import hookimpl
from pixapi.adapters import PriceDocument, PriceDocumentConfig
from pixapi.adapters.price_document import by_the_million, exact_json, plain, price_of, whole
from pixapi.errors import UpstreamInvalid
from pixapi.interfaces import PricedModel, PriceSourceType

PIXAPI_INTERFACE = 1

VENDOR = "openrouter"
_BASIC = {"prompt": "input", "completion": "output"}
_TOKENS = {
    "input_cache_read": "cached_input",
    "input_cache_write": "cache_write",
    "input_cache_write_1h": "cache_write_1h",
    "audio": "audio_input",
    "image_output": "image_output",
    "internal_reasoning": "reasoning",
}
_UNITS = {"request": "request", "web_search": "search"}
_TAKEN = {*_BASIC, *_TOKENS, *_UNITS}


class Config(PriceDocumentConfig):
    """Settings of a price source with `use = "openrouter"`."""

    url: str = "https://openrouter.ai/api/v1/models"
    """Where the document is."""


class OpenRouter(PriceDocument):
    """Reads the list of models."""

    def parse(self, document: bytes) -> Iterable[PricedModel]:
        table = exact_json(document)
        models = table.get("data") if isinstance(table, dict) else None
        if not isinstance(models, list):
            raise UpstreamInvalid("expected an object with the list `data`")
        return _rows(models)


def _rows(models: list[Any]) -> Iterator[PricedModel]:
    for model in models:
        if not isinstance(model, dict) or not isinstance(model.get("id"), str):
            continue
        pricing = model.get("pricing")
        if isinstance(pricing, dict) and not any(map(_is_open, pricing.values())):
            yield _row(model, pricing)


def _is_open(value: Any) -> bool:
    return str(value).startswith("-")


def _row(model: dict[str, Any], pricing: dict[str, Any]) -> PricedModel:
    basic = {key: by_the_million(pricing.get(field)) for field, key in _BASIC.items()}
    usd: dict[str, Decimal] = {key: price for key, price in basic.items() if price is not None}
    for field, key in _TOKENS.items():
        if price := by_the_million(pricing.get(field)):
            usd[key] = price
    for field, key in _UNITS.items():
        if price := price_of(pricing.get(field)):
            usd[key] = plain(price)
    top = model.get("top_provider")
    return PricedModel(
        vendor=VENDOR,
        model=model["id"],
        usd=usd,
        context_tokens=whole(model.get("context_length")),
        output_tokens=whole(top.get("max_completion_tokens")) if isinstance(top, dict) else None,
        untold=tuple(field for field, value in pricing.items() if field not in _TAKEN and _says(value)),
    )


def _says(value: Any) -> bool:
    return bool(value) if isinstance(value, list | dict) else bool(price_of(value))


@hookimpl
def pixapi_register_price_sources() -> Iterable[PriceSourceType]:
    return [PriceSourceType("openrouter", "Prices of the models at OpenRouter", Config, OpenRouter)]
