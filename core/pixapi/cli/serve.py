"""`pixapi serve`: run the gateway."""

from __future__ import annotations

import click

from pixapi.cli.common import config_option, load


@click.command("serve")
@click.option("--host", help="Listen on this address instead of server.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen on this port instead of server.port.")
@config_option
def command(host: str | None, port: int | None, config: str | None) -> None:
    """Run the gateway until SIGINT or SIGTERM; SIGHUP reloads the configuration."""
    from pixapi.app import run
    from pixapi.db.engine import Database
    from pixapi.db.schema import current_revision, require_current, upgrade

    loaded = load(config)
    database = Database(loaded.settings.database.url, base_dir=loaded.base_dir)
    try:
        # A first start shall just work; a database with something in it is upgraded by whoever runs it.
        if database.dialect == "sqlite" and current_revision(database) is None:
            upgrade(database)
            click.echo(f"made the database {database.path}", err=True)
        require_current(database)
    finally:
        database.close()
    run(loaded, host=host, port=port)
