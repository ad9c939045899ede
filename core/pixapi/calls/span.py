"""Charges of a span of time, found by their ids, which begin with the time of their making."""

from __future__ import annotations

from pixapi.ids import first_id

CLOCKS_DIFFER_US = 300_000_000
"""An id and ``created_at_us`` come from two looks at a clock, which may be set between them. So an id only bounds what
is read; the column decides."""


def id_before(at_us: int) -> str:
    """An id that no charge made at ``at_us`` or later lies below."""
    return first_id("chg", at_us - CLOCKS_DIFFER_US)


def id_after(at_us: int) -> str:
    """An id that all charges made before ``at_us`` lie below."""
    return first_id("chg", at_us + CLOCKS_DIFFER_US)
