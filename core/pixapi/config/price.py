"""A price in USD, as `pixapi.toml` spells it: tokens by the million, everything else by the piece."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import model_validator

from pixapi.config.section import Section, Usd

PER_TOKENS = "1M tokens"

INPUT_QUANTITIES = ("input", "cached_input", "cache_write", "cache_write_1h", "audio_input", "image_input")
OUTPUT_QUANTITIES = ("output", "reasoning", "audio_output", "image_output")
QUANTITIES = (*INPUT_QUANTITIES, *OUTPUT_QUANTITIES)
"""What is counted in tokens; the names are also those of `pixapi.interfaces.Usage`."""

UNITS = {
    "request": "requests",
    "image": "images",
    "second": "seconds",
    "character": "characters",
    "megapixel": "megapixels",
    "search": "searches",
}
"""What is counted by the piece: key of a price -> its name in `pixapi.interfaces.Usage`."""

_FALLBACK = {
    "cached_input": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "audio_input": "input",
    "image_input": "input",
    "reasoning": "output",
    "audio_output": "output",
    "image_output": "output",
}


class Price(Section):
    """Prices in USD. Kinds of tokens without a price of their own cost what their kind costs: cached input as input.

    Units may stand beside tokens: `{ output = "30", image = "0.04" }`.
    """

    per: Literal["1M tokens", "image", "second", "character", "request", "megapixel", "search"] = "1M tokens"
    """What `input` and `output` are for. With another unit than tokens one of the two is the price of one unit."""
    input: Usd = Decimal(0)
    """Input that no cache took part in."""
    cached_input: Usd | None = None
    """Input read from a cache; without it, as `input`."""
    cache_write: Usd | None = None
    """Input written to a cache; without it, as `input`."""
    cache_write_1h: Usd | None = None
    """Input written to a cache for an hour; without it, as `cache_write`."""
    audio_input: Usd | None = None
    """Audio input; without it, as `input`."""
    image_input: Usd | None = None
    """Image input; without it, as `input`."""
    output: Usd = Decimal(0)
    """Output."""
    reasoning: Usd | None = None
    """Reasoning; without it, as `output`."""
    audio_output: Usd | None = None
    """Audio output; without it, as `output`."""
    image_output: Usd | None = None
    """Image output; without it, as `output`."""
    request: Usd = Decimal(0)
    """Added for every call, in USD a call."""
    image: Usd | None = None
    """USD for each image that is made."""
    second: Usd | None = None
    """USD for each second of audio or video."""
    character: Usd | None = None
    """USD for each character that is spoken."""
    megapixel: Usd | None = None
    """USD for each megapixel that is made."""
    search: Usd | None = None
    """USD for each search that the model makes."""

    @model_validator(mode="after")
    def _one_price_of_one_unit(self) -> Price:
        if self.per == PER_TOKENS:
            return self
        tokens = [key for key in _FALLBACK if getattr(self, key) is not None]
        if tokens:
            raise ValueError(
                f'`{tokens[0]}` is for tokens, and `per` is "{self.per}"; '
                f'leave `per` out and write `{self.per} = "..."` beside the prices of tokens'
            )
        if self.input and self.output:
            raise ValueError(
                f'`input` and `output` both price one {self.per}, as `per` is "{self.per}"; expected one of them'
            )
        if getattr(self, self.per):
            raise ValueError(
                f'`{self.per}` prices what `per` = "{self.per}" prices already; expected one of them'
            )
        return self

    def usd(self, key: str) -> Decimal:
        """The price of ``key``: of a kind of tokens by the million, its own or that of its kind; else of one unit."""
        if key in UNITS:
            own = getattr(self, key) or Decimal(0)
            return own or self.input or self.output if self.per == key else own
        if self.per != PER_TOKENS:
            return Decimal(0)
        value = getattr(self, key)
        return self.usd(_FALLBACK[key]) if value is None else value

    def below(self, cost: Price, factor: Decimal = Decimal(1)) -> list[str]:
        """The keys that this price, times ``factor``, sells for less than ``cost``. A kind of tokens that has a price
        of its own in neither is not told beside its kind.
        """
        own = [key for key in QUANTITIES if getattr(self, key) is not None or getattr(cost, key) is not None]
        return [key for key in (*own, *UNITS) if self.usd(key) * factor < cost.usd(key)]
