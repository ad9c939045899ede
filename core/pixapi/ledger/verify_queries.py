"""The SQL of `pixapi.ledger.verify`. ``{where}`` limits a query to a slice, or to one wallet or key."""

# ruff: noqa: S608 - the pieces put together here are all constants of this module

from __future__ import annotations

MARGINS = """
SELECT (SELECT id FROM charges ORDER BY id DESC LIMIT 1 OFFSET 20000),
       (SELECT max(id) - 1000 FROM entries)
"""
"""Up to where rows are read in slices. The newest are left to the last snapshot: ids are made before their rows are
committed, so a smaller one may still come after a larger one."""

CHARGE_STEP = "SELECT id FROM charges WHERE id > :above ORDER BY id LIMIT 1 OFFSET :skip"
ENTRY_STEP = "SELECT id FROM entries WHERE id > :above ORDER BY id LIMIT 1 OFFSET :skip"
LOT_STEP = "SELECT id FROM lots WHERE id > :above ORDER BY id LIMIT 1 OFFSET :skip"

_SPAN = "id > :above AND id <= :upto"
_KEY = "CASE WHEN budgeted THEN key_id END"

CHARGE_SUMS = f"""
SELECT wallet_id, lot_id, {_KEY}, sum(amount), count(*) FROM charges
WHERE {_SPAN} AND status = 'settled' GROUP BY 1, 2, 3
"""
CHARGES_AMONG = f"""
SELECT wallet_id, lot_id, {_KEY}, amount, 1 FROM charges WHERE id IN :ids AND status = 'settled'
"""
OPEN_CHARGES = f"SELECT id FROM charges WHERE {_SPAN} AND status = 'held'"

HELD_SUMS = f"SELECT wallet_id, {_KEY}, sum(held) FROM charges WHERE status = 'held' GROUP BY 1, 2"

SPLIT_FAULTS = """
SELECT c.id, c.amount, coalesce(sum(e.amount), 0) FROM charges c LEFT JOIN entries e ON e.charge_id = c.id
WHERE c.id > :above AND c.id <= :upto AND c.status = 'settled' AND c.lot_id IS NULL AND c.amount > 0
GROUP BY c.id, c.amount HAVING coalesce(sum(e.amount), 0) <> -c.amount
"""
"""Charges that no single lot paid, whose shares do not add up."""

ENTRY_SUMS = f"SELECT wallet_id, lot_id, sum(amount), count(*) FROM entries WHERE {_SPAN} GROUP BY 1, 2"

ENTRY_FAULTS = """
SELECT e.id, e.kind FROM entries e
LEFT JOIN charges c ON c.id = e.charge_id
LEFT JOIN lots l ON l.id = e.lot_id
WHERE e.id > :above AND e.id <= :upto AND (
    (e.lot_id IS NOT NULL AND (l.id IS NULL OR l.wallet_id <> e.wallet_id))
    OR (e.kind = 'usage') <> (e.charge_id IS NOT NULL)
    OR (e.charge_id IS NOT NULL AND CASE WHEN c.id IS NULL
        THEN NOT EXISTS (SELECT 1 FROM carried_charges k WHERE k.wallet_id = e.wallet_id AND k.lot_id = 0)
        ELSE c.status <> 'settled' OR c.lot_id IS NOT NULL OR c.wallet_id <> e.wallet_id END)
)
"""
"""A share whose charge is gone may be one of a carried charge, if the wallet has any; `LEFT_SHARES` adds those up."""

LEFT_SHARES = f"""
SELECT e.wallet_id, sum(e.amount) FROM entries e
WHERE {_SPAN} AND e.charge_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM charges c WHERE c.id = e.charge_id)
GROUP BY e.wallet_id
"""
"""The shares whose charge is gone. They must come to what the carried charges of several lots come to."""

CARRIED = """
SELECT wallet_id, lot_id, key_id, sum(amount), sum(calls) FROM carried_charges WHERE calls > 0 GROUP BY 1, 2, 3
"""

LOT_FAULTS = """
SELECT l.id, l.granted, count(e.id), coalesce(sum(e.amount), 0)
FROM lots l LEFT JOIN entries e ON e.lot_id = l.id AND e.kind = 'grant'
WHERE l.id > :above AND l.id <= :upto
GROUP BY l.id, l.granted HAVING count(e.id) <> 1 OR coalesce(sum(e.amount), 0) <> l.granted
"""

LOTS = "SELECT id, wallet_id, remaining, expires_at_us FROM lots"
WALLETS = "SELECT account_id, posted, held, overdraft, next_expiry_us FROM wallets"
BUDGETS = "SELECT key_id, spent, held FROM key_budgets"


def for_wallet(query: str, condition: str = "wallet_id = :wallet") -> str:
    """The query over all rows of one wallet (or whatever else ``condition`` says) instead of a slice."""
    if query == WALLETS:
        condition = condition.replace("wallet_id", "account_id")
    if _SPAN in query:
        return query.replace(_SPAN, condition)
    if "WHERE" in query:
        return query.replace("WHERE", f"WHERE {condition} AND", 1)
    return f"{query} WHERE {condition}"
