"""The price source `price_file`: a list of your own, as TOML, JSON or CSV.

A row has `vendor`, `model` and keys of `price` as in `pixapi.toml` (tokens by the million, units by the piece), and
perhaps `context_tokens` and `output_tokens`::

    [[prices]]                                   vendor,model,input,output,image
    vendor = "acme"                              acme,large,0.25,2.00,
    model = "large"                              acme,painter,,,0.04
    input = "0.25"
    output = "2.00"

JSON is a list of such objects, or an object with that list as `prices`. An empty field of CSV says nothing. The list is
yours, so that nothing in it is passed over: a key that is not known or a price that is none is an error with its row.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from pixapi import hookimpl
from pixapi.adapters import PriceDocument, PriceDocumentConfig
from pixapi.adapters.price_document import exact_json, price_of, whole
from pixapi.errors import UpstreamInvalid
from pixapi.interfaces import PRICE_KEYS, PricedModel, PriceSourceType

PIXAPI_INTERFACE = 1

_NAMES = ("vendor", "model")
_LIMITS = ("context_tokens", "output_tokens")
Format = Literal["toml", "json", "csv"]


class Config(PriceDocumentConfig):
    """Settings of a price source with `use = "price_file"`: `file` or `url`."""

    format: Format | None = None
    """What the document is; without it, what its name ends in says so."""

    @model_validator(mode="after")
    def _one_place(self) -> Config:
        if (self.file is None) == (not self.url):
            raise ValueError("expected either `file` or `url`")
        return self

    def form(self) -> Format:
        """The format that is said, else that of the name; JSON where the name does not tell."""
        ending = Path(self.file or self.url).suffix.lower()
        by_name: dict[str, Format] = {".toml": "toml", ".csv": "csv"}
        return self.format or by_name.get(ending, "json")


class PriceFile(PriceDocument):
    """Reads a list of prices."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._form = config.form()

    def parse(self, document: bytes) -> Iterable[PricedModel]:
        rows = _READERS[self._form](document)
        if not isinstance(rows, list):
            raise UpstreamInvalid("expected the list `prices`, one table for each model")
        return _checked(rows)


def _checked(rows: list[Any]) -> Iterator[PricedModel]:
    seen: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise UpstreamInvalid(f"row {number} is no table")
        made = _row(number, row)
        first = seen.setdefault((made.vendor, made.model), number)
        if first != number:
            raise UpstreamInvalid(f"row {number} says {made.vendor} {made.model} again, as row {first} does")
        yield made


def _row(number: int, row: dict[str, Any]) -> PricedModel:
    names = [row.get(name) for name in _NAMES]
    if not all(isinstance(name, str) and name for name in names):
        raise UpstreamInvalid(f"row {number} has no `vendor` or no `model`; expected both, as text")
    usd: dict[str, Decimal] = {}
    for key, value in row.items():
        if key in PRICE_KEYS:
            price = price_of(value)
            if price is None:
                raise UpstreamInvalid(f'row {number}: `{key}` is no price; expected USD such as "0.25"')
            usd[key] = price
        elif key in _LIMITS and whole(value) is None:
            raise UpstreamInvalid(f"row {number}: `{key}` is no number of tokens")
        elif key not in (*_NAMES, *_LIMITS):
            known = ", ".join((*_NAMES, *PRICE_KEYS, *_LIMITS))
            raise UpstreamInvalid(f"row {number}: `{str(key)[:40]}` is not known; known are {known}")
    context, output = (whole(row.get(name)) for name in _LIMITS)
    return PricedModel(row["vendor"], row["model"], usd, context_tokens=context, output_tokens=output)


def _toml(document: bytes) -> Any:
    try:
        return tomllib.loads(document.decode(), parse_float=Decimal).get("prices")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, InvalidOperation) as error:
        raise UpstreamInvalid(f"it is no TOML: {error}") from None


def _json(document: bytes) -> Any:
    read = exact_json(document)
    return read.get("prices") if isinstance(read, dict) else read


def _csv(document: bytes) -> Any:
    try:
        rows = list(csv.DictReader(io.StringIO(document.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UpstreamInvalid(f"it is no CSV: {error}") from None
    return [{key: value for key, value in row.items() if value not in ("", None)} for row in rows]


_READERS = {"toml": _toml, "json": _json, "csv": _csv}


@hookimpl
def pixapi_register_price_sources() -> Iterable[PriceSourceType]:
    return [PriceSourceType("price_file", "Prices of your own, from TOML, JSON or CSV", Config, PriceFile)]
