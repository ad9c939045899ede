"""Users and keys, on both databases."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from pixapi.db.engine import Database
from pixapi.errors import BadRequest, Conflict, NotFound
from pixapi.identity import audit, repository, service
from pixapi.identity.audit import Actor
from pixapi.identity.keys import KeyHasher, prefix_of
from pixapi.identity.lookup import account_of, find_user
from pixapi.identity.service import KeyTerms, NewKey

HOUR_US = 3_600_000_000


def test_a_user_comes_with_an_account(database: Database, actor: Actor) -> None:
    with database.begin() as connection:
        user = service.create_user(connection, actor, " Ada@Example.com", admin=True, group="partners")
    with database.read() as connection:
        found = find_user(connection, "ADA@example.COM")
        assert found == user
        assert (found.email, found.is_admin, found.group) == ("Ada@Example.com", True, "partners")
        assert account_of(connection, "ada@example.com") == user.account_id
        assert [entry.action for entry in audit.entries(connection, user.id)] == ["user.create"]


def test_one_address_is_one_user(database: Database, actor: Actor) -> None:
    with database.begin() as connection:
        service.create_user(connection, actor, "ada@example.com")
        with pytest.raises(Conflict, match="already a user ada@example"):
            service.create_user(connection, actor, "ADA@example.com")


def test_an_unknown_user_is_answered_with_a_suggestion(database: Database, actor: Actor) -> None:
    with database.begin() as connection:
        service.create_user(connection, actor, "ada@example.com")
        with pytest.raises(NotFound, match=r"did you mean ada@example\.com"):
            find_user(connection, "adda@example.com")
        with pytest.raises(NotFound, match=r"pixapi users create bob@other\.org"):
            find_user(connection, "bob@other.org")


def test_a_key_is_stored_as_a_hash_only(
    database: Database, hasher: KeyHasher, user_with_key: Callable[..., NewKey]
) -> None:
    terms = KeyTerms(("echo", "gpt-*"), ("192.0.2.0/24",), 60, None, True)
    made = user_with_key(terms=terms)
    with database.read() as connection:
        stored = repository.key_by_id(connection, made.key.id)
        assert stored == made.key
        assert stored.models == ("echo", "gpt-*")
        assert repository.key_id_by_hash(connection, hasher.hexdigest(made.secret)) == made.key.id
        everything = str(connection.exec_driver_sql("SELECT * FROM api_keys").all())
        everything += str(connection.exec_driver_sql("SELECT * FROM audit").all())
    assert made.secret not in everything
    assert made.secret not in repr(made)
    assert "ada@example.com" not in everything
    assert made.secret.startswith(made.key.prefix)


@pytest.mark.parametrize(
    ("title", "terms", "says"),
    [
        ("", KeyTerms(), "title"),
        ("x" * 201, KeyTerms(), "title"),
        ("t", KeyTerms(models=()), "models is empty"),
        ("t", KeyTerms(networks=()), "networks is empty"),
        ("t", KeyTerms(networks=("10.0.0.1/8",)), "not a network"),
        ("t", KeyTerms(networks=("here",)), "not a network"),
        ("t", KeyTerms(requests_per_minute=0), "1 or more"),
        ("t", KeyTerms(expires_at_us=1), "expired from the start"),
    ],
)
def test_terms_that_make_no_sense(
    database: Database, actor: Actor, hasher: KeyHasher, title: str, terms: KeyTerms, says: str
) -> None:
    with database.begin() as connection:
        service.create_user(connection, actor, "ada@example.com")
        with pytest.raises(BadRequest, match=says):
            service.create_key(connection, actor, hasher, "ada@example.com", title, terms)


def test_revoking_twice_is_revoking_once(
    database: Database, actor: Actor, user_with_key: Callable[..., NewKey]
) -> None:
    made = user_with_key()
    with database.begin() as connection:
        first = service.revoke_key(connection, actor, made.key.id)
        second = service.revoke_key(connection, Actor("cli", actor.at_us + 5), made.key.id)
        assert first.revoked_at_us == second.revoked_at_us == actor.at_us
        assert first.status(actor.at_us) == "revoked"
        actions = [entry.action for entry in audit.entries(connection, made.key.id)]
        assert actions == ["key.create", "key.revoke"]
        with pytest.raises(NotFound, match="no key"):
            service.revoke_key(connection, actor, "key_none")


def test_rotation_changes_the_secret_and_nothing_else(
    database: Database, actor: Actor, hasher: KeyHasher, user_with_key: Callable[..., NewKey]
) -> None:
    made = user_with_key(terms=KeyTerms(models=("echo",), requests_per_minute=5, has_budget=True))
    with database.begin() as connection:
        new = service.rotate_key(connection, actor, hasher, made.key.id, HOUR_US)
        assert new.secret != made.secret
        assert new.key == replace(made.key, prefix=prefix_of(new.secret))
        assert service.require_key(connection, made.key.id) == new.key
        assert repository.key_id_by_hash(connection, hasher.hexdigest(new.secret)) == made.key.id


def test_the_former_secret_has_a_row_until_it_ends(
    database: Database, actor: Actor, hasher: KeyHasher, user_with_key: Callable[..., NewKey]
) -> None:
    made = user_with_key()
    with database.begin() as connection:
        service.rotate_key(connection, actor, hasher, made.key.id, HOUR_US)
        former_id = repository.key_id_by_hash(connection, hasher.hexdigest(made.secret))
        assert former_id is not None
        former = service.require_key(connection, former_id)
        assert (former.replaced_by, former.prefix) == (made.key.id, made.key.prefix)
        assert former.status(actor.at_us) == "rotated"
        assert former.status(actor.at_us + HOUR_US) == "expired"
        with pytest.raises(Conflict, match="is rotated"):
            service.rotate_key(connection, actor, hasher, former.id, HOUR_US)


def test_rotation_never_makes_the_former_secret_live_longer(
    database: Database, actor: Actor, hasher: KeyHasher, user_with_key: Callable[..., NewKey]
) -> None:
    made = user_with_key(terms=KeyTerms(expires_at_us=actor.at_us + 10))
    with database.begin() as connection:
        service.rotate_key(connection, actor, hasher, made.key.id, HOUR_US)
        assert {key.expires_at_us for key in service.list_keys(connection, None)} == {actor.at_us + 10}


def test_revoking_a_key_revokes_its_former_secrets(
    database: Database, actor: Actor, hasher: KeyHasher, user_with_key: Callable[..., NewKey]
) -> None:
    made, other = user_with_key(), user_with_key()
    with database.begin() as connection:
        for key_id in (made.key.id, made.key.id, other.key.id):
            service.rotate_key(connection, actor, hasher, key_id, HOUR_US)
        service.revoke_key(connection, actor, made.key.id)
        left = [key.id for key in service.list_keys(connection, None) if key.revoked_at_us is None]
        (former_id,) = set(left) - {other.key.id}
        service.revoke_key(connection, actor, former_id)
        assert service.require_key(connection, other.key.id).status(actor.at_us) == "active"


def test_every_change_that_processes_must_hear_of_raises_the_revision(
    database: Database, actor: Actor, hasher: KeyHasher, user_with_key: Callable[..., NewKey]
) -> None:
    made = user_with_key()
    changes: list[Callable[..., object]] = [
        lambda c: service.rotate_key(c, actor, hasher, made.key.id, HOUR_US),
        lambda c: service.disable_user(c, actor, "ada@example.com"),
        lambda c: service.enable_user(c, actor, "ada@example.com"),
        lambda c: service.revoke_key(c, actor, made.key.id),
    ]
    for change in changes:
        with database.begin() as connection:
            before = repository.current_revision(connection)
            change(connection)
            after = repository.current_revision(connection)
            assert after > before
            stamped = {row.id for row in repository.keys_changed_since(connection, before)}
            assert made.key.id in stamped


def test_disabling_twice_changes_nothing(database: Database, actor: Actor) -> None:
    with database.begin() as connection:
        service.create_user(connection, actor, "ada@example.com")
        service.disable_user(connection, actor, "ada@example.com")
        before = repository.current_revision(connection)
        user = service.disable_user(connection, Actor("cli", actor.at_us + 1), "ada@example.com")
        assert user.disabled_at_us == actor.at_us
        service.enable_user(connection, actor, "ada@example.com")
        assert service.enable_user(connection, actor, "ada@example.com").disabled_at_us is None
        assert repository.current_revision(connection) == before + 1


def test_what_is_rolled_back_was_never_there(database: Database, actor: Actor) -> None:
    with pytest.raises(ZeroDivisionError), database.begin() as connection:
        service.create_user(connection, actor, "ada@example.com")
        _ = 1 // 0
    with database.read() as connection, pytest.raises(NotFound):
        find_user(connection, "ada@example.com")
