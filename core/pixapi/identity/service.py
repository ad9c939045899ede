"""Changes to users and keys.

Every function works in the caller's transaction and never commits. Each change writes an audit entry and,
where processes must hear of it, raises the revision and stamps the keys it touches.
"""

from __future__ import annotations

from ipaddress import ip_network

import msgspec
from sqlalchemy import Connection

from pixapi.errors import BadRequest, Conflict, NotFound
from pixapi.identity import repository
from pixapi.identity.audit import Actor, record
from pixapi.identity.email import normalize_email
from pixapi.identity.keys import KeyHasher, make_key, prefix_of
from pixapi.identity.lookup import find_user
from pixapi.identity.views import ApiKey, User
from pixapi.ids import new_id

LONGEST_TITLE = 200


class KeyTerms(msgspec.Struct, frozen=True):
    """What a key may do.

    None: no limit of its own. ``has_budget``: the caller gives it a budget in the ledger.
    """

    models: tuple[str, ...] | None = None
    networks: tuple[str, ...] | None = None
    requests_per_minute: int | None = None
    expires_at_us: int | None = None
    has_budget: bool = False


class NewKey(msgspec.Struct, frozen=True):
    """A key just made. ``secret`` is the key itself; it is nowhere else and cannot be shown again."""

    secret: str
    key: ApiKey

    def __repr__(self) -> str:
        return f"NewKey(secret='…', key={self.key!r})"


def create_user(
    connection: Connection, actor: Actor, email: str, *, admin: bool = False, group: str = "default"
) -> User:
    """Make a user and an account that they own. Its wallet comes into being with its first grant.

    Raises:
        BadRequest: ``email`` is not an address.
        Conflict: somebody has it already.
    """
    normalized = normalize_email(email)
    if repository.user_by_email(connection, normalized) is not None:
        raise Conflict(f"there is already a user {normalized}; `pixapi users show {normalized}` shows them")
    user = User(
        id=new_id("usr"),
        email=email.strip(),
        account_id=new_id("acc"),
        group=group,
        is_admin=admin,
        created_at_us=actor.at_us,
        disabled_at_us=None,
    )
    repository.insert_user(connection, user, normalized)
    record(connection, actor, "user.create", user.id, account=user.account_id, admin=admin, group=group)
    return user


def disable_user(connection: Connection, actor: Actor, email: str) -> User:
    """Stop all keys of a user and of the account that they own. Nothing is deleted; a second time changes
    nothing.

    Raises:
        NotFound: nobody has that address.
    """
    user = find_user(connection, email)
    if user.disabled_at_us is not None:
        return user
    return _set_disabled(connection, actor, user, actor.at_us, "user.disable")


def enable_user(connection: Connection, actor: Actor, email: str) -> User:
    """Undo `disable_user`; keys that were revoked stay so.

    Raises:
        NotFound: nobody has that address.
    """
    user = find_user(connection, email)
    if user.disabled_at_us is None:
        return user
    return _set_disabled(connection, actor, user, None, "user.enable")


def _set_disabled(connection: Connection, actor: Actor, user: User, at_us: int | None, action: str) -> User:
    revision = repository.bump_revision(connection)
    repository.set_disabled(connection, user, at_us)
    repository.stamp_keys_of(connection, user, revision)
    record(connection, actor, action, user.id, account=user.account_id)
    return msgspec.structs.replace(user, disabled_at_us=at_us)


def create_key(
    connection: Connection, actor: Actor, hasher: KeyHasher, email: str, title: str, terms: KeyTerms
) -> NewKey:
    """Make a key for the account of the user with that address.

    Raises:
        BadRequest: the title or the terms make no sense.
        NotFound: nobody has that address.
    """
    secret = make_key()
    key = add_key(connection, actor, hasher, find_user(connection, email), title, secret, terms)
    return NewKey(secret, key)


def add_key(
    connection: Connection,
    actor: Actor,
    hasher: KeyHasher,
    user: User,
    title: str,
    secret: str,
    terms: KeyTerms,
) -> ApiKey:
    """Store ``secret`` as a key of ``user``: its hash, and what may be shown of it."""
    _check(actor, title, terms)
    key = ApiKey(
        id=new_id("key"),
        account_id=user.account_id,
        user_id=user.id,
        email=user.email,
        title=title.strip(),
        prefix=prefix_of(secret),
        stored_status="active",
        created_at_us=actor.at_us,
        last_used_at_us=None,
        expires_at_us=terms.expires_at_us,
        revoked_at_us=None,
        models=terms.models,
        networks=terms.networks,
        requests_per_minute=terms.requests_per_minute,
        has_budget=terms.has_budget,
        replaced_by=None,
    )
    revision = repository.bump_revision(connection)
    repository.insert_key(connection, key, hasher.hexdigest(secret), revision)
    record(connection, actor, "key.create", key.id, account=user.account_id, user=user.id)
    return key


