"""Amounts at their limits and beyond, on both databases; and what is done twice with something else in it."""

from typing import Any

import pytest

from pixapi.db.engine import Database
from pixapi.errors import BadRequest, Conflict, InsufficientCredit, InternalError, PixapiError
from pixapi.ledger import SetBudget, SetOverdraft, Settled, Take, apply
from pixapi.ledger.operations import Done, Held, Operation, Outcome, Taken, Voided
from pixapi.ledger.reads import balance_of, holds, write_offs
from pixapi.ledger.verify import verify
from pixapi.money import MAX_MICRO

NOW_US = 1_750_000_000_000_000


def do(database: Database, *operations: Operation) -> list[Outcome]:
    with database.begin() as connection:
        return apply(connection, operations)


def refused(database: Database, kind: type[PixapiError], *operations: Operation) -> PixapiError:
    with pytest.raises(kind) as caught:
        do(database, *operations)
    assert type(caught.value) is kind
    return caught.value


def test_the_largest_amount_goes_all_the_way(database: Database, orders: Any) -> None:
    outcomes = do(
        database, orders.grant(MAX_MICRO), orders.hold("c1", MAX_MICRO), orders.settle("c1", MAX_MICRO),
        SetOverdraft("acc_2", MAX_MICRO), SetBudget("key_2", MAX_MICRO),
    )  # fmt: skip
    assert outcomes[1:] == [Held(MAX_MICRO, 0), Settled(MAX_MICRO, 0, 0), Done(), Done()]
    assert verify(database).problems == []


def test_nothing_is_an_amount_too(database: Database, orders: Any) -> None:
    outcomes = do(
        database,
        orders.hold("c1", 0),
        orders.settle("c1", 0),
        SetOverdraft("acc_1", 0),
        SetBudget("key_1", 0),
    )
    assert outcomes == [Held(0, 0), Settled(0, 0, 0), Done(), Done()]
    assert do(database, orders.settle("c1", 0)) == [Settled(0, 0, 0)]
    assert verify(database).problems == []


@pytest.mark.parametrize(("amount", "minimum"), [(-1, -1), (10, -1), (10, 11), (MAX_MICRO + 1, 0)], ids=str)
def test_holds_that_make_no_sense(database: Database, orders: Any, amount: int, minimum: int) -> None:
    refused(database, InternalError, orders.grant(MAX_MICRO), orders.hold("c1", amount, minimum=minimum))


def test_what_is_held_is_not_written_off(database: Database, orders: Any) -> None:
    do(database, orders.grant(10), orders.hold("c1", 10))
    with database.read() as connection:
        assert write_offs(connection) == []
        assert [(charge.id, charge.held, charge.written_off) for charge in holds(connection)] == [
            ("c1", 10, 0)
        ]


@pytest.mark.parametrize("amount", [-1, MAX_MICRO + 1])
def test_charges_that_make_no_sense(database: Database, orders: Any, amount: int) -> None:
    do(database, orders.grant(100), orders.hold("c1", 10))
    refused(database, InternalError, orders.settle("c1", amount))


@pytest.mark.parametrize("amount", [-1, 0, MAX_MICRO + 1])
def test_amounts_that_cannot_be_taken(database: Database, orders: Any, amount: int) -> None:
    refused(database, BadRequest, orders.grant(100), Take("acc_1", amount, "refund_1", NOW_US))


def test_a_single_micro_credit_can_be_taken(database: Database, orders: Any) -> None:
    assert do(database, orders.grant(1), Take("acc_1", 1, "refund_1", NOW_US))[1] == Taken(1, False)


@pytest.mark.parametrize("limit", [-1, MAX_MICRO + 1])
def test_limits_that_make_no_sense(database: Database, limit: int) -> None:
    refused(database, BadRequest, SetOverdraft("acc_1", limit))
    refused(database, BadRequest, SetBudget("key_1", limit))


def test_all_that_is_there_can_be_taken(database: Database, orders: Any) -> None:
    do(database, orders.grant(MAX_MICRO))
    assert do(database, Take("acc_1", MAX_MICRO, "refund_1", NOW_US)) == [Taken(MAX_MICRO, False)]
    assert do(database, Take("acc_1", MAX_MICRO, "refund_1", NOW_US)) == [Taken(MAX_MICRO, True)]
    refused(
        database,
        Conflict,
        orders.grant(100, "other", wallet_id="acc_2"),
        Take("acc_2", MAX_MICRO, "refund_1", NOW_US),
    )


def test_an_overdraft_goes_down_to_what_is_used(database: Database, orders: Any) -> None:
    do(database, SetOverdraft("acc_1", 50), orders.hold("c1", 30))
    refused(database, Conflict, SetOverdraft("acc_1", 29))
    assert do(database, SetOverdraft("acc_1", 30)) == [Done()]


@pytest.mark.parametrize("change", [{"wallet_id": "acc_2"}, {"key_id": "key_2"}], ids=str)
def test_a_hold_is_not_another_one(database: Database, orders: Any, change: dict[str, Any]) -> None:
    do(database, orders.grant(100), orders.grant(100, "other", wallet_id="acc_2"), orders.hold("c1", 5))
    refused(database, Conflict, orders.hold("c1", 5, **change))


@pytest.mark.parametrize(
    ("budget", "code", "available"),
    [(99, "key_budget_exceeded", 99), (100, "insufficient_credit", 100), (101, "insufficient_credit", 100)],
)
def test_a_refusal_names_what_is_scarcer(
    database: Database, orders: Any, budget: int, code: str, available: int
) -> None:
    do(database, orders.grant(100), SetBudget("key_1", budget))
    refusal = refused(database, InsufficientCredit, orders.hold("c1", 150, budgeted=True))
    assert isinstance(refusal, InsufficientCredit)
    assert (refusal.code, refusal.available_micro) == (code, available)


def test_a_budget_that_is_used_up_leaves_nothing(database: Database, orders: Any) -> None:
    """Not less than nothing either, when it was lowered meanwhile: a call for nothing goes through."""
    do(database, orders.grant(1000), SetBudget("key_1", 100), orders.hold("c1", 80, budgeted=True))
    do(database, SetBudget("key_1", 50))
    assert do(database, orders.hold("c2", 10, minimum=0, budgeted=True)) == [Held(0, 920)]
    assert verify(database).problems == []


def test_a_late_settle_where_nothing_is_free_is_written_off(database: Database, orders: Any) -> None:
    do(database, orders.grant(100), orders.hold("c1", 50), orders.void("c1"), orders.hold("c2", 100))
    assert do(database, orders.settle("c1", 50)) == [Settled(0, 50, 0)]
    assert verify(database).problems == []


def test_a_void_ends_a_hold_once_and_lets_go_what_has_expired(database: Database, orders: Any) -> None:
    later_us = NOW_US + 10
    outcomes = do(
        database, orders.grant(100, expires_at_us=later_us), orders.hold("c1", 60),
        orders.void("c1", at_us=later_us), orders.void("c1", at_us=later_us),
    )  # fmt: skip
    assert outcomes[2:] == [Voided(60), Voided(0)]
    with database.read() as connection:
        assert write_offs(connection) == []
        found = balance_of(connection, "acc_1")
    assert (found.posted, found.held) == (0, 0)
    assert verify(database).problems == []
