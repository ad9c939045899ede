"""The sliding window against a list of what really happened."""

from hypothesis import given
from hypothesis import strategies as st

from pixapi.limits.window import WINDOW_S, Window

STEPS = st.lists(st.tuples(st.floats(0, 90), st.integers(0, 40)), max_size=40)


def take(window: Window, now_s: float, cost: int, limit: int) -> float:
    wait_s = window.wait_s(window.roll(now_s), cost, limit)
    if wait_s == 0:
        window.current += cost
    return wait_s


@given(STEPS, st.integers(1, 100), st.floats(0, 120))
def test_no_window_exceeds_the_limit(steps: list[tuple[float, int]], limit: int, start_s: float) -> None:
    window, now_s, taken = Window(), start_s, {}
    for gap_s, cost in steps:
        now_s += gap_s
        if take(window, now_s, cost, limit) == 0:
            index = int(now_s // WINDOW_S)
            taken[index] = taken.get(index, 0) + cost
    assert all(count <= limit for count in taken.values())


@given(STEPS, st.integers(1, 100), st.integers(1, 100), st.floats(0, 120))
def test_the_wait_is_long_enough_and_not_longer(
    steps: list[tuple[float, int]], limit: int, cost: int, start_s: float
) -> None:
    window, now_s = Window(), start_s
    for gap_s, some in steps:
        now_s += gap_s
        take(window, now_s, some, limit)
    wait_s = window.wait_s(window.roll(now_s), cost, limit)
    if cost > limit:
        assert wait_s == WINDOW_S
        return
    assert 0 <= wait_s <= 2 * WINDOW_S
    if wait_s > 0.001:
        early = window.roll(now_s + wait_s - 0.001)
        assert window.wait_s(early, cost, limit) > 0
        late = window.roll(now_s + wait_s + 0.001)
        assert window.wait_s(late, cost, limit) == 0


@given(st.floats(0.01, 3), st.integers(10, 200))
def test_an_even_flow_is_held_to_the_limit(gap_s: float, limit: int) -> None:
    window, taken = Window(), 0
    times = [n * gap_s for n in range(int(5 * WINDOW_S / gap_s))]
    for now_s in times:
        taken += take(window, now_s, 1, limit) == 0
    offered = len(times)
    assert taken <= 5 * limit + 1
    if offered > 5 * limit:
        # One window may pass before what was refused at the start is made good.
        assert taken >= 4 * limit * 0.95
    else:
        assert taken >= offered * 0.95


def test_a_correction_goes_where_the_call_was_counted() -> None:
    window = Window()
    take(window, 59, 10, 100)
    first = window.index
    take(window, 61, 5, 100)
    window.correct(first, -4)
    assert (window.previous, window.current) == (6, 5)
    window.correct(first, 3)
    assert (window.previous, window.current) == (9, 5)
    window.correct(window.index, -20)
    assert window.current == 0
    window.correct(window.index - 2, -1)
    assert (window.previous, window.current) == (9, 0)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    window = Window()
    assert take(window, 600, 100, 100) == 0
    assert take(window, 540, 1, 100) > 0
    assert take(window, 601, 1, 100) > 0
