"""`pixapi privacy`: what is older than it may be is forgotten."""

from __future__ import annotations

import time

import click

from pixapi.cli.common import config_option, emit, json_option, load, migrated_database
from pixapi.clock import SystemClock, iso

_TELL_EVERY_S = 2.0


@click.group("privacy")
def group() -> None:
    """Forget what is older than it may be."""


@group.command("purge")
@click.option("--dry-run", is_flag=True, help="Only say how much it would be.")
@config_option
@json_option
def purge(dry_run: bool, config: str | None, as_json: bool) -> None:
    """Forget charges and failed requests older than [privacy.retention] says.

    Whole months of charges are replaced by a sum for each lot, so that every balance can still be proven; reports of
    use keep their hourly sums. May run while the server does, may be stopped, and goes on where it was.
    """
    from pixapi.calls.retention import Retained

    retention = load(config).settings.privacy.retention
    with migrated_database(config) as database:
        retained = Retained(database, SystemClock(), retention)
        found = retained.count()
        if not dry_run:
            found = retained.purge(_Teller(found.charges))
    if as_json:
        emit(
            {
                "dry_run": dry_run,
                "charges": found.charges,
                "failed_requests": found.failed_requests,
                "charges_kept_since": iso(retained.since_us),
            },
            True,
        )
        return
    click.echo(
        f"{'Would forget' if dry_run else 'Forgot'} {found.charges:,} charges made before "
        f"{iso(retained.since_us)}, and {found.failed_requests:,} failed requests."
    )


class _Teller:
    """Says on stderr, every two seconds, how far it is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._next_s = time.monotonic() + _TELL_EVERY_S

    def __call__(self, done: int) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _TELL_EVERY_S
            click.echo(f"{done:,} of {self._total:,} charges", err=True)
