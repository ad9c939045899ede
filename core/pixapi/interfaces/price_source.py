"""Price sources say what vendors charge; `pixapi models sync` compares that with the catalog."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pixapi.config.price import QUANTITIES, UNITS
from pixapi.interfaces.http import Outbound
from pixapi.interfaces.plugin import PluginConfig

PRICE_KEYS: tuple[str, ...] = (*QUANTITIES, *UNITS)
"""What a price can be for: the keys of `price` in `pixapi.toml`, but for `per`."""


@dataclass(frozen=True, slots=True)
class PricedModel:
    """What one vendor charges for one model."""

    vendor: str
    """The vendor's or provider's name, as the source has it."""
    model: str
    """The model's name at that vendor."""
    usd: Mapping[str, Decimal]
    """Some of `PRICE_KEYS` -> USD: kinds of tokens by the million (``input``, ``cached_input``, ...), units
    by the piece (``image``, ``second``, ``character``, ``request``, ``megapixel``, ``search``). What the source does
    not say is left out; 0 says that it costs nothing."""
    operation: str | None = None
    """What the model is for, in the words of `Operation`; None where the source does not say."""
    context_tokens: int | None = None
    """The most tokens of one call, input and output together or the input alone, as the vendor counts."""
    output_tokens: int | None = None
    """The most output tokens of one call."""
    untold: tuple[str, ...] = field(default=())
    """What the source says about the price and ``usd`` has no words for, such as ``dearer above 200k tokens``."""


class PriceSource(ABC):
    """Knows prices. Asked by an operator's command, never on the way of a call."""

    @abstractmethod
    async def fetch(self, out: Outbound) -> Iterable[PricedModel]:
        """All models that the source knows, in any order; each pair of vendor and model once.

        Raises:
            UpstreamError: the source cannot be reached, or its answer cannot be understood.
            ConfigError: a file that the settings name cannot be read, or is wrong.
        """


@dataclass(frozen=True, slots=True)
class PriceSourceType:
    """A kind of price source, as ``use`` in `pixapi.toml` names it."""

    name: str
    summary: str
    config: type[PluginConfig]
    build: Callable[[Any], PriceSource]
