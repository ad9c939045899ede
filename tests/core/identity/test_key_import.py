"""Keys that another system made."""

from pixapi.db.engine import Database
from pixapi.identity import service
from pixapi.identity.audit import Actor
from pixapi.identity.key_import import import_keys
from pixapi.identity.keys import KeyHasher

OLD = "sk-legacy-" + "k" * 30
LINES = f"""email,key,title
# from the old gateway

ada@example.com,{OLD},"laptop, old"
ada@example.com,{OLD}
bob@example.com,{OLD}
ada@example.com,tooshort
ada@example.com
nobody@nowhere.org,{OLD[::-1]}
ada@example.com,{OLD}2
""".splitlines()


def test_a_file_is_taken_line_by_line(database: Database, actor: Actor, hasher: KeyHasher) -> None:
    with database.begin() as connection:
        service.create_user(connection, actor, "ada@example.com")
        service.create_user(connection, actor, "bob@example.com")
        first = list(import_keys(connection, actor, hasher, LINES))
    with database.begin() as connection:
        again = list(import_keys(connection, actor, hasher, LINES))
        stored = service.list_keys(connection, None)
        dump = str(connection.exec_driver_sql("SELECT * FROM api_keys").all())
    assert [(line.line, line.outcome) for line in first] == [
        (4, "imported"), (5, "present"), (6, "refused"), (7, "refused"), (8, "refused"), (9, "refused"), (10, "imported"),
    ]  # fmt: skip
    assert [line.outcome for line in again] == ["present", "present", *["refused"] * 4, "present"]
    assert [key.title for key in stored] == ["laptop, old", "imported"]
    assert OLD not in dump
    reasons = " ".join(line.reason or "" for line in first)
    assert "another user" in reasons
    assert "too short" in reasons
    assert "pixapi users create" in reasons
    assert "sk-legacy" not in reasons
