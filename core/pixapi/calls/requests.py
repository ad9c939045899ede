"""What was called: charges, and the calls that never came as far as a charge, as one list."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, String, cast, func, literal, null, select, union_all

from pixapi.calls.models import FailedRequestRow
from pixapi.calls.span import id_before
from pixapi.clock import iso
from pixapi.identity.models import ApiKeyRow
from pixapi.ledger.models import ChargeRow
from pixapi.money import format_credits

_charges = select(
    (literal("req_") + func.substr(ChargeRow.id, 5)).label("id"),
    ChargeRow.created_at_us.label("at_us"),
    ChargeRow.wallet_id.label("account_id"),
    ChargeRow.key_id,
    ChargeRow.operation,
    ChargeRow.model,
    ChargeRow.route,
    ChargeRow.status,
    ChargeRow.http_status,
    ChargeRow.error_code,
    ChargeRow.usage_source,
    ChargeRow.amount,
    ChargeRow.first_byte_ms,
    ChargeRow.duration_ms,
    ChargeRow.id.label("charge_id"),
)
_failed = select(
    FailedRequestRow.id,
    FailedRequestRow.at_us,
    FailedRequestRow.account_id,
    FailedRequestRow.key_id,
    FailedRequestRow.operation,
    FailedRequestRow.model,
    FailedRequestRow.route,
    literal("refused").label("status"),
    FailedRequestRow.http_status,
    FailedRequestRow.error_code,
    cast(null(), String).label("usage_source"),
    cast(null(), ChargeRow.amount.type).label("amount"),
    cast(null(), ChargeRow.first_byte_ms.type).label("first_byte_ms"),
    FailedRequestRow.duration_ms,
    cast(null(), String).label("charge_id"),
)


def list_requests(
    connection: Connection,
    *,
    failed: bool = False,
    key_id: str | None = None,
    model: str | None = None,
    since_us: int = 0,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Requests since ``since_us``, newest first. ``failed``: only those that ended in an error."""
    charges = _newest_charges(connection, key_id, since_us)
    refused = _failed.where(FailedRequestRow.at_us >= since_us)
    if failed:
        charges = charges.where(ChargeRow.error_code.is_not(None))
    if key_id is not None:
        charges = charges.where(ChargeRow.key_id == key_id)
        refused = refused.where(FailedRequestRow.key_id == key_id)
    if model is not None:
        charges = charges.where(ChargeRow.model == model)
        refused = refused.where(FailedRequestRow.model == model)
    newest = charges.limit(limit).subquery()
    latest = refused.order_by(FailedRequestRow.at_us.desc()).limit(limit).subquery()
    both = union_all(select(newest), select(latest)).subquery()
    rows = connection.execute(select(both).order_by(both.c.at_us.desc(), both.c.id.desc()).limit(limit))
    return [_as_json(row._mapping) for row in rows]


def _newest_charges(connection: Connection, key_id: str | None, since_us: int) -> Select[*tuple[Any, ...]]:
    """Charges since ``since_us``, newest first, by an index that leads to them without passing all others.

    A key's charges are among those of its account, which are indexed; an index on the key would cost every call.
    Otherwise the order of ids, which is that of time, bounds what is read.
    """
    charges = _charges.where(ChargeRow.created_at_us >= since_us)
    account = select(ApiKeyRow.account_id).where(ApiKeyRow.id == key_id)
    account_id = None if key_id is None else connection.execute(account).scalar()
    if account_id is not None:
        theirs = charges.where(ChargeRow.wallet_id == account_id)
        return theirs.order_by(ChargeRow.created_at_us.desc(), ChargeRow.id.desc())
    recent = charges.where(ChargeRow.id >= id_before(since_us))
    return recent.order_by(ChargeRow.id.desc())


def find_request(connection: Connection, name: str) -> dict[str, Any] | None:
    """The request of that id (of request, charge or reply: they share their last 26 characters)."""
    serial = name.rpartition("_")[2].rpartition("-")[2]
    charge = _charges.where(ChargeRow.id == f"chg_{serial}")
    for query in (charge, _failed.where(FailedRequestRow.id == f"req_{serial}")):
        row = connection.execute(query).first()
        if row is not None:
            return _as_json(row._mapping)
    return None


def _as_json(row: Any) -> dict[str, Any]:
    shown = dict(row)
    at_us, amount = shown.pop("at_us"), shown.pop("amount")
    return {
        "id": shown.pop("id"),
        "at": iso(at_us),
        **shown,
        "amount": None if amount is None else format_credits(amount),
    }
