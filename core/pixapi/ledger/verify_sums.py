"""The three phases of `pixapi.ledger.verify`, in set-based SQL that both databases understand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, text

from pixapi.db.engine import Database
from pixapi.ledger.verify_queries import (
    BUDGETS,
    CARRIED,
    CHARGE_STEP,
    CHARGE_SUMS,
    CHARGES_AMONG,
    ENTRY_FAULTS,
    ENTRY_STEP,
    ENTRY_SUMS,
    HELD_SUMS,
    LEFT_SHARES,
    LOT_FAULTS,
    LOT_STEP,
    LOTS,
    MARGINS,
    OPEN_CHARGES,
    SPLIT_FAULTS,
    WALLETS,
    for_wallet,
)

_SLICE = 50_000
_AMONG = 500

Tell = Callable[[str, int], None]
Suspect = tuple[str, str]
"""("wallet" | "key", its id)."""


_COUNTED = ("wallets", "lots", "entries", "charges", "carried", "budgets")


@dataclass
class Sums:
    """What the immutable rows add up to."""

    lots: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By wallet and lot: what the lot must have left."""
    posted: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    """By key, of what counts against its budget; likewise `budget_held`."""
    budget_held: Counter[str] = field(default_factory=Counter)
    shares: Counter[str] = field(default_factory=Counter)
    """By wallet: what its carried charges of several lots cost, less the shares whose charge is gone. Must be 0."""
    open: list[str] = field(default_factory=list)
    """Charges that were held when they were read."""
    faults: list[str] = field(default_factory=list)
    """Disagreements among rows that never change: certain at once."""
    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_COUNTED, 0)))
    last_charge: str = ""
    last_entry: int = 0

    def add_charges(self, rows: Iterable[Any]) -> None:
        """Settled charges, as (wallet, lot, budgeted key, sum, number)."""
        for wallet_id, lot_id, key_id, amount, count in rows:
            self.counts["charges"] += count
            if lot_id is not None:
                self.lots[wallet_id, lot_id] -= int(amount)
                self.posted[wallet_id] -= int(amount)
            else:
                self.posted[wallet_id] += 0  # a wallet without entries must exist all the same
            if key_id is not None:
                self.spent[key_id] += int(amount)

    def add_carried(self, rows: Iterable[Any]) -> None:
        """What charges that are gone came to, as (wallet, lot or 0, budgeted key or "", sum, number)."""
        for wallet_id, lot_id, key_id, amount, count in rows:
            self.counts["carried"] += int(count)
            paid = int(amount)
            if lot_id:
                self.lots[wallet_id, lot_id] -= paid
                self.posted[wallet_id] -= paid
            else:
                self.shares[wallet_id] += paid
                self.posted[wallet_id] += 0
            if key_id:
                self.spent[key_id] += paid

    def add_shares(self, rows: Iterable[Any]) -> None:
        """Shares whose charge is gone, as (wallet, sum)."""
        for wallet_id, amount in rows:
            self.shares[wallet_id] += int(amount)

    def add_entries(self, rows: Iterable[Any]) -> None:
        """Entries, as (wallet, lot, sum, number)."""
        for wallet_id, lot_id, amount, count in rows:
            self.counts["entries"] += count
            self.posted[wallet_id] += int(amount)
            if lot_id is not None:
                self.lots[wallet_id, lot_id] += int(amount)


def gather(database: Database, sums: Sums, tell: Tell) -> None:
    """Phase 1: everything but the newest rows, in slices."""
    with database.read() as connection:
        end_charge, end_entry = connection.execute(text(MARGINS)).one()
    if end_charge is not None:
        _slices(database, CHARGE_STEP, "", end_charge, lambda c, span: _read_charges(c, span, sums, tell))
        sums.last_charge = end_charge
    if end_entry is not None:
        _slices(database, ENTRY_STEP, 0, end_entry, lambda c, span: _read_entries(c, span, sums, tell))
        sums.last_entry = end_entry
    _slices(database, LOT_STEP, 0, None, lambda c, span: _read_lots(c, span, sums))


