"""From SQLite to Postgres: everything arrives, or nothing does."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from pixapi.db.copy import copy
from pixapi.db.engine import Database
from pixapi.errors import Conflict
from pixapi.ledger import Grant, HoldOrder, SettleOrder, apply
from pixapi.ledger.verify import verify

pytestmark = pytest.mark.postgres


@pytest.fixture
def source(sqlite_url: str, tmp_path: Path) -> Any:
    database = Database(sqlite_url, base_dir=tmp_path)
    with database.begin() as connection:
        apply(
            connection,
            [Grant(f"acc_{n}", 1000, f"g{n}", "bonus", 1, note="für Ünïcode 🎉") for n in range(3000)],
        )
        for n in range(50):
            hold = HoldOrder(f"c{n}", "acc_1", "k", None, 9, 9, False, "chat", "m", "r", n % 2 == 0, 1, 1)
            apply(connection, [hold, SettleOrder(f"c{n}", 7, '{"input":1}', "reported", 2, 200)])
        connection.execute(
            text("INSERT INTO accounts (id, name, group_name, created_at_us) VALUES ('a', 'A', 'g', 1)")
        )
        connection.execute(
            text(
                "INSERT INTO users (id, email, email_normalized, is_admin, created_at_us) VALUES ('u', 'E', 'e', 1, 1)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO api_keys (id, account_id, user_id, title, prefix, hash, status, created_at_us, models,"
                " has_budget, revision) VALUES ('k', 'a', 'u', 't', 'p', 'h', 'active', 1, '[\"m*\"]', 0, 1)"
            )
        )
    yield database
    database.close()


def test_everything_arrives(source: Database, postgres_database_url: str, tmp_path: Path) -> None:
    target = Database(postgres_database_url, base_dir=tmp_path)
    counts = copy(source, target)
    assert (counts["wallets"], counts["lots"], counts["charges"], counts["api_keys"]) == (3000, 3000, 50, 1)
    assert verify(target).problems == []
    with target.begin() as connection:  # numbers go on where they were
        apply(connection, [Grant("acc_1", 5, "later", "bonus", 3)])
        assert connection.execute(text("SELECT max(id) FROM lots")).scalar() == 3001
        row = connection.execute(text("SELECT is_admin, models FROM users, api_keys")).one()
    assert tuple(row) == (True, ["m*"])
    target.close()


def test_not_into_what_has_rows(source: Database, postgres_database_url: str, tmp_path: Path) -> None:
    target = Database(postgres_database_url, base_dir=tmp_path)
    with target.begin() as connection:
        connection.execute(text("INSERT INTO meta VALUES ('x', 'y')"))
    with pytest.raises(Conflict, match="not empty"):
        copy(source, target)
    with target.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM wallets")).scalar() == 0
    target.close()


def test_not_the_other_way(source: Database, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="only a copy from SQLite"):
        copy(source, source)
