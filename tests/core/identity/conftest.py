"""A secret, an actor, and users made in one line."""

from collections.abc import Callable

import pytest

from pixapi.db.engine import Database
from pixapi.identity import service
from pixapi.identity.audit import Actor
from pixapi.identity.keys import KeyHasher
from pixapi.identity.service import KeyTerms, NewKey

SECRET = bytes(range(32))
AT_US = 1_750_000_000_000_000


@pytest.fixture
def secret() -> bytes:
    return SECRET


@pytest.fixture
def hasher() -> KeyHasher:
    return KeyHasher(SECRET)


@pytest.fixture
def actor() -> Actor:
    return Actor("cli", AT_US)


@pytest.fixture
def user_with_key(database: Database, hasher: KeyHasher, actor: Actor) -> Callable[..., NewKey]:
    """Makes the user unless they are there, and a key for them; each call is a transaction of its own."""

    def make(email: str = "ada@example.com", terms: KeyTerms | None = None) -> NewKey:
        with database.begin() as connection:
            if not [user for user in service.list_users(connection) if user.email == email]:
                service.create_user(connection, actor, email)
            return service.create_key(connection, actor, hasher, email, "laptop", terms or KeyTerms())

    return make
