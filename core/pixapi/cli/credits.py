"""`pixapi credits`: grant them, take them back, read balances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pixapi.cli.common import Duration, config_option, emit, json_option, open_database
from pixapi.clock import SystemClock, iso
from pixapi.errors import BadRequest
from pixapi.ids import new_id
from pixapi.money import format_credits, parse_credits

if TYPE_CHECKING:
    from sqlalchemy import Connection

KINDS = ("adjustment", "purchase", "subscription", "bonus", "referral", "code")


@click.group("credits")
def group() -> None:
    """Grant credits, read balances."""


@group.command("grant", context_settings={"ignore_unknown_options": True})
@click.argument("email")
@click.argument("amount")
@click.option("--reason", help="Kept with the grant; shown in the history.")
@click.option("--expires", type=Duration(), help="When they expire, such as 30d.")
@click.option(
    "--kind", type=click.Choice(KINDS), default="adjustment", show_default=True, help="What they are."
)
@click.option("--idempotency-key", help="A grant with a key that was used before changes nothing.")
@config_option
@json_option
def grant(
    email: str, amount: str, reason: str | None, expires: int | None, kind: str, idempotency_key: str | None,
    config: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Give AMOUNT credits to EMAIL; a negative AMOUNT takes credits back that are not held."""
    from pixapi.db.schema import require_current
    from pixapi.identity.audit import Actor, record
    from pixapi.identity.lookup import account_of

    micro = parse_credits(amount)
    if micro < 0 and (expires is not None or kind != "adjustment"):
        raise BadRequest("--expires and --kind are for credits that are given, not for those taken back")
    source = f"cli:{idempotency_key or new_id('grant')}"
    with open_database(config) as database:
        require_current(database)
        with database.begin() as connection:
            account = account_of(connection, email)
            replayed = _move(connection, account, micro, source, kind, expires, reason)
            if not replayed:
                record(
                    connection,
                    Actor("cli", SystemClock().now_us()),
                    "credits.grant" if micro > 0 else "credits.take",
                    account,
                    amount=format_credits(abs(micro)),
                    kind=kind,
                )
            posted = _posted(connection, account)
    done = "was granted before" if replayed else "granted" if micro > 0 else "taken back"
    if as_json:
        emit(
            {"account": account, "amount": format_credits(micro), "replayed": replayed, "balance": posted},
            True,
        )
    else:
        click.echo(f"{format_credits(abs(micro))} credits {done}; {email} has {posted} now.")


def _move(
    connection: Connection,
    account: str,
    micro: int,
    source: str,
    kind: str,
    expires: int | None,
    reason: str | None,
) -> bool:
    from pixapi.ledger import Grant, Granted, Take, Taken, apply

    now_us = SystemClock().now_us()
    if micro < 0:
        outcome = apply(connection, [Take(account, -micro, source, now_us, note=reason)])[0]
    else:
        until = None if expires is None else now_us + expires * 1_000_000
        outcome = apply(connection, [Grant(account, micro, source, kind, now_us, None, until, reason)])[0]
    assert isinstance(outcome, Granted | Taken)
    return outcome.replayed


def _posted(connection: Connection, account: str) -> str:
    from pixapi.ledger.reads import balance_of

    return format_credits(balance_of(connection, account).posted)


@group.command("balance")
@click.argument("email")
@config_option
@json_option
def balance(email: str, config: str | None, as_json: bool) -> None:
    """Show what EMAIL has, and how much of it is held for calls under way."""
    from pixapi.db.schema import require_current
    from pixapi.identity.lookup import account_of
    from pixapi.ledger.reads import balance_of

    with open_database(config) as database:
        require_current(database)
        with database.read() as connection:
            found = balance_of(connection, account_of(connection, email))
    emit({"balance": format_credits(found.posted), "held": format_credits(found.held)}, as_json)


@group.command("history")
@click.argument("email")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most.")
@config_option
@json_option
def history(email: str, limit: int, config: str | None, as_json: bool) -> None:
    """List what moved in the wallet of EMAIL, the newest first."""
    from pixapi.db.schema import require_current
    from pixapi.identity.lookup import account_of
    from pixapi.ledger.reads import history as read

    with open_database(config) as database:
        require_current(database)
        with database.read() as connection:
            movements = read(connection, account_of(connection, email), limit=limit)
    rows = [
        {
            "at": iso(movement.at_us),
            "kind": movement.kind,
            "amount": format_credits(movement.amount),
            "reference": movement.reference,
            "note": movement.note,
        }
        for movement in movements
    ]
    emit(rows, as_json, empty="Nothing has moved yet.")
