"""The only way to write money: `apply` inside the caller's transaction, `answer` for the group-commit writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection

from pixapi.db.engine import DriverConnection, driver_of
from pixapi.errors import PixapiError
from pixapi.ledger.fold import Fold
from pixapi.ledger.operations import (
    HoldOrder,
    Operation,
    Outcome,
    SetBudget,
    SettleOrder,
    VoidOrder,
)
from pixapi.ledger.rows import Loaded, Place, Store
from pixapi.ledger.store_postgres import PostgresStore
from pixapi.ledger.store_sqlite import SqliteStore


def store_over(driver: DriverConnection) -> Store:
    """The ledger's tables over a driver's connection."""
    return SqliteStore(driver) if isinstance(driver, sqlite3.Connection) else PostgresStore(driver)


def apply(connection: Connection, operations: Sequence[Operation], *, owner: str = "") -> list[Outcome]:
    """Does all of the operations inside the caller's write transaction, or raises.

    Args:
        connection: from `Database.begin`; it commits what is done here together with the caller's own rows.
        operations: done in order; each sees what those before it did.
        owner: the process that new holds belong to.

    Returns:
        The outcome of each. One that was done before changes nothing and has the outcome it had then.

    Raises:
        InsufficientCredit, BadRequest, Conflict: the first refusal; the caller's transaction must be given up.
    """
    store = store_over(driver_of(connection))
    answers = answer(store, operations, owner=owner, hints={}, commit=False)
    return [_unless_refused(found) for found in answers]


def _unless_refused(found: Outcome | PixapiError) -> Outcome:
    if isinstance(found, PixapiError):
        raise found
    return found


def answer(
    store: Store,
    operations: Sequence[Operation],
    *,
    owner: str,
    hints: Mapping[str, Place],
    commit: bool,
    holds_are_new: bool = False,
    confirm: Callable[[], None] = lambda: None,
) -> list[Outcome | PixapiError]:
    """Does what can be done, in the store's open transaction, and answers each operation by itself.

    Args:
        hints: places of charges, as far as the caller remembers them; the others are looked up.
        commit: end the transaction in the same exchange.
        holds_are_new: do not look whether a hold was made before. If one was, saving fails on its key; the
            caller then asks again without this.
        confirm: called when everything is decided and nothing written; may raise.
    """
    fold = Fold(store, _load(store, operations, hints, holds_are_new), owner)
    answers = [fold.decide(operation) for operation in operations]
    confirm()
    store.save(fold.changes, commit=commit)
    return answers


def _load(
    store: Store, operations: Sequence[Operation], hints: Mapping[str, Place], holds_are_new: bool
) -> Loaded:
    wallets: set[str] = set()
    charges: list[str] = []
    keys: set[str] = set()
    unknown: list[str] = []
    places: list[Place] = []
    for operation in operations:
        if isinstance(operation, HoldOrder):
            wallets.add(operation.wallet_id)
            if not holds_are_new:
                charges.append(operation.charge_id)
            if operation.budgeted:
                keys.add(operation.key_id)
        elif isinstance(operation, SettleOrder | VoidOrder):
            place = hints.get(operation.charge_id)
            charges.append(operation.charge_id)
            if place is None:
                unknown.append(operation.charge_id)
            else:
                places.append(place)
        elif not isinstance(operation, SetBudget):
            wallets.add(operation.wallet_id)
    if unknown:
        places += store.places(unknown).values()
    for wallet_id, key_id in places:
        wallets.add(wallet_id)
        if key_id is not None:
            keys.add(key_id)
    return store.load(sorted(wallets), charges, sorted(keys))
