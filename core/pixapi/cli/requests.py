"""`pixapi requests`: what was called, and what failed."""

from __future__ import annotations

import click

from pixapi.cli.common import Duration, config_option, emit, json_option, migrated_database
from pixapi.clock import SystemClock
from pixapi.errors import NotFound


@click.group("requests")
def group() -> None:
    """What was called, and what failed."""


@group.command("list")
@click.option("--failed", is_flag=True, help="Only those that ended in an error.")
@click.option("--key", "key_id", help="Only those of this key's id.")
@click.option("--model", help="Only those for this model.")
@click.option(
    "--since", type=Duration(), default="24h", show_default=True, help="How far back, such as 1h or 7d."
)
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most."
)
@config_option
@json_option
def list_(
    failed: bool,
    key_id: str | None,
    model: str | None,
    since: int,
    limit: int,
    config: str | None,
    as_json: bool,
) -> None:
    """Requests, newest first, with those that never came as far as a charge."""
    from pixapi.calls.requests import list_requests

    since_us = SystemClock().now_us() - since * 1_000_000
    with migrated_database(config) as database, database.read() as connection:
        rows = list_requests(
            connection, failed=failed, key_id=key_id, model=model, since_us=since_us, limit=limit
        )
    columns = ["at", "id", "model", "route", "status", "http_status", "error_code", "amount", "duration_ms"]
    emit(rows, as_json, columns, empty="There were no such requests.")


@group.command("show")
@click.argument("request_id")
@config_option
@json_option
def show(request_id: str, config: str | None, as_json: bool) -> None:
    """One request, by the id of the request, its charge or its reply."""
    from pixapi.calls.requests import find_request
    from pixapi.ledger.reads import carried_month

    with migrated_database(config) as database, database.read() as connection:
        found = find_request(connection, request_id)
        month = None if found is not None else carried_month(connection, request_id)
    if month is not None:
        raise NotFound(
            f"there is no request {request_id[:60]} any more; those of {month} were replaced by their sums"
        )
    if found is None:
        raise NotFound(f"there is no request {request_id[:60]}; `pixapi requests list` shows the newest ones")
    emit(found, as_json)
