"""Identifiers sort by the time of their making."""

from __future__ import annotations

import time

from pixapi.ids import first_id, new_id


def test_the_first_id_of_a_moment_lies_between_what_was_made_before_and_after() -> None:
    before = new_id("chg")
    time.sleep(0.002)
    now_us = time.time_ns() // 1000
    time.sleep(0.002)
    after = new_id("chg")
    assert before < first_id("chg", now_us) < after
    assert len(first_id("chg", now_us)) == len(after)
    assert first_id("chg", 0) == "chg_" + "0" * 26
