"""`pixapi usage`: who used what, and for how much."""

from __future__ import annotations

import csv
import sys
import time
from typing import Any

import click

from pixapi.cli.common import Duration, config_option, emit, json_option, open_database

BY = ("model", "user", "key", "day")
COLUMNS = ("calls", "input_tokens", "output_tokens", "credits")


@click.group("usage")
def group() -> None:
    """Reports of use."""


@group.command("report")
@click.option(
    "--by", type=click.Choice(BY), default="model", show_default=True, help="What a row stands for."
)
@click.option(
    "--since", type=Duration(), default="30d", show_default=True, help="How far back, such as 24h or 30d."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@config_option
@json_option
def report(by: str, since: int, as_csv: bool, config: str | None, as_json: bool) -> None:
    """Settled calls, their tokens and what was charged for them."""
    from pixapi.calls.usage_report import usage_report
    from pixapi.db.schema import require_current

    since_us = (time.time_ns() // 1000) - since * 1_000_000
    with open_database(config) as database:
        require_current(database)
        with database.read() as connection:
            rows = usage_report(connection, by, since_us)
    if as_csv:
        _print_csv(rows, [by, *COLUMNS])
    else:
        emit(rows, as_json, columns=[by, *COLUMNS], empty="Nothing was used in that time.")


def _print_csv(rows: list[dict[str, Any]], columns: list[str]) -> None:
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
