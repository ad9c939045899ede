"""`pixapi ledger`: prove every balance, see what is held and what was written off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pixapi.cli.common import config_option, emit, json_option, open_database
from pixapi.clock import iso
from pixapi.money import format_credits

if TYPE_CHECKING:
    from pixapi.ledger.reads import Charge

limit_option = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most."
)


@click.group("ledger")
def group() -> None:
    """Prove every balance; holds and write-offs."""


@group.command("verify")
@config_option
@json_option
@click.pass_context
def verify(context: click.Context, config: str | None, as_json: bool) -> None:
    """Recompute every balance from its entries and charges; exit 1 if one does not agree.

    May run while the server does.
    """
    from pixapi.db.schema import require_current
    from pixapi.ledger.verify import verify as prove

    with open_database(config) as database:
        require_current(database)
        report = prove(database)
    if as_json:
        emit({"ok": report.ok, "problems": report.problems, "counts": report.counts}, True)
    else:
        for problem in report.problems:
            click.echo(problem, err=True)
        looked_at = ", ".join(f"{count:,} {name}" for name, count in report.counts.items())
        click.echo(f"{'Proven' if report.ok else 'Not proven'}: {looked_at or 'the ledger is empty'}.")
    if not report.ok:
        context.exit(1)


@group.command("holds")
@limit_option
@config_option
@json_option
def holds(limit: int, config: str | None, as_json: bool) -> None:
    """List what is held for calls under way, the oldest first."""
    from pixapi.ledger.reads import holds as read

    _list(config, as_json, lambda connection: read(connection, limit=limit), "held", "Nothing is held.")


@group.command("write-offs")
@limit_option
@config_option
@json_option
def write_offs(limit: int, config: str | None, as_json: bool) -> None:
    """List calls that cost more than their account paid, the newest first, and why.

    account: it had no more. limits: the server reported more than the call's own limits allow.
    """
    from pixapi.ledger.reads import write_offs as read

    _list(
        config,
        as_json,
        lambda connection: read(connection, limit=limit),
        "written_off",
        "Nothing was written off.",
    )


def _list(config: str | None, as_json: bool, read: Any, amount: str, empty: str) -> None:
    from pixapi.db.schema import require_current

    with open_database(config) as database:
        require_current(database)
        with database.read() as connection:
            charges = read(connection)
    emit([_row(charge, amount) for charge in charges], as_json, empty=empty)


def _row(charge: Charge, amount: str) -> dict[str, Any]:
    why = {"why": "limits" if charge.usage_source == "capped" else "account"}
    return {
        "id": charge.id,
        "account": charge.wallet_id,
        "key": charge.key_id,
        "model": charge.model,
        "status": charge.status,
        amount: format_credits(getattr(charge, amount)),
        **(why if amount == "written_off" else {}),
        "created_at": iso(charge.created_at_us),
    }
