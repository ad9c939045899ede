"""A price source that is one document: fetched by URL, or read from a file."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from pixapi.errors import ConfigError, UpstreamInvalid
from pixapi.interfaces import HttpRequest, LocalPath, Outbound, PluginConfig, PricedModel, PriceSource

_TWELVE_DIGITS = Context(prec=12)
_MILLION = 6


class PriceDocumentConfig(PluginConfig):
    """Settings of a price source that is one document. Derive and give ``url`` the source's own address."""

    url: str = ""
    """Where the document is."""
    file: LocalPath | None = None
    """A copy of the document, read instead of the URL: for machines without a way out, or prices held still."""
    timeout_s: float = Field(default=60, gt=0)
    """How long fetching may take."""


class PriceDocument(PriceSource):
    """Fetches or reads the document; derive and write `parse`."""

    def __init__(self, config: PriceDocumentConfig) -> None:
        self._config = config

    @abstractmethod
    def parse(self, document: bytes) -> Iterable[PricedModel]:
        """The rows of the document. Pure.

        Raises:
            UpstreamInvalid: it is not what the source promises.
        """

    async def fetch(self, out: Outbound) -> Iterable[PricedModel]:
        if self._config.file is not None:
            document = _read(self._config.file)  # an operator's command waits for it, and nobody else
        else:
            document = await self._get(out)
        try:
            return list(self.parse(document))
        except UpstreamInvalid as error:
            place = self._config.file or self._config.url
            raise UpstreamInvalid(f"{place} cannot be used: {error.message}") from error

    async def _get(self, out: Outbound) -> bytes:
        url = self._config.url
        request = HttpRequest("GET", url, headers=(("accept", "application/json"),))
        reply = await out.send(request, timeout_s=self._config.timeout_s)
        if reply.status != 200:
            raise UpstreamInvalid(
                f"{urlsplit(url).hostname} answered {reply.status} where a list of prices was expected; "
                "look at the setting `url`",
                upstream_status=reply.status,
            )
        return reply.body


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"the file {file} cannot be read: {error.strerror}") from None


def exact_json(document: bytes) -> Any:
    """JSON whose fractions are `Decimal`, so that 3.4e-7 stays what it says.

    Raises:
        UpstreamInvalid: it is no JSON.
    """
    try:
        return json.loads(document, parse_float=Decimal)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise UpstreamInvalid(f"it is no JSON ({type(error).__name__})") from None


def price_of(value: Any) -> Decimal | None:
    """A number or a decimal string as a price; None where it is none: absent, negative, infinite, prose."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        price = Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    return price if price.is_finite() and price >= 0 else None


def by_the_million(value: Any) -> Decimal | None:
    """A price of one token as that of a million; None as `price_of`.

    Twelve digits are kept: what lies beyond is dust of somebody's floating-point arithmetic.
    """
    price = price_of(value)
    return None if price is None else plain(price.scaleb(_MILLION))


def plain(price: Decimal) -> Decimal:
    """``price`` with at most twelve digits and without trailing zeros."""
    rounded = price.normalize(_TWELVE_DIGITS)
    return Decimal(f"{rounded:f}")


def whole(value: Any) -> int | None:
    """A positive whole number; None of anything else, such as the text "unknown"."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() else None
    elif isinstance(value, Decimal):
        value = int(value) if value.is_finite() and value == value.to_integral_value() else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
