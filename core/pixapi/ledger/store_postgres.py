"""The ledger's tables on Postgres, in two exchanges a batch: lock and read; write and commit.

A wallet's row lock covers all that it owns: charges, lots, and the budgets of its account's keys. Locks are
taken in the order of the wallets' ids, so that writers wait for each other in line and never in a ring. Under
READ COMMITTED each statement sees what is committed when it starts, so what is read after the lock is current.
"""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg

from pixapi.ledger.postgres_exchange import Command, Exchange, text_array
from pixapi.ledger.rows import Bulk, Changes, Charge, Loaded, Place, Row
from pixapi.ledger.rules import Budget, Lot, Wallet

_BEGIN, _COMMIT, _ROLLBACK = b"BEGIN", b"COMMIT", b"ROLLBACK"
_BRIEFLY = b"SET LOCAL lock_timeout = '10ms'"
_LOCK = b"""
SELECT account_id, posted, held, overdraft, next_expiry_us FROM wallets
WHERE account_id = ANY($1) ORDER BY account_id FOR NO KEY UPDATE
"""
_LOTS = b"""
SELECT wallet_id, id, priority, remaining, expires_at_us FROM lots WHERE wallet_id = ANY($1) AND remaining > 0
"""
_CHARGES = b"""
SELECT id, wallet_id, key_id, status, held, amount, written_off, budgeted
FROM charges WHERE id = ANY($1)
"""
_BUDGETS = b"SELECT key_id, budget, spent, held FROM key_budgets WHERE key_id = ANY($1)"
_PLACES = b"SELECT id, wallet_id, CASE WHEN budgeted THEN key_id END FROM charges WHERE id = ANY($1)"
_MAKE = b"""
INSERT INTO wallets (account_id, posted, held, overdraft)
SELECT id, 0, 0, 0 FROM unnest($1::text[]) AS missing(id) ORDER BY id ON CONFLICT DO NOTHING
"""


class PostgresStore:
    """See `pixapi.ledger.rows.Store`."""

    is_local = False

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._exchange = Exchange(connection)
        self._statements: dict[int, bytes] = {}
        self._begins: list[Command] = []
        """What the transaction starts with, as long as nothing of it was sent."""
        self._encode = msgspec.json.Encoder().encode

    def begin(self, *, briefly: bool = False) -> None:
        self._begins = [(_BEGIN, None), (_BRIEFLY, None)] if briefly else [(_BEGIN, None)]

    def places(self, charge_ids: list[str]) -> dict[str, Place]:
        [rows] = self._exchange.run([(_PLACES, [text_array(charge_ids)])])
        return {charge_id: (wallet_id, key_id) for charge_id, wallet_id, key_id in rows}

    def load(self, wallet_ids: list[str], charge_ids: list[str], key_ids: list[str]) -> Loaded:
        loaded = self._load(wallet_ids, charge_ids, key_ids)
        missing = [wallet_id for wallet_id in wallet_ids if wallet_id not in loaded.wallets]
        if missing:
            # Made first and locked with the others: locking the rest later would break the order of the ids.
            # The transaction so far has only taken locks; it starts anew where it is ours.
            is_ours = self._connection.autocommit
            if is_ours:
                self.rollback()
            self._exchange.run([(_MAKE, [text_array(missing)])])
            if is_ours:
                self.begin()
            loaded = self._load(wallet_ids, charge_ids, key_ids)
        return loaded

    def _load(self, wallet_ids: list[str], charge_ids: list[str], key_ids: list[str]) -> Loaded:
        asked = ((_LOCK, wallet_ids), (_LOTS, wallet_ids), (_CHARGES, charge_ids), (_BUDGETS, key_ids))
        begins, self._begins = self._begins, []
        reads: list[Command] = [(sql, [text_array(ids)]) for sql, ids in asked if ids]
        rows = self._exchange.run(begins + reads)[len(begins) :]
        found = {sql: some for (sql, _), some in zip(reads, rows, strict=True)}
        wallets = {row[0]: Wallet(*row) for row in found.get(_LOCK, ())}
        for wallet_id, *lot in found.get(_LOTS, ()):
            if wallet_id in wallets:
                wallets[wallet_id].lots.append(Lot(*lot))
        for wallet in wallets.values():
            wallet.lots.sort(key=Lot.order)
        charges = {row[0]: Charge(*row) for row in found.get(_CHARGES, ())}
        budgets = {row[0]: Budget(*row) for row in found.get(_BUDGETS, ())}
        return Loaded(wallets, charges, budgets)

    def save(self, changes: Changes, *, commit: bool) -> None:
        commands: list[Command] = [
            (self._sql(bulk), [self._encode(rows)]) for bulk, rows in changes.statements()
        ]
        if commit:
            commands.append((_COMMIT, None))
        if commands:
            self._exchange.run(commands)

    def commit(self) -> None:
        self._exchange.run([(_COMMIT, None)])

    def fetch(self, sql: str, arguments: Row) -> list[Row]:
        return self._connection.execute(sql.replace("?", "%s").encode(), arguments).fetchall()

    def rollback(self) -> bool:
        self._begins = []
        if self._connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            return False
        self._exchange.run([(_ROLLBACK, None)])
        return True

    def _sql(self, bulk: Bulk) -> bytes:
        sql = self._statements.get(id(bulk))
        if sql is None:
            sql = self._statements[id(bulk)] = bulk.postgres().encode()
        return sql
