"""The rows that a batch reads and writes, and one way to write many of them in a single statement.

A Python loop over ``executemany`` would give up the interpreter's lock at every row, and each time wait for
it again behind a busy event loop. So a batch goes to the driver as one statement: on SQLite over a ``VALUES``
list (cheaper than ``json_each``), on Postgres over one JSON text (which costs the client a tenth of arrays).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from pixapi.ledger.rules import Budget, Wallet

Row = tuple[Any, ...]


Place = tuple[str, str | None]
"""Where a charge belongs: its wallet, and its key if that has a budget."""


class Charge(msgspec.Struct, array_like=True):
    """A charge as far as decisions need it."""

    id: str
    wallet_id: str
    key_id: str
    status: str
    held: int
    amount: int | None
    written_off: int
    budgeted: bool


@dataclass(frozen=True, slots=True)
class Bulk:
    """A statement over many rows; ``types`` are the columns' types as Postgres names them."""

    types: tuple[str, ...]
    update: str = ""
    """An UPDATE with ``{rows}`` where the rows v(column1, column2, ...) stand."""
    insert: str = ""
    """Or an INSERT up to its list of columns."""
    or_rollback: bool = False
    """On SQLite a row that breaks a rule ends the transaction. So it need not remember how each page was before the
    statement, which costs more than the rows once those belong to many wallets."""

    def sqlite(self, count: int) -> str:
        """The statement for ``count`` rows, their values one after the other."""
        row = "(" + ",".join("?" * len(self.types)) + ")"
        values = "VALUES " + ",".join([row] * count)
        if not self.insert:
            return self.update.format(rows=f"({values}) AS v")
        insert = self.insert.replace("INSERT", "INSERT OR ROLLBACK") if self.or_rollback else self.insert
        return f"{insert} {values}"

    def postgres(self) -> str:
        """The statement for any number of rows, given as one JSON array of arrays."""
        columns = ", ".join(f"(e->>{i})::{kind} AS column{i + 1}" for i, kind in enumerate(self.types))
        rows = f"(SELECT {columns} FROM jsonb_array_elements($1::jsonb) AS e) AS v"  # noqa: S608 - constants
        return f"{self.insert} SELECT * FROM {rows}" if self.insert else self.update.format(rows=rows)  # noqa: S608


_INT, _TEXT, _BOOL = "bigint", "text", "boolean"

SET_WALLETS = Bulk(
    (_TEXT, _INT, _INT, _INT, _INT),
    update="UPDATE wallets SET posted = v.column2, held = v.column3, overdraft = v.column4,"
    " next_expiry_us = v.column5 FROM {rows} WHERE wallets.account_id = v.column1",
)
SET_LOTS = Bulk(
    (_INT, _INT),
    update="UPDATE lots SET remaining = v.column2 FROM {rows} WHERE lots.id = v.column1",
)
SET_BUDGETS = Bulk(
    (_TEXT, _INT, _INT),
    update="UPDATE key_budgets SET spent = v.column2, held = v.column3 FROM {rows}"
    " WHERE key_budgets.key_id = v.column1",
)
ADD_CHARGES = Bulk(
    (*(_TEXT,) * 9, _BOOL, _BOOL, _INT, _INT, _INT, _INT),
    insert="INSERT INTO charges (id, wallet_id, key_id, user_id, owner, status, operation, model,"
    " route, stream, budgeted, price_id, held, written_off, created_at_us)",
    or_rollback=True,
)
END_CHARGES = Bulk(
    (_TEXT, _TEXT, _INT, _INT, _INT, _TEXT, _TEXT, _TEXT, _INT, _INT, _INT, _INT, _TEXT),
    update="UPDATE charges SET status = v.column2, amount = v.column3, written_off = v.column4,"
    " lot_id = v.column5, usage = v.column6, usage_source = v.column7, error_code = v.column8,"
    " http_status = v.column9, first_byte_ms = v.column10, duration_ms = v.column11,"
    " settled_at_us = v.column12, route = coalesce(v.column13, route) FROM {rows} WHERE charges.id = v.column1",
)
ADD_ENTRIES = Bulk(
    (_TEXT, _INT, _TEXT, _TEXT, _INT, _TEXT, _TEXT, _INT),
    insert="INSERT INTO entries (wallet_id, lot_id, charge_id, kind, amount, reference, note, created_at_us)",
)


@dataclass(slots=True)
class Changes:
    """What a batch decided, to be written at once. Keyed where the last state counts."""

    wallets: dict[str, Wallet] = field(default_factory=dict)
    lots: dict[int, int] = field(default_factory=dict)
    budgets: dict[str, Budget] = field(default_factory=dict)
    holds: list[Row] = field(default_factory=list)
    ends: dict[str, Row] = field(default_factory=dict)
    """By charge: one that is voided and then settled late in the same batch is one row, for of two rows of one UPDATE
    either might win."""
    entries: list[Row] = field(default_factory=list)

    def statements(self) -> list[tuple[Bulk, list[Row]]]:
        """The statements and their rows, in an order that no constraint minds."""
        wallets = [(w.id, w.posted, w.held, w.overdraft, w.next_expiry_us) for w in self.wallets.values()]
        budgets = [(b.key_id, b.spent, b.held) for b in self.budgets.values()]
        every: list[tuple[Bulk, list[Row]]] = [
            (SET_WALLETS, list(wallets)),
            (SET_BUDGETS, list(budgets)),
            (SET_LOTS, list(self.lots.items())),
            (ADD_CHARGES, self.holds),
            (END_CHARGES, list(self.ends.values())),
            (ADD_ENTRIES, self.entries),
        ]
        return [(bulk, rows) for bulk, rows in every if rows]


@dataclass(slots=True)
class Loaded:
    """What a batch starts from, read under the wallets' locks."""

    wallets: dict[str, Wallet]
    charges: dict[str, Charge]
    budgets: dict[str, Budget]


class Store(Protocol):
    """The ledger's tables over one driver's connection. Wallets are its locks: who loads one may write all it owns."""

    is_local: bool
    """Its statements work in this process's memory; only `commit` waits, for the disk."""

    def begin(self, *, briefly: bool = False) -> None:
        """Opens a transaction (nothing is sent before it is needed). With ``briefly`` it hardly waits for its locks."""
        ...

    def places(self, charge_ids: list[str]) -> dict[str, Place]:
        """The place of each charge that exists; that never changes, so no lock is taken."""
        ...

    def load(self, wallet_ids: list[str], charge_ids: list[str], key_ids: list[str]) -> Loaded:
        """Locks the wallets (making those that are missing) and reads them, the charges and the keys' budgets."""
        ...

    def save(self, changes: Changes, *, commit: bool) -> None:
        """Writes; with ``commit`` the transaction ends in the same exchange."""
        ...

    def commit(self) -> None:
        """Ends the transaction."""
        ...

    def fetch(self, sql: str, arguments: Row) -> list[Row]:
        """Runs one statement with ``?`` for arguments, for what is rare."""
        ...

    def rollback(self) -> bool:
        """Gives the transaction up; whether there was one, so that certainly nothing of it was done."""
        ...
