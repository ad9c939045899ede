"""Why an order is refused, in words that the caller may see."""

from __future__ import annotations

from pixapi.errors import BadRequest, InsufficientCredit
from pixapi.ledger import rules
from pixapi.ledger.operations import Grant, HoldOrder
from pixapi.ledger.rules import Wallet
from pixapi.money import MAX_MICRO, format_credits


def check_grant(order: Grant, wallet: Wallet) -> int:
    """The lot's priority, if the grant may be made."""
    if order.kind not in rules.PRIORITY:
        raise BadRequest(f"{order.kind!r} is no kind of grant; expected one of {', '.join(rules.PRIORITY)}")
    if order.amount <= 0:
        raise BadRequest("a grant must be more than 0")
    if wallet.posted + order.amount > MAX_MICRO:
        raise BadRequest(f"a wallet cannot hold more than {format_credits(MAX_MICRO)} credits")
    if order.expires_at_us is not None and order.expires_at_us <= order.at_us:
        raise BadRequest("a grant cannot have expired when it is made")
    return rules.PRIORITY[order.kind] if order.priority is None else order.priority


def too_little(order: HoldOrder, available: int, *, by_budget: bool) -> InsufficientCredit:
    """Why a hold is refused: the wallet or, ``by_budget``, the key's budget."""
    needed, there = format_credits(order.amount), format_credits(max(0, available))
    if by_budget:
        message = f"This call can cost up to {needed} credits and the key's budget has {there} left."
        code = "key_budget_exceeded"
    else:
        message = f"This call can cost up to {needed} credits and {there} are available."
        code = "insufficient_credit"
    return InsufficientCredit(
        message, needed_micro=order.amount, available_micro=max(0, available), code=code
    )
