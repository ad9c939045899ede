"""From usage to an amount, exactly.

A price in `pixapi.toml` is USD for a million tokens, or for one image, second and so on. Here it becomes micro-credits
for one of them, as a fraction, so that no rounding happens before the lines of a charge are added up; then the sum is
rounded up once. For speed the fractions of one table share a denominator: an amount of tokens is one sum of integer
products. Seconds and megapixels need not be whole; they are multiplied as fractions, and only where a model has a price
for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from pixapi.config.price import (
    INPUT_QUANTITIES,
    OUTPUT_QUANTITIES,
    PER_TOKENS,
    QUANTITIES,
    UNITS,
    Price,
)
from pixapi.interfaces import Usage
from pixapi.money import MICRO, format_credits

_PER_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt: ``units`` of ``quantity`` at ``price`` USD ``per`` million tokens, image and so on.

    ``amount`` is exact micro-credits, before the charge is rounded up.
    """

    quantity: str
    units: int | Decimal
    price: Decimal
    per: str
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Terms:
    """What a price row records: price and cost in USD, what a dollar buys, and the group's factor."""

    price: Price
    per_usd: Decimal
    factor: Decimal
    cost: Price | None = None

    def as_json(self) -> dict[str, Any]:
        """A form that `from_json` reads back; amounts are decimal strings."""
        return self.as_shown() | ({} if self.cost is None else {"cost": _price_as_json(self.cost)})

    def as_shown(self) -> dict[str, Any]:
        """What a consumer may see of it: all but the cost."""
        return {
            "price": _price_as_json(self.price),
            "credits_per_usd": str(self.per_usd),
            "factor": str(self.factor),
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Terms:
        """What `as_json` made; rows from before costs were recorded have none."""
        cost = data.get("cost")
        return Terms(
            Price.model_validate(data["price"]),
            Decimal(data["credits_per_usd"]),
            Decimal(data["factor"]),
            None if cost is None else Price.model_validate(cost),
        )


def _price_as_json(price: Price) -> dict[str, str]:
    return {key: str(value) for key, value in price.model_dump(exclude_none=True).items()}


class PriceTable:
    """The terms of one model for one group, compiled."""

    __slots__ = ("_denominator", "_input_bound", "_output_bound", "_rates", "_request", "_units", "terms")

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        micro_per_usd = Fraction(terms.per_usd) * Fraction(terms.factor) * MICRO
        price = terms.price
        rates = {q: Fraction(price.usd(q)) / _PER_TOKENS * micro_per_usd for q in QUANTITIES}
        units = {key: Fraction(price.usd(key)) * micro_per_usd for key in UNITS if price.usd(key)}
        self._denominator = lcm(*(rate.denominator for rate in (*rates.values(), *units.values())))
        scaled = {key: int(rate * self._denominator) for key, rate in (rates | units).items()}
        self._rates = tuple(scaled[q] for q in QUANTITIES)
        self._request = scaled.get("request", 0)
        self._units = tuple((key, UNITS[key], scaled[key]) for key in units if key != "request")
        self._input_bound = max(scaled[q] for q in INPUT_QUANTITIES)
        self._output_bound = max(scaled[q] for q in OUTPUT_QUANTITIES)

    def amount(self, usage: Usage) -> int:
        """The charge in micro-credits, rounded up once. An unknown quantity adds nothing.

        Called once for each call: written out, in the order of `QUANTITIES`, it takes half the time of a loop.
        """
        plain, cached, written, written_1h, heard, seen, said, thought, spoken, drawn = self._rates
        total = self._request
        if units := usage.input:
            total += units * plain
        if units := usage.cached_input:
            total += units * cached
        if units := usage.cache_write:
            total += units * written
        if units := usage.cache_write_1h:
            total += units * written_1h
        if units := usage.audio_input:
            total += units * heard
        if units := usage.image_input:
            total += units * seen
        if units := usage.output:
            total += units * said
        if units := usage.reasoning:
            total += units * thought
        if units := usage.audio_output:
            total += units * spoken
        if units := usage.image_output:
            total += units * drawn
        if self._units:
            return -(-(total + self._of_units(usage)) // self._denominator)
        return -(-total // self._denominator)

    def exact(self, usage: Usage) -> Fraction:
        """The charge in micro-credits before it is rounded."""
        return sum((line.amount for line in self.lines(usage)), Fraction(0))

    def bound(self, input_tokens: int, output_tokens: int, units: Usage | None = None) -> int:
        """The most that so many tokens can cost, whatever kinds they turn out to be, in micro-credits.

        ``units``: with the most images, seconds and so on of the call; what it says of tokens does not count.
        """
        total = self._request + input_tokens * self._input_bound + output_tokens * self._output_bound
        if units is not None:
            return -(-(total + self._of_units(units)) // self._denominator)
        return -(-total // self._denominator)

    def affordable_output(self, amount: int, input_tokens: int, units: Usage | None = None) -> int | None:
        """The most output tokens that ``amount`` micro-credits pay for after so much input and so many ``units``.

        None: output is free.
        """
        if self._output_bound == 0:
            return None
        rest = amount * self._denominator - self._request - input_tokens * self._input_bound
        if units is not None:
            rest -= -(-self._of_units(units) // 1)
        return max(0, rest // self._output_bound)

    def lines(self, usage: Usage) -> list[Line]:
        """The receipt, line by line; quantities that are unknown or zero have none."""
        price = self.terms.price
        lines = []
        for quantity, rate in zip(QUANTITIES, self._rates, strict=True):
            units = getattr(usage, quantity)
            if units:
                amount = Fraction(units * rate, self._denominator)
                lines.append(Line(quantity, units, price.usd(quantity), PER_TOKENS, amount))
        for key, name, rate in self._units:
            units = getattr(usage, name)
            if units:
                amount = Fraction(units) * rate / self._denominator
                lines.append(Line(key, units, price.usd(key), key, amount))
        if self._request:
            amount = Fraction(self._request, self._denominator)
            lines.append(Line("request", 1, price.usd("request"), "request", amount))
        return lines

    def _of_units(self, usage: Usage) -> int | Fraction:
        """What is counted by the piece, over the common denominator. Whole units stay integers, for speed."""
        total: int | Fraction = 0
        for _, name, rate in self._units:
            units = getattr(usage, name)
            if units:
                total += units * rate if isinstance(units, int) else Fraction(units) * rate
        return total


def line_as_json(line: Line) -> dict[str, Any]:
    """A line as replies print it; the amount in credits, exact to the micro-credit, rounded half up for display.

    ``units`` is a whole number, or a decimal string of what need not be whole (seconds, megapixels).
    """
    shown = int(line.amount + Fraction(1, 2))
    return {
        "quantity": line.quantity,
        "units": str(line.units) if isinstance(line.units, Decimal) else line.units,
        "price_usd": str(line.price),
        "per": line.per,
        "amount": format_credits(shown),
    }
