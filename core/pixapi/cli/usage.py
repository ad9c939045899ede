"""`pixapi usage`: who used what, for how much, and what it cost."""

from __future__ import annotations

import csv
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from pixapi.cli.common import Duration, config_option, emit, json_option, migrated_database

if TYPE_CHECKING:
    from pixapi.calls.margin_report import By, Margin

BY = ("model", "user", "key", "day")
COLUMNS = ("calls", "input_tokens", "output_tokens", "credits")
TOP = 50
"""Rows of a table for people, where they do not say how many."""
MARGIN_BY = ("model", "route", "day")
MARGIN_COLUMNS = (
    "calls", "charged_usd", "cost_usd", "margin_usd", "margin_percent", "cost_reported", "cost_unknown", "loss",
)  # fmt: skip

since_option = click.option(
    "--since", type=Duration(), default="30d", show_default=True, help="How far back, such as 24h or 30d."
)
csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")


@click.group("usage")
def group() -> None:
    """Reports of use."""


@group.command("report")
@click.option(
    "--by", type=click.Choice(BY), default="model", show_default=True, help="What a row stands for."
)
@since_option
@click.option(
    "--top",
    type=click.IntRange(1),
    help=f"Only the first N rows.  [default: {TOP} in a table, all with --csv and --json]",
    metavar="N",
)
@csv_option
@config_option
@json_option
def report(by: str, since: int, top: int | None, as_csv: bool, config: str | None, as_json: bool) -> None:
    """Settled calls, their tokens and what was charged for them."""
    from pixapi.calls.usage_report import top_usage

    since_us = (time.time_ns() // 1000) - since * 1_000_000
    if top is None and not (as_csv or as_json):
        top = TOP
    with migrated_database(config) as database, database.read() as connection:
        rows, left_out = top_usage(connection, by, since_us, top)
    if as_csv:
        _print_csv(rows, [by, *COLUMNS])
    else:
        emit(rows, as_json, columns=[by, *COLUMNS], empty="Nothing was used in that time.")
    if left_out:
        click.echo(f"{left_out:,} more rows were left out; --top N shows N", err=True)


@group.command("margin")
@click.option(
    "--by", type=click.Choice(MARGIN_BY), default="model", show_default=True, help="What a row stands for."
)
@since_option
@click.option("--check", is_flag=True, help="Exit with 1 if a row was sold at a loss.")
@csv_option
@config_option
@json_option
def margin(by: By, since: int, check: bool, as_csv: bool, config: str | None, as_json: bool) -> None:
    """What was charged against what it cost us, the lowest margin first.

    The cost is what the vendor said it charges, else the model's `cost` at the time of the call. Calls whose cost
    nobody knows are counted in `cost_unknown` and have no part in the margin.
    """
    from pixapi.calls.margin_report import losses, margin_report

    since_us = (time.time_ns() // 1000) - since * 1_000_000
    with migrated_database(config) as database, database.read() as connection:
        found = margin_report(connection, by, since_us, young_only=True)
    names = ("model", "route") if by == "route" else (by,)
    rows = [_margin_row(names, row) for row in found]
    columns = [*names, *MARGIN_COLUMNS]
    if as_csv:
        _print_csv(rows, columns)
    else:
        emit(rows, as_json, columns=columns, empty="Nothing was used in that time.")
    if lost := losses(found):
        click.echo(f"sold at a loss: {', '.join(lost)}", err=True)
        if check:
            raise SystemExit(1)


def _margin_row(names: tuple[str, ...], row: Margin) -> dict[str, Any]:
    from pixapi.calls.margin_report import usd

    margin = row.margin_usd
    share = None if margin is None or not row.earned_usd else margin / row.earned_usd
    return {
        **dict(zip(names, row.names, strict=True)),
        "calls": row.calls,
        "charged_usd": usd(row.charged_usd),
        "cost_usd": None if margin is None else usd(row.cost_usd),
        "margin_usd": usd(margin),
        "margin_percent": None if share is None else f"{float(share * 100):.1f}",
        "cost_reported": row.reported_calls,
        "cost_unknown": row.unknown_calls,
        "loss": row.is_loss,
    }


def _print_csv(rows: list[dict[str, Any]], columns: list[str]) -> None:
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
