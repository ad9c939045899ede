"""From usage to an amount, exactly.

A price in `pixapi.toml` is USD for a million tokens. Here it becomes micro-credits for one token, as a fraction, so
that no rounding happens before the lines of a charge are added up; then `pixapi.money.round_up` rounds once.
For speed the fractions of one table share a denominator: an amount is one sum of integer products.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from pixapi.config.settings import Price
from pixapi.interfaces import Usage
from pixapi.money import MICRO, format_credits

INPUT_QUANTITIES = ("input", "cached_input", "cache_write", "cache_write_1h", "audio_input", "image_input")
OUTPUT_QUANTITIES = ("output", "reasoning", "audio_output", "image_output")
QUANTITIES = (*INPUT_QUANTITIES, *OUTPUT_QUANTITIES)

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
_PER_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt: ``units`` of ``quantity`` at ``price`` USD per million (requests: per request).

    ``amount`` is exact micro-credits, before the charge is rounded up.
    """

    quantity: str
    units: int
    price: Decimal
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Terms:
    """What a price row records: the price in USD, what a dollar buys, and the group's factor."""

    price: Price
    per_usd: Decimal
    factor: Decimal

    def as_json(self) -> dict[str, Any]:
        """A form that `from_json` reads back; amounts are decimal strings."""
        price = {k: str(v) for k, v in self.price.model_dump(exclude_none=True).items()}
        return {"price": price, "credits_per_usd": str(self.per_usd), "factor": str(self.factor)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Terms:
        return Terms(
            Price.model_validate(data["price"]), Decimal(data["credits_per_usd"]), Decimal(data["factor"])
        )


def usd_of(price: Price, quantity: str) -> Decimal:
    """The price of a quantity in USD per million, by its own key or that of its kind."""
    value = getattr(price, quantity)
    return usd_of(price, _FALLBACK[quantity]) if value is None else value


class PriceTable:
    """The terms of one model for one group, compiled."""

    __slots__ = ("_denominator", "_input_bound", "_output_bound", "_rates", "_request", "terms")

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        micro_per_usd = Fraction(terms.per_usd) * Fraction(terms.factor) * MICRO
        rates = {q: Fraction(usd_of(terms.price, q)) / _PER_TOKENS * micro_per_usd for q in QUANTITIES}
        request = Fraction(terms.price.request) * micro_per_usd
        self._denominator = lcm(request.denominator, *(r.denominator for r in rates.values()))
        self._rates = tuple((q, int(r * self._denominator)) for q, r in rates.items())
        self._request = int(request * self._denominator)
        scaled = dict(self._rates)
        self._input_bound = max(scaled[q] for q in INPUT_QUANTITIES)
        self._output_bound = max(scaled[q] for q in OUTPUT_QUANTITIES)

    def amount(self, usage: Usage) -> int:
        """The charge in micro-credits, rounded up once. An unknown quantity adds nothing."""
        total = self._request
        for quantity, rate in self._rates:
            units = getattr(usage, quantity)
            if units:
                total += units * rate
        return -(-total // self._denominator)

    def bound(self, input_tokens: int, output_tokens: int) -> int:
        """The most that so many tokens can cost, whatever kinds they turn out to be, in micro-credits."""
        total = self._request + input_tokens * self._input_bound + output_tokens * self._output_bound
        return -(-total // self._denominator)

    def affordable_output(self, amount: int, input_tokens: int) -> int | None:
        """The most output tokens that ``amount`` micro-credits pay for after so much input; None: output is free."""
        if self._output_bound == 0:
            return None
        rest = amount * self._denominator - self._request - input_tokens * self._input_bound
        return max(0, rest // self._output_bound)

    def lines(self, usage: Usage) -> list[Line]:
        """The receipt, line by line; quantities that are unknown or zero have none."""
        lines = []
        for quantity, rate in self._rates:
            units = getattr(usage, quantity)
            if units:
                price = usd_of(self.terms.price, quantity)
                lines.append(Line(quantity, units, price, Fraction(units * rate, self._denominator)))
        if self._request:
            lines.append(
                Line("request", 1, self.terms.price.request, Fraction(self._request, self._denominator))
            )
        return lines


def line_as_json(line: Line) -> dict[str, Any]:
    """A line as replies print it; the amount in credits, exact to the micro-credit, rounded half up for display."""
    shown = int(line.amount + Fraction(1, 2))
    per = "request" if line.quantity == "request" else "1M tokens"
    return {
        "quantity": line.quantity,
        "units": line.units,
        "price_usd": str(line.price),
        "per": per,
        "amount": format_credits(shown),
    }
