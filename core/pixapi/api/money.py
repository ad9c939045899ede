"""Consumers' money: what a call can cost at most, what it did cost and why, and what is left."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, get_args

import msgspec
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from pixapi.api.access import Access, Authenticated
from pixapi.calls.asked import Asked, read_asked
from pixapi.calls.limiting import as_a_request
from pixapi.calls.services import Services
from pixapi.catalog.catalog import Entry
from pixapi.catalog.pricing import line_as_json
from pixapi.catalog.repository import price_by_id
from pixapi.clock import iso
from pixapi.config.price import UNITS
from pixapi.errors import BadRequest, NotFound
from pixapi.gateway.http import read_body, read_fields, read_upload
from pixapi.gateway.uploads import LARGE_BYTES, UploadStore
from pixapi.ids import sibling
from pixapi.interfaces import Operation, Upload, Usage
from pixapi.ledger.reads import Balance, Charge, balance_of, carried_month, charge_by_id
from pixapi.money import format_credits
from pixapi.wire.dialect import ChatDialect
from pixapi.wire.json import Fields
from pixapi.wire.offered import DEFAULT, DIALECTS
from pixapi.wire.openai_media_sizes import FORMS

router = APIRouter(tags=["money"])
_usage = msgspec.json.Decoder(Usage)


@router.get("/v1/balance", summary="What the account has and what is on hold")
async def show_balance(access: Authenticated) -> dict[str, Any]:
    balance = await run_in_threadpool(_balance, access)
    return {
        "object": "balance",
        "balance": format_credits(balance.posted),
        "held": format_credits(balance.held),
        "available": format_credits(balance.available),
        "currency": "credits",
    }


def _in_query(name: str, names: Iterable[str]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": {"enum": list(names)}}


@router.post(
    "/v1/quote",
    summary="The most that a call can cost, before it is made",
    openapi_extra={
        "parameters": [
            _in_query("operation", get_args(Operation)),
            _in_query("dialect", DIALECTS),
        ]
    },
)
async def quote(request: Request, access: Authenticated) -> dict[str, Any]:
    """Takes the body of a call as it would be sent, forms included; nothing is called and nothing held.

    A call that is no chat names itself: ``?operation=``. A body with ``input`` and no ``messages`` is taken
    for embeddings.

    A chat call of another dialect than OpenAI's names it: ``?dialect=``. A model that stands in the
    path of the call is a field ``model`` here.
    """
    async with as_a_request(access.services, access.principal):
        asked, entry = await _asked(request, access)
    offer = entry.offer(access.principal.group)
    table = offer.table
    most = table.bound(asked.input_bound, asked.output_bound, asked.units)
    balance = await run_in_threadpool(_balance, access)
    affordable = None
    if asked.units is None:
        affordable = table.affordable_output(balance.available, asked.input_bound)
    return {
        "object": "quote",
        "model": asked.model,
        "max_cost": format_credits(most),
        "currency": "credits",
        "input_tokens_max": asked.input_bound,
        "output_tokens_max": asked.output_bound,
        "units_max": _units(asked.units),
        "affordable": most <= balance.available,
        "affordable_output_tokens": None if affordable is None else min(affordable, asked.output_bound),
        "available": format_credits(balance.available),
        "price_id": offer.price_id,
    }


async def _asked(request: Request, access: Access) -> tuple[Asked, Entry]:
    """What the body asks for, read as the call's own would be, and of which model."""
    services, principal = access.services, access.principal
    server = services.configured.settings.server
    dialect = _dialect(request.query_params.get("dialect"))
    named = _operation(request.query_params.get("operation"))

    def understood(body: bytes | Fields, uploads: tuple[Upload, ...]) -> tuple[Asked, Entry]:
        fields = read_fields(request.scope, body) if isinstance(body, bytes) else body
        embeds = dialect is DEFAULT and "input" in fields and "messages" not in fields
        asked = read_asked(fields, named or ("embeddings" if embeds else "chat"), dialect, uploads)
        entry = services.configured.catalog.find(asked.model, principal.group, principal.models)
        asked.complete(entry.settings)
        return asked, entry

    with UploadStore(server.upload_folder) as store:
        if named in FORMS:
            form = await read_upload(request.scope, request.receive, server.max_body_bytes, store)
            return await services.heavy.run(understood, *form)
        body = await read_body(request.scope, request.receive, server.max_body_bytes)
        if len(body) >= LARGE_BYTES:
            return await services.heavy.run(understood, body, ())
        return understood(body, ())


