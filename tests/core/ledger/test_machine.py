"""Random histories of a wallet against a model that is as plain as can be.

The model knows nothing of batches, lots' rows or caches: a list of lots, a list of holds, and the rules of the
ledger's essay. After every step the database must say what the model says; a crash (a transaction that is decided
and never committed) must leave no trace; charges may be carried forward once they are over, and no balance moves. At
the end of each history its wallet must be proven, and the whole ledger after the last one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from pixapi.clock import ManualClock
from pixapi.db.engine import Database
from pixapi.errors import Conflict, InsufficientCredit, PixapiError
from pixapi.ledger import (
    Expire,
    Grant,
    HoldOrder,
    SetBudget,
    SetOverdraft,
    SettleOrder,
    Take,
    VoidOrder,
    apply,
)
from pixapi.ledger.apply import answer, store_over
from pixapi.ledger.carry import Carried, carry, lock_wallets
from pixapi.ledger.operations import Operation
from pixapi.ledger.reads import balance_of, key_budgets
from pixapi.ledger.verify import verify
from pixapi.ledger.verify_sums import confirm

SECOND_US = 1_000_000


@dataclass
class ModelLot:
    priority: int
    expires_at_us: int | None
    number: int
    remaining: int
    source: str


class Model:
    """The wallet as the essay tells it."""

    def __init__(self) -> None:
        self.lots: list[ModelLot] = []
        self.debt = 0
        self.overdraft = 0
        self.open: dict[str, int] = {}
        self.budget = 2**53 - 1
        self.spent = 0
        self.budgeted: set[str] = set()

    @property
    def posted(self) -> int:
        return sum(lot.remaining for lot in self.lots) - self.debt

    @property
    def held(self) -> int:
        return sum(self.open.values())

    @property
    def available(self) -> int:
        return self.posted - self.held + self.overdraft

    @property
    def budget_left(self) -> int:
        return max(0, self.budget - self.spent - sum(self.open[c] for c in self.budgeted if c in self.open))

    def expire(self, now_us: int) -> None:
        for lot in self._order():
            if lot.expires_at_us is not None and lot.expires_at_us <= now_us:
                lot.remaining -= min(lot.remaining, max(0, self.posted - self.held))

    def draw(self, amount: int) -> None:
        for lot in self._order():
            taken = min(lot.remaining, amount)
            lot.remaining -= taken
            amount -= taken
        self.debt += amount

    def _order(self) -> list[ModelLot]:
        return sorted(
            self.lots,
            key=lambda lot: (lot.priority, lot.expires_at_us is None, lot.expires_at_us or 0, lot.number),
        )


class LedgerMachine(RuleBasedStateMachine):
    """Steps of a wallet's life. Each example has a wallet, a key and charges of its own in one database."""

    charges = Bundle("charges")
    ended = Bundle("ended")
    numbers = itertools.count()

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.clock = ManualClock()
        self.model = Model()
        number = next(self.numbers)
        self.wallet, self.key = f"acc_{number}", f"key_{number}"
        self.count = 0
        self.driver = database.driver_connection()
        self.store = store_over(self.driver)
        self.through_the_writer = False
        self.done: list[Operation] = []
        self.forgotten: set[str] = set()

    def do(self, operation: Operation) -> Any:
        if self.through_the_writer and isinstance(operation, HoldOrder | SettleOrder | VoidOrder):
            # Its store lives on and may remember; grants and the like come from other connections all the same.
            self.store.begin()
            outcome = answer(self.store, [operation], owner="own_machine", hints={}, commit=True)[0]
            if not isinstance(outcome, PixapiError):
                self.done.append(operation)
            return outcome
        try:
            with self.database.begin() as connection:
                outcome = apply(connection, [operation], owner="own_machine")[0]
        except PixapiError as refusal:
            return refusal
        self.done.append(operation)
        return outcome

    def next(self, what: str) -> str:
        self.count += 1
        return f"{what}_{self.wallet}_{self.count}"

    @initialize(amount=st.integers(1, 200))
    def first_grant(self, amount: int) -> None:
        self.do(SetBudget(self.key, None))
        self.grant(amount, "purchase", None)

    @rule(
        amount=st.integers(1, 200),
        kind=st.sampled_from(["purchase", "bonus", "subscription"]),
        lives_s=st.none() | st.integers(1, 6) | st.integers(1, 6),
    )
    def grant(self, amount: int, kind: str, lives_s: int | None) -> None:
        now_us = self.clock.now_us()
        until = None if lives_s is None else now_us + lives_s * SECOND_US
        source = self.next("grant")
        self.do(Grant(self.wallet, amount, source, kind, now_us, expires_at_us=until))
        self.model.expire(now_us)
        repaid = min(self.model.debt, amount)
        self.model.debt -= repaid
        priority = {"purchase": 50, "bonus": 20, "subscription": 10}[kind]
        self.model.lots.append(ModelLot(priority, until, self.count, amount - repaid, source))
        self.model.expire(now_us)  # what was kept for a hold is covered by the new lot now

    @rule(target=charges, amount=st.integers(1, 60))
    def hold_what_likely_fits(self, amount: int) -> Any:
        return self.hold(amount, 0, False)

    @rule(target=charges, amount=st.integers(1, 60))
    def hold_of_a_budget(self, amount: int) -> Any:
        return self.hold(amount, 0, True)

    @rule(target=charges, amount=st.integers(0, 150), minimum=st.integers(0, 150), budgeted=st.booleans())
    def hold_anything(self, amount: int, minimum: int, budgeted: bool) -> Any:
        return self.hold(amount, minimum, budgeted)

    def hold(self, amount: int, minimum: int, budgeted: bool) -> Any:
        charge, minimum = self.next("chg"), min(minimum, amount)
        outcome = self.do(self.hold_order(charge, amount, minimum, budgeted))
        before = deepcopy(self.model)
        self.model.expire(self.clock.now_us())
        available = min(self.model.available, self.model.budget_left) if budgeted else self.model.available
        if amount > available and minimum > available:
            assert isinstance(outcome, InsufficientCredit)
            if not self.through_the_writer:
                self.model = before  # the refusal undid the expiry with it
            return multiple()
        expected = amount if amount <= available else max(available // 2, minimum)
        self.model.open[charge] = expected
        if budgeted:
            self.model.budgeted.add(charge)
        assert (outcome.amount, outcome.available) == (expected, self.model.available)
        return charge

    def hold_order(self, charge: str, amount: int, minimum: int, budgeted: bool) -> HoldOrder:
        return HoldOrder(
            charge, self.wallet, self.key, None, amount, minimum, budgeted, "chat", "m", "r", False, 1,
            self.clock.now_us(),
        )  # fmt: skip

    @rule(target=ended, charge=consumes(charges), amount=st.integers(0, 60))
    def settle_what_likely_fits(self, charge: str, amount: int) -> tuple[str, bool]:
        return self.settle(charge, amount)

    @rule(target=ended, charge=consumes(charges), amount=st.integers(0, 200))
    def settle_anything(self, charge: str, amount: int) -> tuple[str, bool]:
        return self.settle(charge, amount)

    def settle(self, charge: str, amount: int) -> tuple[str, bool]:
        self.settle_now(charge, amount, late=False)
        return charge, True

    @rule(target=ended, charge=consumes(charges))
    def void(self, charge: str) -> tuple[str, bool]:
        self.do(VoidOrder(charge, self.clock.now_us(), "upstream_error", 502))
        self.model.expire(self.clock.now_us())
        del self.model.open[charge]
        self.model.expire(self.clock.now_us())
        return charge, False

    @rule(target=ended, charge=consumes(ended), amount=st.integers(0, 200))
    def settle_again_or_late(self, charge: tuple[str, bool], amount: int) -> tuple[str, bool]:
        if charge[1]:
            self.do(SettleOrder(charge[0], amount, "{}", "reported", self.clock.now_us(), 200))
            self.model.expire(self.clock.now_us())
        else:
            self.settle_now(charge[0], amount, late=True)
        return charge[0], True

    @rule(charge=consumes(ended))
    def forget(self, charge: tuple[str, bool]) -> None:
        with self.database.begin() as connection:
            lock_wallets(connection, [charge[0]])
            assert carry(connection, [charge[0]]) == Carried(int(charge[1]), int(not charge[1]))
        self.forgotten.add(charge[0])

    def settle_now(self, charge: str, amount: int, *, late: bool) -> None:
        now_us = self.clock.now_us()
        outcome = self.do(SettleOrder(charge, amount, "{}", "reported", now_us, 200))
        assert late or charge in self.model.open
        self.model.expire(now_us)
        self.model.open.pop(charge, None)
        paid = min(amount, max(0, self.model.available))
        self.model.draw(paid)
        if charge in self.model.budgeted:
            self.model.spent += paid
        self.model.expire(now_us)
        assert (outcome.amount, outcome.written_off) == (paid, amount - paid)

    @rule(amount=st.integers(1, 100))
    def take(self, amount: int) -> None:
        outcome = self.do(Take(self.wallet, amount, self.next("take"), self.clock.now_us()))
        before = deepcopy(self.model)
        self.model.expire(self.clock.now_us())
        if amount > self.model.available:
            assert isinstance(outcome, InsufficientCredit)
            self.model = before
            return
        self.model.draw(amount)

    @rule(overdraft=st.integers(0, 50))
    def set_overdraft(self, overdraft: int) -> None:
        outcome = self.do(SetOverdraft(self.wallet, overdraft))
        if not isinstance(outcome, PixapiError):
            self.model.overdraft = overdraft
        else:
            assert self.model.posted - self.model.held < -overdraft

    @rule(budget=st.integers(0, 300))
    def set_budget(self, budget: int) -> None:
        self.do(SetBudget(self.key, budget))
        self.model.budget = budget

    @rule(seconds=st.integers(1, 6))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def expiry_sweep(self) -> None:
        self.do(Expire(self.wallet, self.clock.now_us()))
        self.model.expire(self.clock.now_us())

    @rule(amount=st.integers(0, 50))
    def crash_before_commit(self, amount: int) -> None:
        order = self.hold_order(self.next("chg"), amount, 0, False)
        self.store.begin()
        answer(self.store, [order], owner="own_dead", hints={}, commit=False)
        self.store.rollback()

    @rule()
    def change_the_way_of_calls(self) -> None:
        self.through_the_writer = not self.through_the_writer

    @rule(which=st.integers(0, 1000))
    def replay(self, which: int) -> None:
        if self.done:
            operation = self.done[which % len(self.done)]
            if isinstance(operation, Grant | Take | SettleOrder | VoidOrder):
                # With its own, earlier time: nothing may expire by it that had not then.
                gone = isinstance(operation, SettleOrder) and operation.charge_id in self.forgotten
                refused = pytest.raises(Conflict) if gone else nullcontext()
                with refused, self.database.begin() as connection:
                    apply(connection, [operation], owner="own_machine")

    @invariant()
    def database_says_what_the_model_says(self) -> None:
        with self.database.read() as connection:
            found = balance_of(connection, self.wallet)
            budgets = key_budgets(connection, [self.key])
            query = text("SELECT source, remaining FROM lots WHERE wallet_id = :wallet")
            lots = {row.source: row.remaining for row in connection.execute(query, {"wallet": self.wallet})}
        assert (found.posted, found.held) == (self.model.posted, self.model.held)
        assert lots == {lot.source: lot.remaining for lot in self.model.lots}
        assert found.posted - found.held >= -found.overdraft
        for budget in budgets.values():
            assert budget.spent == self.model.spent
            assert budget.held == sum(self.model.open.get(charge, 0) for charge in self.model.budgeted)

    def teardown(self) -> None:
        self.driver.close()
        # Not the whole ledger each time: that of a thousand histories is read for minutes.
        for suspect in (("wallet", self.wallet), ("key", self.key)):
            assert confirm(self.database, suspect) == []


def run(database: Database, examples: int, steps: int) -> None:
    factory: Callable[[], LedgerMachine] = lambda: LedgerMachine(database)  # noqa: E731
    run_state_machine_as_test(
        factory,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],  # shrinking takes minutes on a database
        ),
    )  # fmt: skip
    assert verify(database).problems == []


@pytest.mark.sized(40, short=100, full=1000)
@pytest.mark.timeout(3600)
def test_random_histories(database: Database, size: int) -> None:
    if database.dialect == "postgresql":
        # No server dies here, so a thousand histories need not wait for the disk.
        with database.begin() as connection:
            connection.execute(text(f'ALTER DATABASE "{database.url.database}" SET synchronous_commit = off'))
        database.close()
    run(database, examples=size, steps=50)
