"""The revisions lead to what the models declare, and back."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from pixapi.db.base import Base
from pixapi.db.engine import Database
from pixapi.db.schema import HEAD, current_revision, downgrade, upgrade
from pixapi.errors import Conflict
from pixapi_migrations import MODEL_MODULES


def _declared(_item: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    return not (kind == "table" and name == "sqlite_sequence")


def test_models_are_what_the_revisions_build(database: Database) -> None:
    for module in MODEL_MODULES:
        __import__(module)
    with database.read() as connection:
        options = {"include_object": _declared, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


def test_every_declared_table_has_its_module_named() -> None:
    for path in (Path(__file__).parents[2] / "core/pixapi").rglob("models.py"):
        if "__tablename__" in path.read_text():
            assert f"pixapi.{path.parent.name}.models" in MODEL_MODULES


def test_head_is_the_newest_revision(database: Database) -> None:
    assert current_revision(database) == HEAD


def test_down_to_nothing_and_up_again(database: Database) -> None:
    downgrade(database, "base")
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 0
    upgrade(database)
    assert current_revision(database) == HEAD
    upgrade(database)


def test_sums_that_stand_for_charges_are_not_taken_down(database: Database) -> None:
    """Without them no balance could be proven: the charges are gone."""
    with database.begin() as connection:
        connection.execute(text("INSERT INTO carried_charges VALUES ('acc_1', 1, '', 0, 1, 5, 0)"))
    with pytest.raises(Conflict, match="1 sums stand for charges that are gone"):
        downgrade(database, "0003")
    assert current_revision(database) == HEAD
    with database.read() as connection:
        assert connection.execute(text("SELECT amount FROM carried_charges")).scalar() == 5


@pytest.mark.parametrize("statement", ["UPDATE entries SET amount = 2", "DELETE FROM entries"])
def test_entries_are_append_only(database: Database, statement: str) -> None:
    with database.begin() as connection:
        connection.execute(text("INSERT INTO wallets VALUES ('acc_1', 0, 0, 0, NULL)"))
        connection.execute(
            text(
                "INSERT INTO entries (wallet_id, kind, amount, reference, created_at_us)"
                " VALUES ('acc_1', 'adjust', 1, 'x', 0)"
            )
        )
    with pytest.raises(Exception, match=r"append-only|does not change"), database.begin() as connection:
        connection.execute(text(statement))
