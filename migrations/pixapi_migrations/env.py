"""Alembic's environment. `pixapi.db.schema` hands the connection in, inside a transaction of its own.

To write a revision: ``python -m pixapi_migrations URL "what it does"`` against a database at the newest one.
"""

import importlib

from alembic import context
from sqlalchemy import Connection

from pixapi.db.base import Base
from pixapi_migrations import MODEL_MODULES
from pixapi_migrations.types import render


def _declared(_item: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    return not (kind == "table" and name == "sqlite_sequence")


def migrate(connection: Connection) -> None:
    """Runs the requested revisions on ``connection``."""
    for module in MODEL_MODULES:
        importlib.import_module(module)
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=False,  # the transaction is the caller's
        compare_type=True,
        render_item=render,
        include_object=_declared,
    )
    context.run_migrations()


given = context.config.attributes.get("connection")
if not isinstance(given, Connection):
    raise SystemExit("run `pixapi db upgrade`, which hands a connection in")
migrate(given)
