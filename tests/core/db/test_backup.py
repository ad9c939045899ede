"""A backup is whole, and never replaces anything."""

import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text

from pixapi.db.backup import backup
from pixapi.db.engine import Database
from pixapi.errors import Conflict


def fill(database: Database) -> None:
    with database.begin() as connection:
        for number in range(500):
            connection.execute(text("INSERT INTO meta VALUES (:k, :v)"), {"k": f"k{number}", "v": "x" * 1000})


def test_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url, base_dir=tmp_path)
    fill(database)
    seen: list[int] = []
    to = tmp_path / "backups" / "one.db"
    backup(database, to, progress=lambda _, done, total: seen.append(total - done))
    assert seen[-1] == 0
    assert [path.name for path in to.parent.iterdir()] == ["one.db"]
    copy = Database(f"sqlite:///{to}", base_dir=tmp_path)
    with copy.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta")).scalar() == 500
    copy.close()
    with pytest.raises(Conflict):
        backup(database, to)
    database.close()


@pytest.mark.postgres
def test_postgres(postgres_database_url: str, tmp_path: Path) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("NOT TESTED: pg_dump is not installed")
    database = Database(postgres_database_url, base_dir=tmp_path)
    fill(database)
    backup(database, tmp_path / "one.dump")
    listed = subprocess.run(
        ["pg_restore", "--list", tmp_path / "one.dump"], capture_output=True, text=True, check=True
    )
    assert "TABLE DATA public meta" in listed.stdout
    database.close()
