"""How many attempts may be added."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixapi.catalog.budget import HALF_S, RetryBudget


def spent(budget: RetryBudget, now_s: float, most: int = 10_000) -> int:
    """How many are allowed one after the other."""
    return sum(1 for _ in range(most) if budget.spend(now_s))


def test_a_share_of_the_calls_may_be_retried() -> None:
    budget = RetryBudget(share=0.2, floor_per_s=0)
    for _ in range(1000):
        budget.called(100.0)
    assert spent(budget, 100.0) == 200


def test_there_is_a_floor_for_those_who_have_few_calls() -> None:
    budget = RetryBudget(share=0.2, floor_per_s=5)
    budget.called(100.0)
    assert spent(budget, 100.0) == 50


def test_it_comes_back_with_time() -> None:
    budget = RetryBudget(share=0, floor_per_s=1)
    assert spent(budget, 100.0) == 10
    assert spent(budget, 100.0 + HALF_S) == 0
    assert spent(budget, 100.0 + 2 * HALF_S) == 10


def test_none_may_be_allowed() -> None:
    budget = RetryBudget(share=0, floor_per_s=0)
    budget.called(100.0)
    assert spent(budget, 100.0) == 0


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=200))
def test_an_outage_is_never_multiplied(steps: list[tuple[float, bool]]) -> None:
    """All calls fail and want retries without end: together they get the share and the floor, and no more."""
    budget, now_s, calls, retries = RetryBudget(share=0.2, floor_per_s=1), 50.0, 0, 0
    for seconds, is_call in steps:
        now_s += seconds
        if is_call:
            budget.called(now_s)
            calls += 1
        retries += spent(budget, now_s, 50)
    # Each half of the window may be spent once more than time has passed for, at the edges.
    assert retries <= 2 * (0.2 * calls + (now_s - 50.0 + 4 * HALF_S))
