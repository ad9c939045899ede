"""What a start says about the schema."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from pixapi.db.engine import Database
from pixapi.db.schema import HEAD, current_revision, require_current
from pixapi.errors import NotReady


def test_current(database: Database) -> None:
    require_current(database)
    assert current_revision(database) == HEAD


def test_empty(tmp_path: Path) -> None:
    database = Database("sqlite:///x.db", base_dir=tmp_path)
    assert current_revision(database) is None
    with pytest.raises(NotReady, match="pixapi db upgrade"):
        require_current(database)
    database.close()


@pytest.mark.parametrize(("found", "says"), [("0000", "run `pixapi db upgrade`"), ("9999", "newer")])
def test_another(database: Database, found: str, says: str) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": found})
    with pytest.raises(NotReady, match=says):
        require_current(database)


def test_a_start_does_not_load_alembic() -> None:
    code = "import sys, pixapi.db.schema, pixapi.ledger; assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
