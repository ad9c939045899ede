"""The schema's version: which one the database has, which one this program needs, and how to get there.

Only `upgrade` and `downgrade` load Alembic; a start that finds the schema current does not pay for it.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from pixapi.db.engine import Database
from pixapi.errors import NotReady

HEAD = "0006"
"""The newest revision in `pixapi_migrations`; a test holds it to the files."""

_UPGRADE_LOCK = 0x70697861
"""The advisory lock under which replicas upgrade one after the other."""


def current_revision(database: Database) -> str | None:
    """The revision that the database has; None where it was never upgraded.

    Raises:
        DatabaseAway: the database does not answer.
    """
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def require_current(database: Database) -> None:
    """Returns when the schema is the one that this program needs.

    Raises:
        NotReady: it is not; the message says what to run.
        DatabaseAway: the database does not answer.
    """
    found = current_revision(database)
    if found == HEAD:
        return
    if found is None:
        raise NotReady("The database is empty; run `pixapi db upgrade` first.")
    if found > HEAD:
        raise NotReady(
            f"The database has schema {found}, which is newer than {HEAD}, the one this version knows; "
            "install the version that wrote it."
        )
    raise NotReady(f"The database has schema {found} and {HEAD} is needed; run `pixapi db upgrade`.")


def upgrade(database: Database, revision: str = "head") -> None:
    """Brings the schema to ``revision`` in one transaction; a current one stays as it is.

    Raises:
        DatabaseAway: the database does not answer.
    """
    with database.begin() as connection:
        _migrate(connection, "upgrade", revision)


def downgrade(database: Database, revision: str) -> None:
    """Takes the schema back to ``revision`` ("base" removes every table, and what is in it)."""
    with database.begin() as connection:
        _migrate(connection, "downgrade", revision)


def _migrate(connection: Connection, direction: str, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
    config = Config()
    config.set_main_option("script_location", "pixapi_migrations:")
    config.attributes["connection"] = connection
    (command.upgrade if direction == "upgrade" else command.downgrade)(config, revision)
