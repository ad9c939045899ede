"""The states of a route or a key, with the time in hand."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pixapi.catalog.health import LATELY_S, LONGEST_WAIT_S, PROBE_S, Health, Terms
from pixapi.clock import ManualClock

TERMS = Terms(failures=3, error_rate=0.5, min_calls=10, window_s=30.0, cooldown_s=5.0, cooldown_max_s=60.0)


class Patient:
    """A health and its clock. Attempts last no time, unless a test says so."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.health = Health(TERMS)

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_s()

    def fail(self, times: int = 1, **more: object) -> None:
        for _ in range(times):
            self.health.failed(self.now_s, self.now_s, **more)  # type: ignore[arg-type]

    def succeed(self, times: int = 1) -> None:
        for _ in range(times):
            self.health.succeeded(self.now_s, self.now_s)

    def probe(self, *, is_good: bool) -> None:
        assert self.health.claim(self.now_s)
        if is_good:
            self.health.succeeded(self.now_s, self.now_s, is_probe=True)
        else:
            self.health.failed(self.now_s, self.now_s, is_probe=True)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @property
    def state(self) -> str:
        return self.health.state(self.now_s)

    def cooldown_s(self) -> float:
        """How long it is still left alone."""
        return self.health.until_s - self.now_s


@pytest.fixture
def patient() -> Patient:
    return Patient()


def test_three_failures_in_a_row_open_it(patient: Patient) -> None:
    patient.fail(2)
    assert patient.state == "closed"
    patient.fail()
    assert patient.state == "open"
    assert not patient.health.is_ready(patient.now_s)


def test_a_success_between_them_does_not(patient: Patient) -> None:
    for _ in range(4):
        patient.fail(2)
        patient.succeed(2)
    patient.succeed(5)
    assert patient.state == "closed"


def test_a_share_of_failures_opens_it_once_there_are_enough_calls(patient: Patient) -> None:
    for _ in range(4):
        patient.fail()
        patient.succeed()
    assert patient.state == "closed"
    patient.fail(2)
    assert patient.state == "open"


def test_what_happened_long_ago_weighs_nothing(patient: Patient) -> None:
    for _ in range(20):
        patient.fail(2)
        patient.wait(300)
        patient.succeed()
    assert patient.state == "closed"
    assert patient.health.bad == 0


def test_a_few_failures_among_many_calls_are_normal(patient: Patient) -> None:
    for _ in range(100):
        patient.fail()
        patient.succeed(9)
        patient.wait(0.1)
    assert patient.state == "closed"


@pytest.mark.parametrize(
    ("more", "cooldown_s"),
    [
        ({"at_once": True}, 5),
        ({"wait_s": 0.25}, 0.25),
        ({"wait_s": 77.0}, 77),
        ({"wait_s": 1e9}, LONGEST_WAIT_S),
    ],
)
def test_one_failure_may_say_enough(patient: Patient, more: dict[str, object], cooldown_s: float) -> None:
    patient.fail(**more)
    assert patient.state == "open"
    assert patient.cooldown_s() == pytest.approx(cooldown_s)


def test_one_probe_at_a_time(patient: Patient) -> None:
    patient.fail(3)
    patient.wait(4.9)
    assert not patient.health.claim(patient.now_s)
    patient.wait(0.2)
    assert patient.state == "half_open"
    assert patient.health.is_ready(patient.now_s)
    assert patient.health.claim(patient.now_s)
    assert not patient.health.is_ready(patient.now_s)
    assert not patient.health.claim(patient.now_s)


def test_a_probe_that_succeeds_closes_it(patient: Patient) -> None:
    patient.fail(3)
    patient.wait(5)
    patient.probe(is_good=True)
    assert patient.state == "closed"
    patient.fail(2)
    assert patient.state == "closed"


def test_cool_downs_double_up_to_the_longest(patient: Patient) -> None:
    patient.fail(3)
    seen = []
    for _ in range(6):
        seen.append(round(patient.cooldown_s()))
        patient.wait(patient.cooldown_s())
        patient.probe(is_good=False)
    assert seen == [5, 10, 20, 40, 60, 60]


def test_what_fails_again_at_once_is_left_alone_for_longer(patient: Patient) -> None:
    patient.fail(3)
    patient.wait(5)
    patient.probe(is_good=True)
    patient.wait(1)
    patient.fail(3)
    assert patient.cooldown_s() == pytest.approx(10)
    patient.wait(10)
    patient.probe(is_good=True)
    patient.wait(60)
    patient.fail(3)
    assert patient.cooldown_s() == pytest.approx(5)


def test_a_probe_without_a_verdict_does_not_block_for_ever(patient: Patient) -> None:
    patient.fail(3)
    patient.wait(5)
    assert patient.health.claim(patient.now_s)
    patient.health.let_go()
    assert patient.health.claim(patient.now_s)
    patient.wait(PROBE_S)
    assert patient.health.claim(patient.now_s)


