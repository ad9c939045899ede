"""The price source `litellm`: the table of models that the LiteLLM project keeps (MIT licence), some 5,000 rows.

One JSON object, model -> fields; prices are USD for a single unit (`model_prices_and_context_window.json` in its
repository, with a JSON schema beside it that asks readers to pass over fields they do not know). What is taken:

- tokens of every kind that a price here can have, by the million; `output_cost_per_reasoning_token` and the like where
  they are said;
- queries and requests by the call, and searches by the dearest of `search_context_cost_per_query`;
- images, seconds, characters and pixels (as megapixels) by the piece, where tokens cost nothing: the table has them
  beside tokens as another account of the same. Where input and output of one unit both have a price, the dearer
  counts: a unit is charged once.

What is not taken, and told as such: prices above a size of the context, tiers, hours of the day, resolutions, cached
audio. Batch, flex, priority and other service classes are passed over in silence; the gateway asks for none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from pixapi import hookimpl
from pixapi.adapters import PriceDocument, PriceDocumentConfig
from pixapi.adapters.price_document import by_the_million, exact_json, plain, price_of, whole
from pixapi.errors import UpstreamInvalid
from pixapi.interfaces import PricedModel, PriceSourceType

PIXAPI_INTERFACE = 1

_NO_MODELS = ("sample_spec", "fallback_generalizations")
_TOKENS = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "audio_input",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "reasoning",
    "output_cost_per_audio_token": "audio_output",
    "output_cost_per_image_token": "image_output",
}
_CALLS = {"input_cost_per_query": "request", "input_cost_per_request": "request"}
_PIECES = {
    "input_cost_per_second": "second",
    "output_cost_per_second": "second",
    "output_cost_per_video_per_second": "second",
    "input_cost_per_character": "character",
    "output_cost_per_character": "character",
    "output_cost_per_image": "image",
}
_PIXELS = ("input_cost_per_pixel", "output_cost_per_pixel")
_SEARCHES = "search_context_cost_per_query"
_OTHER_SERVICE = re.compile(r"_(batches|flex|priority|ultrafast|balanced|decisions)$|_dbu_")
_ABOVE = re.compile(r"_above_(\d+k)_tokens$")
_IS_PRICE = re.compile(r"cost|pricing")
_OPERATIONS = {
    "chat": "chat",
    "responses": "chat",
    "completion": "chat",
    "embedding": "embeddings",
    "image_generation": "images",
    "image_edit": "image_edits",
    "audio_speech": "speech",
    "audio_transcription": "transcriptions",
    "moderation": "moderations",
    "rerank": "rerank",
}


class Config(PriceDocumentConfig):
    """Settings of a price source with `use = "litellm"`."""

    url: str = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
    """Where the document is."""


class Litellm(PriceDocument):
    """Reads the table of the LiteLLM project."""

    def parse(self, document: bytes) -> Iterable[PricedModel]:
        table = exact_json(document)
        if not isinstance(table, dict):
            raise UpstreamInvalid("expected one object with a member for each model")
        return _unique(_row(name, fields) for name, fields in table.items() if _is_model(name, fields))


def _unique(rows: Iterable[PricedModel]) -> Iterator[PricedModel]:
    """The rows, the first of each vendor and model: names that differ by the vendor's prefix alone fall together."""
    seen = set()
    for row in rows:
        if (row.vendor, row.model) not in seen:
            seen.add((row.vendor, row.model))
            yield row


def _is_model(name: str, fields: Any) -> bool:
    return (
        name not in _NO_MODELS
        and isinstance(fields, dict)
        and isinstance(fields.get("litellm_provider"), str)
    )


def _row(name: str, fields: dict[str, Any]) -> PricedModel:
    vendor = fields["litellm_provider"]
    return PricedModel(
        vendor=vendor,
        model=name.removeprefix(f"{vendor}/"),
        usd=_usd(fields),
        operation=_OPERATIONS.get(str(fields.get("mode"))),
        context_tokens=whole(fields.get("max_input_tokens")),
        output_tokens=whole(fields.get("max_output_tokens")),
        untold=tuple(_untold(fields)),
    )


def _usd(fields: dict[str, Any]) -> dict[str, Decimal]:
    found = {key: by_the_million(fields.get(field)) for field, key in _TOKENS.items()}
    usd = {key: price for key, price in found.items() if price is not None}
    for field, key in _CALLS.items():
        _dearer(usd, key, price_of(fields.get(field)))
    searches = fields.get(_SEARCHES)
    for price in searches.values() if isinstance(searches, dict) else ():
        _dearer(usd, "search", price_of(price))
    if not _counts_tokens(fields):
        _by_the_piece(fields, usd)
    return usd


def _counts_tokens(fields: dict[str, Any]) -> bool:
    return any(price_of(fields.get(field)) for field in _TOKENS)


def _by_the_piece(fields: dict[str, Any], usd: dict[str, Decimal]) -> None:
    for field, key in _PIECES.items():
        _dearer(usd, key, price_of(fields.get(field)))
    if fields.get("mode") == "image_generation" and "image" not in usd:
        _dearer(usd, "image", price_of(fields.get("input_cost_per_image")))
    for field in _PIXELS:
        _dearer(usd, "megapixel", by_the_million(fields.get(field)))


def _dearer(usd: dict[str, Decimal], key: str, price: Decimal | None) -> None:
    """Units that cost nothing are left out: the table writes 0 where it means that something else is counted."""
    if price:
        usd[key] = max(plain(price), usd.get(key, Decimal(0)))


def _untold(fields: dict[str, Any]) -> Iterator[str]:
    taken = {*_TOKENS, *_CALLS, _SEARCHES}
    if not _counts_tokens(fields):
        taken |= {*_PIECES, *_PIXELS}
        taken |= {"input_cost_per_image"} if fields.get("mode") == "image_generation" else set()
    sizes = set()
    for field, value in fields.items():
        if field in taken or not value or not _IS_PRICE.search(field) or _OTHER_SERVICE.search(field):
            continue
        if above := _ABOVE.search(field):
            sizes.add(above[1])
        elif isinstance(value, list | dict) or price_of(value):
            yield field
    yield from (f"another price above {size} tokens" for size in sorted(sizes))


@hookimpl
def pixapi_register_price_sources() -> Iterable[PriceSourceType]:
    return [PriceSourceType("litellm", "Prices from the table of the LiteLLM project", Config, Litellm)]
