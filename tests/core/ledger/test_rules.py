"""What may be held, which lots pay, what expires."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixapi.ledger.rules import PRIORITY, Lot, Wallet, add_lot, decide_hold, draw, expire, next_expiry


def wallet(*lots: Lot, held: int = 0, overdraft: int = 0, debt: int = 0) -> Wallet:
    made = Wallet(
        "w", sum(lot.remaining for lot in lots) - debt, held, overdraft, None, sorted(lots, key=Lot.order)
    )
    made.next_expiry_us = next_expiry(made)
    return made


@pytest.mark.parametrize(
    ("amount", "minimum", "available", "held"),
    [
        (10, 10, 10, 10),
        (10, 10, 9, None),
        (10, 2, 9, 4),
        (10, 5, 9, 5),
        (10, 9, 9, 9),
        (10, 2, 10, 10),
        (10, 1, 1, 1),
        (10, 1, 0, None),
        (0, 0, 0, 0),
        (10, 0, 0, 0),
        (10, 0, -5, None),
    ],
)
def test_hold_is_all_or_half_or_nothing(amount: int, minimum: int, available: int, held: int | None) -> None:
    assert decide_hold(amount, minimum, available) == held


@given(st.integers(0, 100), st.integers(0, 100), st.integers(-10, 100))
def test_hold_never_leaves_its_bounds(amount: int, minimum: int, available: int) -> None:
    minimum = min(minimum, amount)
    held = decide_hold(amount, minimum, available)
    if held is None:
        assert minimum > available
    else:
        assert minimum <= held <= min(amount, available)


def test_draws_by_priority_then_expiry_then_age() -> None:
    lots = [
        Lot(1, 50, 5, None),
        Lot(2, 20, 5, None),
        Lot(3, 20, 5, 900),
        Lot(4, 20, 5, 800),
        Lot(5, 20, 5, 800),
    ]
    full = wallet(*lots)
    order = [(lot.id if lot else None, amount) for lot, amount in draw(full, 23)]
    assert order == [(4, 5), (5, 5), (3, 5), (2, 5), (1, 3)]
    assert full.posted == 2
    assert [lot.id for lot in full.lots] == [1]


def test_the_priorities_stay_as_they_are_stored() -> None:
    """Lots keep the number they were granted with: another one would put new lots before or behind old ones."""
    promotional = dict.fromkeys(["bonus", "referral", "code"], 20)
    assert {"subscription": 10, **promotional, "adjustment": 40, "purchase": 50} == PRIORITY


def test_draws_the_overdraft_last() -> None:
    small = wallet(Lot(1, 50, 3, None), overdraft=10)
    assert [(lot.id if lot else None, amount) for lot, amount in draw(small, 8)] == [(1, 3), (None, 5)]
    assert (small.posted, small.debt, small.available) == (-5, 5, 5)


def test_a_new_lot_pays_the_debt_first() -> None:
    owing = wallet(overdraft=10, debt=4)
    assert add_lot(owing, Lot(1, 50, 10, None)) == 4
    assert (owing.posted, owing.debt, owing.lots[0].remaining) == (6, 0, 6)
    assert add_lot(wallet(overdraft=10, debt=4), Lot(1, 50, 3, None)) == 3


def test_expiry_leaves_what_is_held() -> None:
    held = wallet(Lot(1, 50, 10, 100), Lot(2, 50, 10, 500), held=15)
    assert [(lot.id, had, taken) for lot, had, taken in expire(held, 100)] == [(1, 10, 5)]
    assert (held.posted, held.next_expiry_us) == (15, 100)
    held.held = 0
    assert [(lot.id, had, taken) for lot, had, taken in expire(held, 100)] == [(1, 5, 5)]
    assert (held.posted, held.next_expiry_us) == (10, 500)


def test_expiry_waits_for_its_time() -> None:
    assert expire(wallet(Lot(1, 50, 10, 100)), 99) == []


def test_nothing_expires_of_what_is_held() -> None:
    due = wallet(Lot(1, 50, 10, 900), held=10)
    assert expire(due, 900) == []
    assert (due.posted, due.lots[0].remaining, due.next_expiry_us) == (10, 10, 900)
    due.held = 11  # an overdraft allows that
    assert expire(due, 900) == []
