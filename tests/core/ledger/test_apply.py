"""Operations inside a transaction, on both databases."""

from typing import Any

import pytest
from sqlalchemy import text

from pixapi.db.engine import Database
from pixapi.errors import BadRequest, Conflict, InsufficientCredit
from pixapi.ledger import Expire, SetBudget, SetOverdraft, Settled, Take, Voided, apply
from pixapi.ledger.operations import Expired, Granted, Held, Operation, Outcome
from pixapi.ledger.reads import balance_of, charge_by_id, key_budgets
from pixapi.ledger.verify import verify

NOW_US = 1_750_000_000_000_000


def do(database: Database, *operations: Operation) -> list[Outcome]:
    with database.begin() as connection:
        return apply(connection, operations, owner="own_test")


def balance(database: Database, account: str = "acc_1") -> tuple[int, int]:
    with database.read() as connection:
        found = balance_of(connection, account)
    return found.posted, found.held


def entries(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        rows = connection.execute(text("SELECT kind, lot_id, amount, charge_id FROM entries ORDER BY id"))
        return [tuple(row) for row in rows]


def proven(database: Database) -> bool:
    report = verify(database)
    assert report.problems == []
    return report.ok


def test_a_call_from_hold_to_receipt(database: Database, orders: Any) -> None:
    do(database, orders.grant(100))
    assert do(database, orders.hold("c1", 30)) == [Held(30, 70)]
    assert balance(database) == (100, 30)
    assert do(database, orders.settle("c1", 12, route="b/m", duration_ms=5)) == [Settled(12, 0, 88)]
    assert balance(database) == (88, 0)
    with database.read() as connection:
        charge = charge_by_id(connection, "c1")
    assert charge is not None
    assert (charge.status, charge.held, charge.amount, charge.route) == ("settled", 30, 12, "b/m")
    assert (charge.owner, charge.usage_source, charge.lot_id, charge.duration_ms) == (
        "own_test",
        "reported",
        1,
        5,
    )
    assert [row[0] for row in entries(database)] == ["grant"]
    assert proven(database)


def test_all_of_it_in_one_batch(database: Database, orders: Any) -> None:
    outcomes = do(
        database, orders.grant(100), orders.hold("c1", 30), orders.hold("c2", 30), orders.settle("c1", 30),
        orders.void("c2"), orders.hold("c3", 70),
    )  # fmt: skip
    assert outcomes == [
        Granted(1, False),
        Held(30, 70),
        Held(30, 40),
        Settled(30, 0, 40),
        Voided(30),
        Held(70, 0),
    ]
    assert balance(database) == (70, 70)
    assert proven(database)


def test_doing_it_again_changes_nothing(database: Database, orders: Any) -> None:
    steps = [
        orders.grant(100),
        orders.hold("c1", 30),
        orders.settle("c1", 12),
        orders.hold("c2", 5),
        orders.void("c2"),
    ]
    do(database, *steps)
    before = balance(database), entries(database)
    assert do(database, orders.grant(100)) == [Granted(1, True)]
    assert do(database, orders.settle("c1", 99)) == [Settled(12, 0, 88)]
    assert do(database, orders.void("c1"), orders.void("c2"), orders.void("never")) == [Voided(0)] * 3
    assert (balance(database), entries(database)) == before
    assert do(database, orders.hold("c3", 5)) == do(database, orders.hold("c3", 5)) == [Held(5, 83)]
    assert proven(database)


@pytest.mark.parametrize(
    "change", [{"amount": 101}, {"kind": "bonus"}, {"wallet_id": "acc_2"}], ids=["amount", "kind", "wallet"]
)
def test_one_source_cannot_mean_two_grants(database: Database, orders: Any, change: dict[str, Any]) -> None:
    do(database, orders.grant(100))
    with pytest.raises(Conflict):
        do(database, orders.grant(**{"amount": 100, **change}))


def test_a_charge_is_held_once(database: Database, orders: Any) -> None:
    do(database, orders.grant(100), orders.hold("c1", 5), orders.void("c1"))
    with pytest.raises(Conflict):
        do(database, orders.hold("c1", 5))


def test_a_settle_needs_a_hold(database: Database, orders: Any) -> None:
    with pytest.raises(Conflict, match="there is no charge"):
        do(database, orders.settle("never", 5))


def test_refusal_says_what_is_there(database: Database, orders: Any) -> None:
    do(database, orders.grant(3_000_000))
    with pytest.raises(InsufficientCredit, match=r"up to 3\.5 credits and 3 are available") as caught:
        do(database, orders.hold("c1", 3_500_000))
    assert (caught.value.needed_micro, caught.value.available_micro) == (3_500_000, 3_000_000)
    assert caught.value.code == "insufficient_credit"
    assert balance(database) == (3_000_000, 0)


def test_clamp_holds_half_but_at_least_the_minimum(database: Database, orders: Any) -> None:
    do(database, orders.grant(100))
    assert do(database, orders.hold("c1", 500, minimum=10)) == [Held(50, 50)]
    assert do(database, orders.hold("c2", 500, minimum=40)) == [Held(40, 10)]
    with pytest.raises(InsufficientCredit):
        do(database, orders.hold("c3", 500, minimum=11))


def test_several_lots_share_a_charge(database: Database, orders: Any) -> None:
    do(database, orders.grant(10, "bought"), orders.grant(5, "promo", kind="bonus"))
    do(database, orders.hold("c1", 12))
    do(database, orders.settle("c1", 12))
    assert [row for row in entries(database) if row[0] == "usage"] == [
        ("usage", 2, -5, "c1"),
        ("usage", 1, -7, "c1"),
    ]
    assert proven(database)


def test_usage_beyond_the_hold_takes_what_is_free_and_writes_off_the_rest(
    database: Database, orders: Any
) -> None:
    do(database, orders.grant(100), orders.hold("c1", 10), orders.hold("c2", 60))
    assert do(database, orders.settle("c1", 55)) == [Settled(40, 15, 0)]
    assert balance(database) == (60, 60)
    assert proven(database)


def test_a_late_settle_takes_what_is_available(database: Database, orders: Any) -> None:
    do(database, orders.grant(100), orders.hold("c1", 50), orders.void("c1"), orders.hold("c2", 90))
    assert do(database, orders.settle("c1", 50)) == [Settled(10, 40, 0)]
    assert do(database, orders.settle("c1", 50)) == [Settled(10, 40, 0)]
    assert proven(database)


def test_a_charge_voided_and_settled_late_in_one_batch_is_settled(database: Database, orders: Any) -> None:
    names = [f"c{number}" for number in range(40)]
    do(database, orders.grant(1000), *[orders.hold(name, 10) for name in names])
    do(database, *[order for name in names for order in (orders.void(name), orders.settle(name, 7))])
    with database.read() as connection:
        charges = [charge_by_id(connection, name) for name in names]
    assert {(charge.status, charge.amount) for charge in charges if charge is not None} == {("settled", 7)}
    assert balance(database) == (720, 0)
    assert proven(database)


def test_overdraft_becomes_debt_and_is_repaid(database: Database, orders: Any) -> None:
    do(database, SetOverdraft("acc_1", 50), orders.grant(10))
    do(database, orders.hold("c1", 40))
    assert do(database, orders.settle("c1", 40)) == [Settled(40, 0, 20)]
    assert balance(database) == (-30, 0)
    with pytest.raises(Conflict):
        do(database, SetOverdraft("acc_1", 29))
    assert proven(database)
    do(database, orders.grant(100, "second"), SetOverdraft("acc_1", 0))
    assert balance(database) == (70, 0)
    assert [row[:3] for row in entries(database)][-2:] == [("repay", 2, -30), ("repay", None, 30)]
    assert proven(database)


def test_what_expires_and_what_is_held(database: Database, orders: Any) -> None:
    do(database, orders.grant(100, expires_at_us=NOW_US + 10), orders.grant(10, "for ever"))
    do(database, orders.hold("c1", 60))
    assert do(database, Expire("acc_1", NOW_US + 9)) == [Expired(0)]
    assert do(database, Expire("acc_1", NOW_US + 10)) == [Expired(50)]
    assert balance(database) == (60, 60)
    assert proven(database)
    # The held part stays for its call; what the call leaves of it goes at once.
    assert do(database, orders.settle("c1", 20, at_us=NOW_US + 11)) == [Settled(20, 0, 10)]
    assert balance(database) == (10, 0)
    assert do(database, Expire("acc_1", NOW_US + 12)) == [Expired(0)]
    assert proven(database)


def test_a_hold_sees_what_has_expired(database: Database, orders: Any) -> None:
    do(database, orders.grant(100, expires_at_us=NOW_US + 10))
    with pytest.raises(InsufficientCredit):
        do(database, orders.hold("c1", 1, at_us=NOW_US + 10))


def test_key_budget(database: Database, orders: Any) -> None:
    do(database, orders.grant(1000), SetBudget("key_1", 100))
    do(database, orders.hold("c1", 60, budgeted=True), orders.hold("other", 500, key_id="key_2"))
    with pytest.raises(InsufficientCredit) as caught:
        do(database, orders.hold("c2", 50, budgeted=True))
    assert (caught.value.code, caught.value.status, caught.value.available_micro) == (
        "key_budget_exceeded",
        402,
        40,
    )
    do(database, orders.settle("c1", 20))
    with database.read() as connection:
        budget = key_budgets(connection, ["key_1", "key_2"])
    assert [(b.spent, b.held) for b in budget.values()] == [(20, 0)]
    do(database, SetBudget("key_1", None), orders.hold("c3", 300, budgeted=True), orders.void("c3"))
    do(database, SetBudget("key_1", 10))
    with pytest.raises(InsufficientCredit):
        do(database, orders.hold("c4", 1, budgeted=True))
    assert proven(database)


def test_taking_credits_back(database: Database, orders: Any) -> None:
    do(database, orders.grant(100), orders.hold("c1", 60))
    with pytest.raises(InsufficientCredit):
        do(database, Take("acc_1", 41, "refund_1", NOW_US))
    do(database, Take("acc_1", 40, "refund_1", NOW_US, note="refund"))
    do(database, Take("acc_1", 40, "refund_1", NOW_US))
    assert balance(database) == (60, 60)
    with pytest.raises(Conflict):
        do(database, Take("acc_1", 39, "refund_1", NOW_US))
    assert proven(database)


@pytest.mark.parametrize(
    "change",
    [{"amount": 0}, {"amount": -1}, {"kind": "gift"}, {"expires_at_us": NOW_US}, {"amount": 2**53}],
    ids=["zero", "negative", "kind", "expired", "too much"],
)
def test_grants_that_make_no_sense(database: Database, orders: Any, change: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        do(database, orders.grant(**{"amount": 10, **change}))


def test_a_refusal_gives_up_the_whole_transaction(database: Database, orders: Any) -> None:
    with pytest.raises(InsufficientCredit):
        do(database, orders.grant(10), orders.hold("c1", 5), orders.hold("c2", 6))
    assert balance(database) == (0, 0)
    assert entries(database) == []


def test_a_big_batch_over_many_wallets(database: Database, orders: Any) -> None:
    wallets = [f"acc_{number}" for number in range(300)]
    do(database, *[orders.grant(10, f"g{w}", wallet_id=w) for w in wallets])
    do(database, *[orders.hold(f"c{w}", 10, wallet_id=w) for w in wallets])
    do(database, *[orders.settle(f"c{w}", 4) for w in wallets])
    assert {balance(database, wallet) for wallet in wallets} == {(6, 0)}
    assert proven(database)


def test_the_database_refuses_to_change_a_receipt(database: Database, orders: Any) -> None:
    do(database, orders.grant(10), orders.hold("c1", 5), orders.settle("c1", 5))
    with pytest.raises(Exception, match="does not change"), database.begin() as connection:
        connection.execute(text("UPDATE charges SET amount = 1 WHERE id = 'c1'"))


def test_the_database_refuses_to_overspend(database: Database, orders: Any) -> None:
    do(database, orders.grant(10))
    with pytest.raises(Exception, match="affordable"), database.begin() as connection:
        connection.execute(text("UPDATE wallets SET held = 11"))


@pytest.mark.parametrize(("most", "paid"), [(None, 30), (50, 30), (30, 30), (12, 12), (0, 0)])
def test_a_settle_that_says_how_much_is_paid_at_most_writes_the_rest_off(
    database: Database, orders: Any, most: int | None, paid: int
) -> None:
    do(database, orders.grant(100), orders.hold("chg_1", 10))
    (settled,) = do(database, orders.settle("chg_1", 30, most=most))
    assert settled == Settled(paid, 30 - paid, 100 - paid)
    assert balance(database) == (100 - paid, 0)
    assert proven(database)
