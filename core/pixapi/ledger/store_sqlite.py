"""The ledger's tables on SQLite. The whole file is one lock: a transaction begins with BEGIN IMMEDIATE.

What one transaction wrote the next one need not read again, if nobody else has written meanwhile. SQLite tells: its
`data_version` changes with every commit of another connection, and only then (it guards SQLite's own pages in memory
in the same way). So wallets, budgets and open charges are kept from one commit to the next; whatever goes wrong in
between, also a rollback, forgets them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pixapi.ledger.rows import Changes, Charge, Loaded, Place, Row
from pixapi.ledger.rules import Budget, Lot, Wallet

_MOST = 128
"""Rows in one statement. Their number is rounded to powers of two, so that few statements need preparing."""

# One row with everything as JSON: fetching row by row would wait for the interpreter's lock at each.
_WALLETS = """
SELECT json_group_array(json_array(account_id, posted, held, overdraft, next_expiry_us, json((
    SELECT json_group_array(json_array(id, priority, remaining, expires_at_us)) FROM lots
    WHERE wallet_id = account_id AND remaining > 0))))
FROM wallets WHERE account_id IN ({marks})
"""
_CHARGES = """
SELECT json_group_array(json_array(id, wallet_id, key_id, status, held, amount, written_off,
    json(iif(budgeted, 'true', 'false'))))
FROM charges WHERE id IN ({marks})
"""
_BUDGETS = """
SELECT json_group_array(json_array(key_id, budget, spent, held)) FROM key_budgets WHERE key_id IN ({marks})
"""
_PLACES = """
SELECT json_group_array(json_array(id, json_array(wallet_id, iif(budgeted, key_id, NULL))))
FROM charges WHERE id IN ({marks})
"""

_KEPT_ROWS = 4096
"""Of each kind. More than were in use lately need no keeping; then all of them are read anew."""

_LotJson = tuple[int, int, int, int | None]
_WalletJson = tuple[str, int, int, int, int | None, list[_LotJson]]


class SqliteStore:
    """See `pixapi.ledger.rows.Store`."""

    is_local = True

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._wallets = msgspec.json.Decoder(list[_WalletJson])
        self._charges = msgspec.json.Decoder(list[Charge])
        self._budgets = msgspec.json.Decoder(list[tuple[str, int, int, int]])
        self._places = msgspec.json.Decoder(list[tuple[str, Place]])
        self._statements: dict[tuple[int, int], str] = {}
        self._kept = Loaded({}, {}, {})
        """The rows as they were committed, at ``_version``."""
        self._version: int | None = None
        """None within a transaction, and where nothing is known."""
        self._began_at: int | None = None

    def begin(self, *, briefly: bool = False) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def places(self, charge_ids: list[str]) -> dict[str, Place]:
        return dict(self._read(_PLACES, charge_ids, self._places))

    def load(self, wallet_ids: list[str], charge_ids: list[str], key_ids: list[str]) -> Loaded:
        began_at = self._connection.execute("PRAGMA data_version").fetchone()[0]
        kept = self._kept
        most = max(len(kept.wallets), len(kept.charges), len(kept.budgets))
        if began_at != self._version or most > _KEPT_ROWS:
            kept = self._kept = Loaded({}, {}, {})
        self._version, self._began_at = None, began_at
        if wanted := [wallet_id for wallet_id in wallet_ids if wallet_id not in kept.wallets]:
            self._load_wallets(wanted, kept.wallets)
        if wanted := [charge_id for charge_id in charge_ids if charge_id not in kept.charges]:
            kept.charges.update((charge.id, charge) for charge in self._read(_CHARGES, wanted, self._charges))
        if wanted := [key_id for key_id in key_ids if key_id not in kept.budgets]:
            kept.budgets.update((row[0], Budget(*row)) for row in self._read(_BUDGETS, wanted, self._budgets))
        return kept

    def _load_wallets(self, wallet_ids: list[str], wallets: dict[str, Wallet]) -> None:
        rows = self._read(_WALLETS, wallet_ids, self._wallets)
        if len(rows) < len(wallet_ids):
            missing = set(wallet_ids) - {row[0] for row in rows}
            insert = "INSERT INTO wallets (account_id, posted, held, overdraft) VALUES (?, 0, 0, 0)"
            self._connection.executemany(insert, [(wallet_id,) for wallet_id in sorted(missing)])
            rows += [(wallet_id, 0, 0, 0, None, []) for wallet_id in missing]
        for wallet_id, posted, held, overdraft, next_expiry_us, lots in rows:
            open_lots = [Lot(*lot) for lot in lots]
            if len(open_lots) > 1:
                open_lots.sort(key=Lot.order)
            wallets[wallet_id] = Wallet(wallet_id, posted, held, overdraft, next_expiry_us, open_lots)

    def save(self, changes: Changes, *, commit: bool) -> None:
        for charge_id in changes.ends:
            self._kept.charges.pop(charge_id, None)
        for bulk, rows in changes.statements():
            for part in _parts(rows):
                key = (id(bulk), len(part))
                sql = self._statements.get(key)
                if sql is None:
                    sql = self._statements[key] = bulk.sqlite(len(part))
                flat: list[Any] = []
                for row in part:
                    flat += row
                self._connection.execute(sql, flat)
        if commit:
            self.commit()

    def commit(self) -> None:
        self._connection.execute("COMMIT")
        self._version = self._began_at

    def fetch(self, sql: str, arguments: Row) -> list[Row]:
        return self._connection.execute(sql, arguments).fetchall()

    def rollback(self) -> bool:
        self._version = self._began_at = None
        if not self._connection.in_transaction:
            return False
        self._connection.execute("ROLLBACK")
        return True

    def _read(self, sql: str, keys: Sequence[str], decoder: msgspec.json.Decoder[list[Any]]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(keys), _MOST):
            part: list[str | None] = list(keys[start : start + _MOST])
            size = 1 << (len(part) - 1).bit_length()
            part += [None] * (size - len(part))
            found += decoder.decode(
                self._connection.execute(sql.format(marks=",".join("?" * size)), part).fetchone()[0]
            )
        return found


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    """The rows in slices whose lengths are powers of two."""
    start = 0
    while start < len(rows):
        size = min(_MOST, 1 << ((len(rows) - start).bit_length() - 1))
        yield rows[start : start + size]
        start += size