def _check(actor: Actor, title: str, terms: KeyTerms) -> None:
    if not title.strip() or len(title) > LONGEST_TITLE:
        raise BadRequest(
            f"a key needs a title of 1 to {LONGEST_TITLE} characters, by which you will know it again"
        )
    if terms.expires_at_us is not None and terms.expires_at_us <= actor.at_us:
        raise BadRequest("the key would be expired from the start; give a time that is still to come")
    if terms.requests_per_minute is not None and terms.requests_per_minute < 1:
        raise BadRequest("a key's requests per minute must be 1 or more; `pixapi keys revoke` stops a key")
    if terms.models is not None and not (terms.models and all(terms.models)):
        raise BadRequest("the list of models is empty or has an empty name; leave it out to allow all models")
    for network in terms.networks or ():
        try:
            ip_network(network)
        except ValueError as error:
            raise BadRequest(
                f"{network!r} is not a network ({error}); expected such as 192.0.2.0/24"
            ) from None
    if terms.networks == ():
        raise BadRequest("the list of networks is empty; leave it out to allow all networks")


def revoke_key(connection: Connection, actor: Actor, key_id: str) -> ApiKey:
    """Stop a key for good, with its former secrets; every process refuses it within two seconds.

    The id of a former secret stops that one alone. A second time changes nothing.

    Raises:
        NotFound: there is no such key.
    """
    key = require_key(connection, key_id)
    if key.revoked_at_us is not None:
        return key
    revision = repository.bump_revision(connection)
    for each in (key.id, *repository.former_ids(connection, key.id)):
        repository.change_key(connection, each, revision, status="revoked", deleted_at_us=actor.at_us)
    record(connection, actor, "key.revoke", key.id, account=key.account_id)
    return msgspec.structs.replace(key, stored_status="revoked", revoked_at_us=actor.at_us)


def rotate_key(
    connection: Connection, actor: Actor, hasher: KeyHasher, key_id: str, overlap_us: int
) -> NewKey:
    """Give a key a new secret; the former one works ``overlap_us`` longer, then expires. 0 ends it at once.

    The key keeps its id, and so its budget, its limits and its history: both secrets draw on the same budget. The
    former secret gets a row of its own, by which it can be revoked before its time.

    Raises:
        Conflict: the key is revoked, expired, or the former secret of another.
        NotFound: there is no such key.
    """
    key = require_key(connection, key_id)
    status = key.status(actor.at_us)
    if status != "active":
        raise Conflict(
            f"the key {key.id} is {status}; only an active key can be rotated, `pixapi keys create` makes one"
        )
    secret = make_key()
    ends_at_us = actor.at_us + overlap_us
    if key.expires_at_us is not None:
        ends_at_us = min(ends_at_us, key.expires_at_us)
    former = msgspec.structs.replace(
        key, id=new_id("key"), stored_status="rotated", expires_at_us=ends_at_us, replaced_by=key.id
    )
    # From here on nobody else changes keys, so the hash that is read is the one that is replaced.
    revision = repository.bump_revision(connection)
    former_hash = repository.hash_of(connection, key.id)
    repository.change_key(
        connection, key.id, revision, hash=hasher.hexdigest(secret), prefix=prefix_of(secret)
    )
    repository.insert_key(connection, former, former_hash, revision)
    record(connection, actor, "key.rotate", key.id, former=former.id, expires_at_us=ends_at_us)
    return NewKey(secret, msgspec.structs.replace(key, prefix=prefix_of(secret)))


def list_users(connection: Connection) -> list[User]:
    """All users, oldest first."""
    return repository.users(connection)


def list_keys(connection: Connection, email: str | None) -> list[ApiKey]:
    """All keys, or those of the user with that address, oldest first; raises as `find_user`."""
    return repository.keys(connection, None if email is None else find_user(connection, email).id)


def require_key(connection: Connection, key_id: str) -> ApiKey:
    """The key of that id.

    Raises:
        NotFound: there is none.
    """
    key = repository.key_by_id(connection, key_id)
    if key is None:
        raise NotFound(
            f"there is no key {key_id[:40]!r}; expected an id such as key_01…, as `pixapi keys list` shows"
        )
    return key