def _slices(
    database: Database, step: str, start: Any, end: Any, read: Callable[[Connection, dict[str, Any]], None]
) -> None:
    """Calls ``read`` with (above, upto) for each slice; every one is a snapshot of its own."""
    above = start
    while True:
        with database.read() as connection:
            found = connection.execute(text(step), {"above": above, "skip": _SLICE - 1}).scalar()
            upto = end if found is None or (end is not None and found > end) else found
            if upto is None:  # the last slice of a table that is read to its end
                read(connection, {"above": above, "upto": _MOST_INT})
                return
            read(connection, {"above": above, "upto": upto})
        if upto == end:
            return
        above = upto


_MOST_INT = 2**63 - 1


def _read_charges(connection: Connection, span: dict[str, Any], sums: Sums, tell: Tell) -> None:
    sums.add_charges(connection.execute(text(CHARGE_SUMS), span))
    sums.open += connection.execute(text(OPEN_CHARGES), span).scalars()
    for charge_id, amount, shares in connection.execute(text(SPLIT_FAULTS), span):
        sums.faults.append(f"charge {charge_id}: its amount is {amount} and its entries say {-int(shares)}")
    tell("charges", sums.counts["charges"])


def _read_entries(connection: Connection, span: dict[str, Any], sums: Sums, tell: Tell) -> None:
    sums.add_entries(connection.execute(text(ENTRY_SUMS), span))
    for entry_id, kind in connection.execute(text(ENTRY_FAULTS), span):
        sums.faults.append(f"entry {entry_id}: this {kind} does not fit its charge, its lot or its wallet")
    sums.add_shares(connection.execute(text(LEFT_SHARES), span))
    tell("entries", sums.counts["entries"])


def _read_lots(connection: Connection, span: dict[str, Any], sums: Sums) -> None:
    for lot_id, granted, count, amount in connection.execute(text(LOT_FAULTS), span):
        sums.faults.append(f"lot {lot_id}: granted is {granted}, and {count} grant entries say {int(amount)}")


def compare(database: Database, sums: Sums) -> set[Suspect]:
    """Phase 2: completes the sums in one snapshot and returns what does not agree with them in it."""
    with database.read() as connection:
        _be_patient(connection)
        _read_charges(connection, {"above": sums.last_charge, "upto": "~"}, sums, lambda *_: None)
        _read_entries(connection, {"above": sums.last_entry, "upto": _MOST_INT}, sums, lambda *_: None)
        among = text(CHARGES_AMONG).bindparams(bindparam("ids", expanding=True))
        for start in range(0, len(sums.open), _AMONG):
            sums.add_charges(connection.execute(among, {"ids": sums.open[start : start + _AMONG]}))
        _add_held(connection.execute(text(HELD_SUMS)), sums)
        sums.add_carried(connection.execute(text(CARRIED)))
        suspects = _compare_wallets(connection, sums)
        suspects.update(("wallet", wallet_id) for wallet_id, rest in sums.shares.items() if rest)
        for key_id, spent, held in connection.execute(text(BUDGETS)):
            sums.counts["budgets"] += 1
            if spent != sums.spent.pop(key_id, 0) or held != sums.budget_held.pop(key_id, 0):
                suspects.add(("key", key_id))
        suspects.update(("key", key_id) for key_id in (+sums.spent + +sums.budget_held))
    return suspects