def test_what_asks_for_a_wait_and_serves_limits_a_rate(patient: Patient) -> None:
    patient.fail(1, wait_s=1.0)
    assert not patient.health.limits(patient.now_s), "it has answered nobody: it may be down"
    patient.wait(1)
    patient.probe(is_good=True)
    assert not patient.health.limits(patient.now_s), "it asks for nothing"
    patient.fail(1, wait_s=1.0)
    assert patient.health.limits(patient.now_s)
    patient.wait(LATELY_S + 0.1)
    assert not patient.health.limits(patient.now_s)


def test_a_burst_of_failures_counts_as_one(patient: Patient) -> None:
    began_s = patient.now_s
    patient.wait(1)
    for _ in range(200):
        patient.health.failed(patient.now_s, began_s)
    assert patient.cooldown_s() == pytest.approx(5)


def test_stale_verdicts_change_nothing(patient: Patient) -> None:
    began_s = patient.now_s
    patient.wait(1)
    patient.fail(3)
    patient.health.succeeded(patient.now_s, began_s)
    assert patient.state == "open"
    patient.wait(5)
    patient.probe(is_good=True)
    for _ in range(50):
        patient.health.failed(patient.now_s, began_s)
    assert patient.state == "closed"


def test_an_answer_that_came_all_the_same_closes_it(patient: Patient) -> None:
    """It was called on cool-down, for there was nothing else."""
    patient.fail(3)
    patient.wait(1)
    patient.succeed()
    assert patient.state == "closed"


def test_calls_on_cool_down_do_not_prolong_it_unless_the_server_says_so(patient: Patient) -> None:
    patient.fail(3)
    patient.wait(1)
    patient.fail(10)
    assert patient.cooldown_s() == pytest.approx(4)
    patient.fail(wait_s=9)
    assert patient.cooldown_s() == pytest.approx(9)
    patient.fail(wait_s=1)
    assert patient.cooldown_s() == pytest.approx(9)


def test_it_can_be_revived(patient: Patient) -> None:
    patient.fail(at_once=True, reason="upstream_denied")
    assert patient.health.reason == "upstream_denied"
    patient.health.revive()
    assert (patient.state, patient.health.reason) == ("closed", None)
    patient.fail(at_once=True)
    assert patient.cooldown_s() == pytest.approx(5)


class Machine(RuleBasedStateMachine):
    """Calls that come, go and fail in any order, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.health = Health(TERMS)
        self.flying: list[tuple[float, bool]] = []

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_s()

    @rule(seconds=st.floats(0.001, 400))
    def time_passes(self, seconds: float) -> None:
        before, state = self.health.is_ready(self.now_s), self.health.state(self.now_s)
        self.clock.advance(seconds)
        assert self.health.is_ready(self.now_s) or not before, "time alone makes nothing worse"
        assert (self.health.state(self.now_s) == "closed") == (state == "closed"), "time alone closes nothing"

    @rule(is_forced=st.booleans())
    def a_call_begins(self, is_forced: bool) -> None:
        ready, closed = self.health.is_ready(self.now_s), self.health.is_closed
        if ready or is_forced:
            is_probe = self.health.claim(self.now_s)
            assert is_probe == (ready and not closed)
            self.flying.append((self.now_s, is_probe))

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), wait_s=st.none() | st.floats(0, 1e6), at_once=st.booleans())
    def a_call_fails(self, data: st.DataObject, wait_s: float | None, at_once: bool) -> None:
        began_s, is_probe = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        self.health.failed(self.now_s, began_s, is_probe=is_probe, wait_s=wait_s, at_once=at_once)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def a_call_succeeds(self, data: st.DataObject) -> None:
        began_s, is_probe = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        was_closed = self.health.is_closed
        self.health.succeeded(self.now_s, began_s, is_probe=is_probe)
        assert self.health.is_closed or not (was_closed or is_probe), "a success never opens"

    @precondition(lambda self: self.flying)
    @rule()
    def a_caller_leaves(self) -> None:
        _, is_probe = self.flying.pop()
        if is_probe:
            self.health.let_go()

    @invariant()
    def it_is_left_alone_for_a_bounded_time(self) -> None:
        assert self.health.until_s <= self.now_s + LONGEST_WAIT_S
        if self.health.is_closed:
            assert self.health.is_ready(self.now_s)
            assert self.health.until_s <= self.now_s

    def teardown(self) -> None:
        self.clock.advance(LONGEST_WAIT_S + PROBE_S)
        assert self.health.is_ready(self.now_s), "whatever happened, it is tried again some time"
        self.health.claim(self.now_s)
        self.health.succeeded(self.now_s, self.now_s)
        assert self.health.is_closed


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_any_order_of_events = Machine.TestCase
