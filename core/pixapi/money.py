"""Credits are integers of micro-credits; prices are exact fractions; rounding happens here and nowhere else.

One credit is 1,000,000 micro-credits. A charge is rounded up to the next micro-credit, once, after all of its
lines are added, so that splitting a call into lines never costs more.
"""

from decimal import Decimal, InvalidOperation
from fractions import Fraction

from pixapi.errors import BadRequest

MICRO = 1_000_000
MAX_MICRO = 2**53 - 1
"""The largest amount that is stored: what a JSON reader with doubles still reads exactly."""


def round_up(amount: Fraction) -> int:
    """The charge for an exact amount of micro-credits: the next whole one, never less."""
    return -(-amount.numerator // amount.denominator)


def format_credits(micro: int) -> str:
    """Micro-credits as a plain decimal string of credits: 12345678 -> "12.345678", 0 -> "0"."""
    sign, whole, rest = "-" if micro < 0 else "", abs(micro) // MICRO, abs(micro) % MICRO
    return f"{sign}{whole}" + (f".{rest:06d}".rstrip("0") if rest else "")


def parse_credits(text: str) -> int:
    """A decimal string of credits as micro-credits.

    Raises:
        BadRequest: it is no finite number, has more than six decimals, or is larger than `MAX_MICRO`.
    """
    try:
        value = Decimal(text.strip())
    except (InvalidOperation, ValueError):
        raise BadRequest(f"{text!r} is not an amount of credits; expected a number such as 12.5") from None
    if not value.is_finite():
        raise BadRequest(f"{text!r} is not an amount of credits; expected a number such as 12.5")
    micro = value * MICRO
    if micro != micro.to_integral_value():
        raise BadRequest(f"{text} has more than six decimals; a credit divides into 1,000,000 parts")
    if abs(micro) > MAX_MICRO:
        raise BadRequest(f"{text} is too large; the most is {format_credits(MAX_MICRO)} credits")
    return int(micro)
