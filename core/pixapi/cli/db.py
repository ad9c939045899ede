"""`pixapi db`: the schema, backups, the move to Postgres."""

from __future__ import annotations

from pathlib import Path

import click

from pixapi.cli.common import config_option, emit, json_option, load, open_database
from pixapi.errors import PixapiError


@click.group("db")
def group() -> None:
    """The database: upgrade, back up, copy."""


@group.command("upgrade")
@config_option
def upgrade(config: str | None) -> None:
    """Bring the schema to what this version needs.

    Makes the database, and the secret that API keys are hashed with, where they are missing.
    """
    from pixapi.db.schema import HEAD, current_revision
    from pixapi.db.schema import upgrade as bring_up
    from pixapi.identity.secret import load_secret

    loaded = load(config)
    with open_database(config) as database:
        before = current_revision(database)
        bring_up(database)
        load_secret(database, loaded.base_dir / loaded.settings.server.secret_file)
    if before == HEAD:
        click.echo(f"The database is at schema {HEAD} already.")
    else:
        click.echo(f"The database is at schema {HEAD} now (before: {before or 'empty'}).")


@group.command("current")
@config_option
@json_option
def current(config: str | None, as_json: bool) -> None:
    """Show the schema that the database has and the one that is needed."""
    from pixapi.db.schema import HEAD, current_revision

    with open_database(config) as database:
        found = current_revision(database)
    emit({"current": found, "needed": HEAD, "is_current": found == HEAD}, as_json)


@group.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
def backup(file: Path, config: str | None) -> None:
    """Write a backup to FILE while the server runs.

    SQLite: a database file. Postgres: an archive for pg_restore (needs pg_dump).
    """
    from pixapi.db.backup import backup as write

    with open_database(config) as database:
        write(database, file)
    click.echo(f"Wrote {file} ({file.stat().st_size:,} bytes).")


@group.command("copy")
@click.option("--to", "url", required=True, help="postgresql+psycopg://...; an empty database.")
@config_option
def copy(url: str, config: str | None) -> None:
    """Copy everything from SQLite to Postgres, and prove that it arrived.

    Stop the server first: what it writes after the copy began would be missing.
    """
    from pixapi.db.copy import copy as move
    from pixapi.db.engine import Database
    from pixapi.ledger.verify import verify

    loaded = load(config)
    target = Database(url, base_dir=loaded.base_dir)
    try:
        with open_database(config) as source:
            counts = move(source, target, progress=_show)
        report = verify(target)
    finally:
        target.close()
    for problem in report.problems:
        click.echo(problem, err=True)
    if not report.ok:
        raise PixapiError(
            "the ledger in the copy does not add up; `pixapi ledger verify` shows whether the source does"
        )
    click.echo(
        f"Copied {sum(counts.values()):,} rows in {len(counts)} tables; the ledger of the copy is proven."
    )
    click.echo("Set database.url to the new database now.")


def _show(table: str, done: int, total: int) -> None:
    if done == total:
        click.echo(f"  {table}: {total:,} rows")
