"""A copy of the whole database in a file, made while it is in use."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pixapi.db.engine import Database
from pixapi.errors import Conflict, NotReady

_PAGES = 1000
_DUMP_S = 24 * 3600

Progress = Callable[[str, int, int], None]
"""Called with (what, done, of)."""


def backup(database: Database, to: Path, *, progress: Progress | None = None) -> None:
    """Writes a backup to ``to``, which must not exist; a file that is there afterwards is whole.

    SQLite: a database file, to be used as it is. Postgres: an archive of `pg_dump`, to be read by `pg_restore`.

    Raises:
        Conflict: the file exists.
        NotReady: Postgres, and `pg_dump` is not installed or fails.
        DatabaseAway: the database does not answer.
    """
    if to.exists():
        raise Conflict(f"{to.name} exists already; a backup does not replace a file")
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_name(to.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        if database.path is not None:
            _copy_pages(database, partial, progress or (lambda *_: None))
        else:
            _dump(database, partial)
        partial.rename(to)
    finally:
        partial.unlink(missing_ok=True)


def _copy_pages(database: Database, to: Path, progress: Progress) -> None:
    source = database.driver_connection()
    assert isinstance(source, sqlite3.Connection)
    # Read in one snapshot: otherwise every write of a busy server would start the copy again from its first page.
    with closing(source), closing(sqlite3.connect(to)) as target:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(
            target, pages=_PAGES, progress=lambda _, left, total: progress("pages", total - left, total)
        )
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode=DELETE")
        found = target.execute("PRAGMA quick_check").fetchone()[0]
        if found != "ok":
            raise NotReady(f"the copy is damaged ({found}); check the disk and the database")
    to.chmod(0o600)


def _dump(database: Database, to: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise NotReady(
            "pg_dump is not installed here; install the Postgres client, of the server's version or newer"
        )
    url = database.url
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    plain = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    line = [program, "--format=custom", "--no-owner", f"--file={to}", f"--dbname={plain}"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=_DUMP_S, check=False)
    if done.returncode:
        raise NotReady(f"pg_dump failed: {done.stderr.strip()[-500:]}")
    to.chmod(0o600)
