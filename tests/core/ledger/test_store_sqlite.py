"""What the ledger's SQLite store remembers from one transaction to the next, and when it must not."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from pixapi.db.engine import Database
from pixapi.errors import InsufficientCredit
from pixapi.ledger import SetBudget, Settled, apply
from pixapi.ledger.apply import answer, store_over
from pixapi.ledger.operations import Held, Operation, Outcome
from pixapi.ledger.rows import Place, Store
from pixapi.ledger.verify import verify


@pytest.fixture
def database(sqlite_url: str, tmp_path: Any) -> Iterator[Database]:
    opened = Database(sqlite_url, base_dir=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def driver(database: Database) -> Iterator[sqlite3.Connection]:
    connection = database.driver_connection()
    assert isinstance(connection, sqlite3.Connection)
    with closing(connection):
        yield connection


@pytest.fixture
def store(driver: sqlite3.Connection) -> Store:
    return store_over(driver)


@pytest.fixture
def read_of(driver: sqlite3.Connection) -> Callable[[Callable[[], object]], list[str]]:
    """The tables that are read from while something is done."""

    def watch(work: Callable[[], object]) -> list[str]:
        said: list[str] = []
        driver.set_trace_callback(said.append)
        work()
        driver.set_trace_callback(None)
        return [
            table for table in ("wallets", "charges", "key_budgets") for sql in said if _reads(sql, table)
        ]

    return watch


def _reads(sql: str, table: str) -> bool:
    return sql.lstrip().startswith("SELECT") and f"FROM {table} WHERE" in sql


def elsewhere(database: Database, *operations: Operation) -> None:
    """Done by another connection, as the command line and the web pages do."""
    with database.begin() as connection:
        apply(connection, operations, owner="own_other")


def do(store: Store, *operations: Operation, hints: dict[str, Place] | None = None) -> list[Any]:
    store.begin()
    try:
        return answer(store, operations, owner="own_test", hints=hints or {}, commit=True)
    except BaseException:
        store.rollback()
        raise


def test_a_second_call_of_the_same_wallet_reads_nothing(
    database: Database, store: Store, orders: Any, read_of: Any
) -> None:
    elsewhere(database, SetBudget("key_1", 50), orders.grant(100))
    assert set(read_of(lambda: do(store, orders.hold("c1", 10, budgeted=True)))) == {
        "wallets", "charges", "key_budgets"
    }  # fmt: skip
    assert read_of(lambda: do(store, orders.settle("c1", 7), hints={"c1": ("acc_1", "key_1")})) == []
    assert verify(database).problems == []


def test_what_another_connection_did_is_seen(database: Database, store: Store, orders: Any) -> None:
    elsewhere(database, orders.grant(10))
    do(store, orders.hold("c1", 10))
    elsewhere(database, orders.grant(100, source="second"))
    assert do(store, orders.hold("c2", 60)) == [Held(60, 40)]
    elsewhere(database, orders.void("c2"))
    assert do(store, orders.settle("c1", 4), orders.hold("c3", 106)) == [Settled(4, 0, 106), Held(106, 0)]
    assert verify(database).problems == []


def test_a_transaction_that_is_given_up_is_forgotten(database: Database, store: Store, orders: Any) -> None:
    elsewhere(database, orders.grant(100))
    do(store, orders.hold("c1", 10))
    store.begin()
    answer(store, [orders.settle("c1", 10), orders.hold("c2", 90)], owner="own_test", hints={}, commit=False)
    store.rollback()
    assert do(store, orders.settle("c1", 3), orders.hold("c3", 97)) == [Settled(3, 0, 97), Held(97, 0)]
    assert verify(database).problems == []


def test_a_row_that_breaks_a_rule_ends_the_transaction_and_nothing_of_it_stays(
    database: Database, store: Store, orders: Any
) -> None:
    elsewhere(database, orders.grant(100))
    do(store, orders.hold("c1", 10))
    do(store, orders.settle("c1", 10))
    store.begin()
    with pytest.raises(sqlite3.IntegrityError):
        # The writer believes holds of calls to be new; this one is not.
        answer(
            store, [orders.hold("c2", 20), orders.hold("c1", 20)], owner="own_test", hints={}, commit=True,
            holds_are_new=True,
        )  # fmt: skip
    store.rollback()
    assert do(store, orders.hold("c3", 90)) == [Held(90, 0)]
    assert verify(database).problems == []


def test_a_refusal_changes_nothing_that_is_remembered(database: Database, store: Store, orders: Any) -> None:
    elsewhere(database, orders.grant(100))
    outcomes: list[Outcome | Exception] = do(store, orders.hold("c1", 60), orders.hold("c2", 50))
    assert outcomes[0] == Held(60, 40)
    assert isinstance(outcomes[1], InsufficientCredit)
    assert do(store, orders.hold("c3", 40)) == [Held(40, 0)]


def test_charges_that_ended_are_not_remembered_for_ever(
    database: Database, store: Store, orders: Any, read_of: Any
) -> None:
    names = [f"c{number}" for number in range(4200)]
    for first in range(0, len(names), 200):
        part = names[first : first + 200]
        do(store, *(orders.hold(name, 0) for name in part))
        do(store, *(orders.settle(name, 0) for name in part))
    for first in range(0, len(names), 200):
        do(store, *(orders.settle(name, 0) for name in names[first : first + 200]))
    assert "wallets" in read_of(lambda: do(store, orders.hold("c", 0)))
    assert verify(database).problems == []


def test_only_wallets_in_use_lately_are_remembered(
    database: Database, store: Store, orders: Any, read_of: Any
) -> None:
    for first in range(0, 5000, 250):
        do(store, *(orders.hold(f"c{n}", 0, wallet_id=f"acc_{n}") for n in range(first, first + 250)))
    do(store, orders.hold("a", 0, wallet_id="acc_1"))
    assert read_of(lambda: do(store, orders.hold("b", 0, wallet_id="acc_2"))).count("wallets") == 1
    assert verify(database).problems == []
