"""Writes a new revision from the difference between the tables declared in code and a database.

``python -m pixapi_migrations URL "what it does"``: the database at URL must be at the newest revision.
Read what was written before committing it, and set `pixapi.db.schema.HEAD`.
"""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from pixapi.db.engine import Database


def main(url: str, message: str) -> None:
    """Writes ``versions/NNNN_what_it_does.py``."""
    config = Config()
    config.set_main_option("script_location", "pixapi_migrations:")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    taken = [path.name[:4] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py")]
    revision = f"{max(map(int, taken), default=0) + 1:04d}"
    with Database(url, base_dir=Path.cwd()).begin() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True, rev_id=revision)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit('usage: python -m pixapi_migrations URL "what it does"')
    main(sys.argv[1], sys.argv[2])
