"""Decides a batch of operations, one after the other, over the state that was read under the wallets' locks.

Nothing is written while it decides: each operation changes the copies in memory and notes what must be saved,
so that the next one sees its outcome, each gets an answer of its own, and a refusal needs no rollback. (A grant
is the exception: its lot is inserted at once, for its number.)
"""

from __future__ import annotations

from pixapi.errors import BadRequest, Conflict, InsufficientCredit, InternalError, PixapiError
from pixapi.ledger import rules
from pixapi.ledger.operations import (
    Done,
    Expire,
    Expired,
    Grant,
    Granted,
    Held,
    HoldOrder,
    Operation,
    Outcome,
    SetBudget,
    SetOverdraft,
    Settled,
    SettleOrder,
    Take,
    Taken,
    Voided,
    VoidOrder,
)
from pixapi.ledger.refusals import check_grant, too_little
from pixapi.ledger.rows import Changes, Charge, Loaded, Store
from pixapi.ledger.rules import Budget, Lot, Wallet
from pixapi.money import MAX_MICRO, format_credits


class Fold:
    """One batch. `changes` holds what is to be saved after the last `decide`."""

    def __init__(self, store: Store, loaded: Loaded, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._wallets = loaded.wallets
        self._charges = loaded.charges
        self._budgets = loaded.budgets
        self.changes = Changes()

    def decide(self, operation: Operation) -> Outcome | PixapiError:
        """The operation's answer. A refusal is returned, not raised, and has changed nothing."""
        try:
            match operation:
                case HoldOrder():
                    return self._hold(operation)
                case SettleOrder():
                    return self._settle(operation)
                case VoidOrder():
                    return self._void(operation)
                case Grant():
                    return self._grant(operation)
                case Take():
                    return self._take(operation)
                case Expire():
                    return self._expire(operation)
                case SetOverdraft():
                    return self._set_overdraft(operation)
                case SetBudget():
                    return self._set_budget(operation)
        except PixapiError as refusal:
            return refusal

    def _hold(self, order: HoldOrder) -> Held:
        wallet = self._wallet(order.wallet_id, order.at_us)
        known = self._charges.get(order.charge_id)
        if known is not None:
            return self._held_before(order, known, wallet)
        if not 0 <= order.minimum <= order.amount <= MAX_MICRO:
            raise InternalError(f"a hold of {order.amount} with a minimum of {order.minimum} makes no sense")
        budget = self._budgets.get(order.key_id) if order.budgeted else None
        available = wallet.available if budget is None else min(wallet.available, max(0, budget.available))
        amount = rules.decide_hold(order.amount, order.minimum, available)
        if amount is None:
            raise too_little(
                order, available, by_budget=budget is not None and budget.available < wallet.available
            )
        wallet.held += amount
        self.changes.wallets[wallet.id] = wallet
        if budget is not None:
            budget.held += amount
            self.changes.budgets[budget.key_id] = budget
        self._charges[order.charge_id] = Charge(
            order.charge_id, order.wallet_id, order.key_id, "held", amount, None, 0,
            budget is not None,
        )  # fmt: skip
        self.changes.holds.append(
            (
                order.charge_id, order.wallet_id, order.key_id, order.user_id, self._owner,
                "held", order.operation, order.model, order.route, order.stream, budget is not None,
                order.price_id, amount, 0, order.at_us,
            )
        )  # fmt: skip
        return Held(amount, wallet.available)

    def _held_before(self, order: HoldOrder, known: Charge, wallet: Wallet) -> Held:
        same = (order.wallet_id, order.key_id) == (known.wallet_id, known.key_id)
        if not same or known.status != "held":
            raise Conflict(f"the charge {order.charge_id} exists already; a charge is held once")
        return Held(known.held, wallet.available)

    def _settle(self, order: SettleOrder) -> Settled:
        charge = self._charge(order.charge_id)
        wallet = self._wallet(charge.wallet_id, order.at_us)
        if charge.status == "settled":
            return Settled(charge.amount or 0, charge.written_off, wallet.available)
        if not 0 <= order.amount <= MAX_MICRO:
            raise InternalError(f"a charge cannot cost {order.amount}")
        self._release(charge, wallet)
        # What was held is there; beyond that only what nobody else holds is.
        owed = order.amount if order.most is None else min(order.amount, order.most)
        paid = min(owed, max(0, wallet.available))
        written_off = order.amount - paid
        budget = self._budgets.get(charge.key_id) if charge.budgeted else None
        if budget is not None:
            budget.spent += paid
            self.changes.budgets[budget.key_id] = budget
        shares = rules.draw(wallet, paid) if paid else []
        lot_id = self._record(charge.id, wallet, shares, order.at_us)
        charge.status, charge.amount, charge.written_off = "settled", paid, written_off
        self.changes.ends[charge.id] = (
            charge.id, "settled", paid, written_off, lot_id, order.usage, order.usage_source, order.error_code,
            order.http_status, order.first_byte_ms, order.duration_ms, order.at_us, order.route,
        )  # fmt: skip
        self._expire_due(wallet, order.at_us)
        return Settled(paid, written_off, wallet.available)

    def _void(self, order: VoidOrder) -> Voided:
        charge = self._charges.get(order.charge_id)
        if charge is None or charge.status != "held":
            return Voided(0)
        wallet = self._wallet(charge.wallet_id, order.at_us)
        self._release(charge, wallet)
        charge.status = "voided"
        self.changes.ends[charge.id] = (
            charge.id, "voided", None, 0, None, None, None, order.error_code,
            order.http_status, None, order.duration_ms, order.at_us, None,
        )  # fmt: skip
        self._expire_due(wallet, order.at_us)
        return Voided(charge.held)

    def _release(self, charge: Charge, wallet: Wallet) -> None:
        self.changes.wallets[wallet.id] = wallet
        if charge.status != "held":  # voided before: a late settle
            return
        wallet.held -= charge.held
        budget = self._budgets.get(charge.key_id) if charge.budgeted else None
        if budget is not None:
            budget.held -= charge.held
            self.changes.budgets[budget.key_id] = budget

    def _record(self, charge_id: str, wallet: Wallet, shares: list[rules.Share], at_us: int) -> int | None:
        """Notes who paid. One lot alone is named on the charge itself; several get an entry each."""
        for lot, _ in shares:
            if lot is not None:
                self.changes.lots[lot.id] = lot.remaining
        wallet.next_expiry_us = rules.next_expiry(wallet)
        if len(shares) == 1 and shares[0][0] is not None:
            return shares[0][0].id
        for lot, amount in shares:
            self._entry(wallet.id, lot, "usage", -amount, charge_id, at_us, charge_id=charge_id)
        return None

    def _grant(self, order: Grant) -> Granted:
        wallet = self._wallet(order.wallet_id, order.at_us)
        found = self._store.fetch(
            "SELECT id, wallet_id, granted, kind FROM lots WHERE source = ?", (order.source,)
        )
        if found:
            if tuple(found[0][1:]) != (order.wallet_id, order.amount, order.kind):
                raise Conflict(
                    f"the grant {order.source!r} was made before with another amount, kind or account"
                )
            return Granted(found[0][0], True)
        priority = check_grant(order, wallet)
        row = (
            order.wallet_id, order.kind, priority, order.amount, order.amount, order.expires_at_us,
            order.source, order.note, order.at_us,
        )  # fmt: skip
        insert = (
            "INSERT INTO lots (wallet_id, kind, priority, granted, remaining, expires_at_us, source, note,"
            " created_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
        )
        lot = Lot(self._store.fetch(insert, row)[0][0], priority, order.amount, order.expires_at_us)
        self._entry(wallet.id, lot, "grant", order.amount, order.source, order.at_us, note=order.note)
        repaid = rules.add_lot(wallet, lot)
        if repaid:
            self._entry(wallet.id, lot, "repay", -repaid, order.source, order.at_us)
            self._entry(wallet.id, None, "repay", repaid, order.source, order.at_us)
            self.changes.lots[lot.id] = lot.remaining
        self.changes.wallets[wallet.id] = wallet
        self._expire_due(wallet, order.at_us)
        return Granted(lot.id, False)

    def _take(self, order: Take) -> Taken:
        wallet = self._wallet(order.wallet_id, order.at_us)
        find = "SELECT wallet_id, -amount FROM entries WHERE reference = ? AND kind = 'adjust'"
        before = self._store.fetch(find, (order.reference,))
        if before:
            total = sum(row[1] for row in before)
            if before[0][0] != order.wallet_id or total != order.amount:
                raise Conflict(
                    f"the adjustment {order.reference!r} was made before with another amount or account"
                )
            return Taken(total, True)
        if not 0 < order.amount <= MAX_MICRO:
            raise BadRequest("the amount to take must be more than 0")
        if order.amount > wallet.available:
            raise InsufficientCredit(
                f"{format_credits(order.amount)} credits cannot be taken: "
                f"{format_credits(wallet.available)} are there and not held",
                needed_micro=order.amount,
                available_micro=wallet.available,
            )
        for lot, amount in rules.draw(wallet, order.amount):
            self._entry(wallet.id, lot, "adjust", -amount, order.reference, order.at_us, note=order.note)
            if lot is not None:
                self.changes.lots[lot.id] = lot.remaining
        wallet.next_expiry_us = rules.next_expiry(wallet)
        self.changes.wallets[wallet.id] = wallet
        return Taken(order.amount, False)

    def _expire(self, order: Expire) -> Expired:
        before = self._wallets[order.wallet_id].posted
        return Expired(before - self._wallet(order.wallet_id, order.at_us).posted)

    def _set_overdraft(self, order: SetOverdraft) -> Done:
        wallet = self._wallets[order.wallet_id]
        if not 0 <= order.overdraft <= MAX_MICRO:
            raise BadRequest("an overdraft cannot be negative")
        if wallet.posted - wallet.held < -order.overdraft:
            raise Conflict("the wallet is further below zero than that; grant credits first")
        wallet.overdraft = order.overdraft
        self.changes.wallets[wallet.id] = wallet
        return Done()

    def _set_budget(self, order: SetBudget) -> Done:
        # Without a limit the row stays and goes on counting, so that it can be proven and limited again.
        budget = MAX_MICRO if order.budget is None else order.budget
        if not 0 <= budget <= MAX_MICRO:
            raise BadRequest("a key's budget cannot be negative")
        upsert = (
            "INSERT INTO key_budgets (key_id, budget, spent, held) VALUES (?, ?, 0, 0)"
            " ON CONFLICT (key_id) DO UPDATE SET budget = excluded.budget RETURNING budget, spent, held"
        )
        self._budgets[order.key_id] = Budget(
            order.key_id, *self._store.fetch(upsert, (order.key_id, budget))[0]
        )
        return Done()

    def _wallet(self, wallet_id: str, at_us: int) -> Wallet:
        wallet = self._wallets[wallet_id]
        if wallet.next_expiry_us is not None and wallet.next_expiry_us <= at_us:
            self._expire_due(wallet, at_us)
        return wallet

    def _expire_due(self, wallet: Wallet, at_us: int) -> None:
        if wallet.next_expiry_us is None or wallet.next_expiry_us > at_us:
            return
        for lot, had, amount in rules.expire(wallet, at_us):
            # What a lot has left never grows, so the reference is new each time and the same when replayed.
            self._entry(wallet.id, lot, "expire", -amount, f"{lot.id}:{had}", at_us)
            self.changes.lots[lot.id] = lot.remaining
            self.changes.wallets[wallet.id] = wallet

    def _charge(self, charge_id: str) -> Charge:
        charge = self._charges.get(charge_id)
        if charge is None:
            raise Conflict(f"there is no charge {charge_id}; only what was held can be settled")
        return charge

    def _entry(
        self, wallet_id: str, lot: Lot | None, kind: str, amount: int, reference: str, at_us: int,
        *, charge_id: str | None = None, note: str | None = None,
    ) -> None:  # fmt: skip
        lot_id = None if lot is None else lot.id
        self.changes.entries.append((wallet_id, lot_id, charge_id, kind, amount, reference, note, at_us))