def _be_patient(connection: Connection) -> None:
    """Lets a statement over all charges of one busy wallet run for longer than a call may wait."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = '10min'"))


def _add_held(rows: Iterable[Any], sums: Sums) -> None:
    for wallet_id, key_id, held in rows:
        sums.held[wallet_id] += int(held)
        if key_id is not None:
            sums.budget_held[key_id] += int(held)


def _compare_wallets(connection: Connection, sums: Sums) -> set[Suspect]:
    suspects: set[Suspect] = set()
    expiry: dict[str, int] = {}
    for lot_id, wallet_id, remaining, expires_at_us in connection.execute(text(LOTS)):
        sums.counts["lots"] += 1
        if remaining != sums.lots.pop((wallet_id, lot_id), None):
            suspects.add(("wallet", wallet_id))
        if remaining and expires_at_us is not None:
            expiry[wallet_id] = min(expires_at_us, expiry.get(wallet_id, expires_at_us))
    suspects.update(("wallet", wallet_id) for wallet_id, _ in sums.lots)
    for wallet_id, posted, held, overdraft, next_expiry_us in connection.execute(text(WALLETS)):
        sums.counts["wallets"] += 1
        agrees = posted == sums.posted.pop(wallet_id, 0) and held == sums.held.pop(wallet_id, 0)
        if not agrees or posted - held < -overdraft or next_expiry_us != expiry.get(wallet_id):
            suspects.add(("wallet", wallet_id))
    suspects.update(("wallet", wallet_id) for wallet_id in {*sums.posted, *sums.held})
    return suspects


def confirm(database: Database, suspect: Suspect) -> list[str]:
    """Phase 3: the problems of one wallet or key, from all of its rows in one snapshot."""
    kind, name = suspect
    with database.read() as connection:
        _be_patient(connection)
        return _confirm_key(connection, name) if kind == "key" else _confirm_wallet(connection, name)


def _confirm_wallet(connection: Connection, wallet_id: str) -> list[str]:
    own = {"wallet": wallet_id}
    sums = Sums()
    sums.add_charges(connection.execute(text(for_wallet(CHARGE_SUMS)), own))
    sums.add_entries(connection.execute(text(for_wallet(ENTRY_SUMS)), own))
    _add_held(connection.execute(text(for_wallet(HELD_SUMS)), own), sums)
    sums.add_carried(connection.execute(text(for_wallet(CARRIED)), own))
    sums.add_shares(connection.execute(text(for_wallet(LEFT_SHARES)), own))
    problems: list[str] = []
    if rest := sums.shares[wallet_id]:
        problems.append(
            f"wallet {wallet_id}: the carried charges that several lots paid differ by {rest} from their entries"
        )
    expiry: list[int] = []
    for lot_id, _, remaining, expires_at_us in connection.execute(text(for_wallet(LOTS)), own):
        expected = sums.lots.pop((wallet_id, lot_id), 0)
        if remaining != expected:
            problems.append(f"lot {lot_id}: remaining is {remaining} and its rows say {expected}")
        if remaining and expires_at_us is not None:
            expiry.append(expires_at_us)
    problems += [
        f"wallet {wallet_id}: charges or entries name the lot {lot_id}, which it has not"
        for _, lot_id in sums.lots
    ]
    row = connection.execute(text(for_wallet(WALLETS)), own).first()
    if row is None:
        return [*problems, f"wallet {wallet_id}: there are charges or entries of it, and it does not exist"]
    _, posted, held, overdraft, next_expiry_us = row
    if posted != sums.posted[wallet_id]:
        problems.append(f"wallet {wallet_id}: posted is {posted} and its rows say {sums.posted[wallet_id]}")
    if held != sums.held[wallet_id]:
        problems.append(f"wallet {wallet_id}: held is {held} and its open charges say {sums.held[wallet_id]}")
    if posted - held < -overdraft:
        problems.append(f"wallet {wallet_id}: {posted} less {held} held is below its limit of {-overdraft}")
    if next_expiry_us != min(expiry, default=None):
        problems.append(
            f"wallet {wallet_id}: next_expiry_us is {next_expiry_us}, its lots say {min(expiry, default=None)}"
        )
    return problems


def _confirm_key(connection: Connection, key_id: str) -> list[str]:
    own = {"key": key_id}
    sums = Sums()
    sums.add_charges(connection.execute(text(for_wallet(CHARGE_SUMS, "budgeted AND key_id = :key")), own))
    _add_held(connection.execute(text(for_wallet(HELD_SUMS, "budgeted AND key_id = :key")), own), sums)
    sums.add_carried(connection.execute(text(for_wallet(CARRIED, "key_id = :key")), own))
    row = connection.execute(text(for_wallet(BUDGETS, "key_id = :key")), own).first()
    if row is None:
        return [f"key {key_id}: charges count against its budget, and it has none"]
    _, spent, held = row
    problems: list[str] = []
    if spent != sums.spent[key_id]:
        problems.append(f"key {key_id}: spent is {spent} and its charges say {sums.spent[key_id]}")
    if held != sums.budget_held[key_id]:
        problems.append(f"key {key_id}: held is {held} and its open charges say {sums.budget_held[key_id]}")
    return problems
