"""Identifiers sort by the time of their making."""

from __future__ import annotations

import time

from pixapi.ids import first_id, new_id

HOUR_US = 3_600_000_000


def test_the_first_id_of_a_moment_parts_what_is_older_from_what_is_younger() -> None:
    now_us = time.time_ns() // 1000
    made = new_id("chg")
    assert first_id("chg", now_us) <= made < first_id("chg", now_us + HOUR_US)
    assert len(first_id("chg", now_us)) == len(made)
    assert first_id("chg", -1) == first_id("chg", 0) == "chg_" + "0" * 26