@router.get("/v1/charges/{charge_id}", summary="A charge, explained line by line")
async def show_charge(charge_id: str, access: Authenticated) -> dict[str, Any]:
    return await run_in_threadpool(_explained, access.services, charge_id, access.principal.account_id)


def _dialect(name: str | None) -> ChatDialect:
    if name is None:
        return DEFAULT
    found = DIALECTS.get(name)
    if found is None:
        raise BadRequest(
            f"there is no dialect {name[:40]!r}; expected one of {', '.join(DIALECTS)}", param="dialect"
        )
    return found


def _operation(name: str | None) -> Operation | None:
    if name is None:
        return None
    for operation in get_args(Operation):
        if operation == name:
            return operation
    known = ", ".join(get_args(Operation))
    raise BadRequest(f"there is no operation {name[:40]!r}; expected one of {known}", param="operation")


def _units(most: Usage | None) -> dict[str, Any]:
    """Images, seconds and so on, as far as there are any; what need not be whole as a decimal string."""
    found = {} if most is None else {name: getattr(most, name) for name in UNITS.values()}
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in found.items()
        if value is not None
    }


def _balance(access: Access) -> Balance:
    with access.services.database.read() as connection:
        return balance_of(connection, access.principal.account_id)


def _explained(services: Services, charge_id: str, account_id: str) -> dict[str, Any]:
    with services.database.read() as connection:
        charge = charge_by_id(connection, charge_id)
        # Another account's charge is as unknown to this caller as one that never was.
        if charge is None or charge.wallet_id != account_id:
            raise _no_charge(charge_id, carried_month(connection, charge_id, account_id))
        table = price_by_id(connection, charge.price_id)
    usage = None if charge.usage is None else _usage.decode(charge.usage)
    lines = [] if usage is None or table is None else [line_as_json(line) for line in table.lines(usage)]
    shown = charge_as_json(charge)
    if shown["usage"] is not None:
        shown["usage"].pop("provider_cost_usd", None)  # what the operator pays is no business of the caller's
    return {
        **shown,
        "lines": lines,
        "price": None if table is None else table.terms.as_shown(),
    }


def _no_charge(charge_id: str, month: str | None) -> NotFound:
    if month is None:
        return NotFound(f"there is no charge {charge_id[:60]!r} of this account")
    return NotFound(
        f"there is no receipt of {charge_id[:60]!r} any more: receipts are kept for a time, and those of {month} "
        "were replaced by their sum",
        code="receipt_gone",
        status=410,
    )


def charge_as_json(charge: Charge) -> dict[str, Any]:
    """A charge as replies and `--json` print it."""
    return {
        "id": charge.id,
        "object": "charge",
        "status": charge.status,
        "request_id": sibling("req", charge.id),
        "model": charge.model,
        "operation": charge.operation,
        "stream": charge.stream,
        "key_id": charge.key_id,
        "amount": None if charge.amount is None else format_credits(charge.amount),
        "held": format_credits(charge.held),
        "written_off": format_credits(charge.written_off),
        "currency": "credits",
        "usage": None if charge.usage is None else _shown(charge.usage),
        "usage_source": charge.usage_source,
        "error_code": charge.error_code,
        "created_at": iso(charge.created_at_us),
        "settled_at": iso(charge.settled_at_us),
        "price_id": charge.price_id,
    }


def _shown(usage: str) -> dict[str, Any]:
    """The quantities. What the vendor charges the operator is not the consumer's business."""
    return {name: value for name, value in msgspec.json.decode(usage).items() if name != "provider_cost_usd"}
