"""Identifiers: a prefix that names the kind, then 26 characters that sort by the time of their making.

The layout is that of UUIDv7 (RFC 9562): 48 bits of milliseconds, then random bits; written in Crockford's
base32, two characters at a time.
"""

import os
import random
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


def new_id(prefix: str) -> str:
    """``prefix`` + ``_`` + 26 characters; unique, and ordered by time to the millisecond.

    An id is no secret. The generator is seeded by the system, anew after a fork; asking the system for every id would
    give up the interpreter's lock each time, and getting it back from a busy thread takes a hundred times as long.
    """
    value = (time.time_ns() // 1_000_000) << 80 | random.getrandbits(80)
    pairs = _PAIRS
    return (
        f"{prefix}_{pairs[value >> 120]}{pairs[value >> 110 & 1023]}{pairs[value >> 100 & 1023]}"
        f"{pairs[value >> 90 & 1023]}{pairs[value >> 80 & 1023]}{pairs[value >> 70 & 1023]}"
        f"{pairs[value >> 60 & 1023]}{pairs[value >> 50 & 1023]}{pairs[value >> 40 & 1023]}"
        f"{pairs[value >> 30 & 1023]}{pairs[value >> 20 & 1023]}{pairs[value >> 10 & 1023]}{pairs[value & 1023]}"
    )


def sibling(prefix: str, name: str) -> str:
    """The id of another kind that was made together with ``name``: they share all but the prefix."""
    return f"{prefix}_{name.rpartition('_')[2]}"


def first_id(prefix: str, at_us: int) -> str:
    """The least id that could be made at that moment: what is older sorts before it, what is younger behind it."""
    value = max(0, at_us // 1000) << 80
    return prefix + "_" + "".join(_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10))


def made_at_us(name: str) -> int | None:
    """When an id was made, to the millisecond; None of what is no id."""
    serial = name.rpartition("_")[2]
    if len(serial) != 26 or not set(serial) <= set(_ALPHABET):
        return None
    value = 0
    for character in serial:
        value = value << 5 | _ALPHABET.index(character)
    return (value >> 80) * 1000


def new_secret(prefix: str) -> str:
    """``prefix`` + ``_`` + 52 characters that carry 260 random bits; for API keys."""
    value = int.from_bytes(os.urandom(33))
    return prefix + "_" + "".join(_PAIRS[value >> shift & 1023] for shift in range(0, 260, 10))
