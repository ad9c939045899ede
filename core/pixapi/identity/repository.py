"""All queries of identity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, func, insert, or_, select, text, update

from pixapi.identity.models import AccountRow, ApiKeyRow, MemberRow, MetaRow, RevisionRow, UserRow
from pixapi.identity.views import ApiKey, User

AnyRow = Row[*tuple[Any, ...]]

_ALIKE = 2000

CHANNEL = "pixapi_revision"
"""On Postgres each change is also announced on this NOTIFY channel."""


def meta(connection: Connection, key: str) -> str | None:
    """A fact about the database."""
    return connection.execute(select(MetaRow.value).where(MetaRow.key == key)).scalar_one_or_none()


def add_meta(connection: Connection, key: str, value: str) -> None:
    """Write a fact unless it is already there."""
    connection.execute(
        text("INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING"),
        {"key": key, "value": value},
    )


def bump_revision(connection: Connection) -> int:
    """Raise the revision and return it.

    Its row stays locked until the transaction ends; see the package's essay.
    """
    value: int = connection.execute(
        text(
            "INSERT INTO revision (id, value) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET value = revision.value + 1 RETURNING value"
        )
    ).scalar_one()
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, str(value))))
    return value


def current_revision(connection: Connection) -> int:
    """The latest revision; 0 where nothing was ever changed."""
    return connection.execute(select(RevisionRow.value).where(RevisionRow.id == 1)).scalar_one_or_none() or 0


_USER = (
    select(
        UserRow.id, UserRow.email, AccountRow.id, AccountRow.group_name,
        UserRow.is_admin, UserRow.created_at_us, UserRow.disabled_at_us,
    )
    .join(MemberRow, (MemberRow.user_id == UserRow.id) & (MemberRow.role == "owner"))
    .join(AccountRow, AccountRow.id == MemberRow.account_id)
)  # fmt: skip


def insert_user(connection: Connection, user: User, email_normalized: str) -> None:
    """Write a user, an account and the ownership."""
    connection.execute(
        insert(AccountRow).values(
            id=user.account_id, name=user.email, group_name=user.group, created_at_us=user.created_at_us
        )
    )
    connection.execute(
        insert(UserRow).values(
            id=user.id, email=user.email, email_normalized=email_normalized,
            is_admin=user.is_admin, created_at_us=user.created_at_us,
        )
    )  # fmt: skip
    connection.execute(insert(MemberRow).values(account_id=user.account_id, user_id=user.id, role="owner"))


def user_by_email(connection: Connection, email_normalized: str) -> User | None:
    row = connection.execute(_USER.where(UserRow.email_normalized == email_normalized)).first()
    return None if row is None else User(*row)


def users(connection: Connection) -> list[User]:
    """All users, oldest first."""
    return [User(*row) for row in connection.execute(_USER.order_by(UserRow.created_at_us, UserRow.id))]


def emails_like(connection: Connection, email_normalized: str) -> list[str]:
    """Some addresses that begin alike or have the same domain, to suggest one of."""
    column = UserRow.email_normalized
    domain = email_normalized[email_normalized.rindex("@") :]
    alike = column.startswith(email_normalized[:2], autoescape=True) | column.endswith(
        domain, autoescape=True
    )
    return list(connection.execute(select(column).where(alike).limit(_ALIKE)).scalars())


def set_disabled(connection: Connection, user: User, at_us: int | None) -> None:
    """Disable (or with None enable) a user together with the account that they own."""
    connection.execute(update(UserRow).where(UserRow.id == user.id).values(disabled_at_us=at_us))
    connection.execute(
        update(AccountRow).where(AccountRow.id == user.account_id).values(disabled_at_us=at_us)
    )


_KEY = select(
    ApiKeyRow.id, ApiKeyRow.account_id, ApiKeyRow.user_id, UserRow.email, ApiKeyRow.title, ApiKeyRow.prefix,
    ApiKeyRow.status, ApiKeyRow.created_at_us, ApiKeyRow.last_used_at_us, ApiKeyRow.expires_at_us,
    ApiKeyRow.deleted_at_us, ApiKeyRow.models, ApiKeyRow.networks, ApiKeyRow.requests_per_minute,
    ApiKeyRow.has_budget, ApiKeyRow.replaced_by,
).join(UserRow, UserRow.id == ApiKeyRow.user_id)  # fmt: skip


def _key(row: AnyRow) -> ApiKey:
    fields = dict(zip(ApiKey.__struct_fields__, row, strict=True))
    for name in ("models", "networks"):
        fields[name] = None if fields[name] is None else tuple(fields[name])
    return ApiKey(**fields)


def insert_key(connection: Connection, key: ApiKey, key_hash: str, revision: int) -> None:
    values = msgspec.structs.asdict(key)
    del values["email"], values["revoked_at_us"]
    values["status"] = values.pop("stored_status")
    for name in ("models", "networks"):
        values[name] = None if values[name] is None else list(values[name])
    connection.execute(insert(ApiKeyRow).values(**values, hash=key_hash, revision=revision))


def key_by_id(connection: Connection, key_id: str) -> ApiKey | None:
    row = connection.execute(_KEY.where(ApiKeyRow.id == key_id)).first()
    return None if row is None else _key(row)


def key_id_by_hash(connection: Connection, key_hash: str) -> str | None:
    return connection.execute(select(ApiKeyRow.id).where(ApiKeyRow.hash == key_hash)).scalar_one_or_none()


def hash_of(connection: Connection, key_id: str) -> str:
    """The hash of a key that exists."""
    return connection.execute(select(ApiKeyRow.hash).where(ApiKeyRow.id == key_id)).scalar_one()


def former_ids(connection: Connection, key_id: str) -> list[str]:
    """The rows of a key's former secrets that are not revoked."""
    theirs = select(ApiKeyRow.account_id).where(ApiKeyRow.id == key_id).scalar_subquery()
    former = select(ApiKeyRow.id).where(
        ApiKeyRow.account_id == theirs, ApiKeyRow.replaced_by == key_id, ApiKeyRow.deleted_at_us.is_(None)
    )
    return list(connection.execute(former).scalars())


def keys(connection: Connection, user_id: str | None) -> list[ApiKey]:
    """All keys, or one user's, oldest first."""
    query: Select[*tuple[Any, ...]] = _KEY.order_by(ApiKeyRow.created_at_us, ApiKeyRow.id)
    if user_id is not None:
        query = query.where(ApiKeyRow.user_id == user_id)
    return [_key(row) for row in connection.execute(query)]


def change_key(connection: Connection, key_id: str, revision: int, **values: object) -> None:
    """Write columns of a key, with the stamp that makes processes see it."""
    connection.execute(update(ApiKeyRow).where(ApiKeyRow.id == key_id).values(**values, revision=revision))


def stamp_keys_of(connection: Connection, user: User, revision: int) -> None:
    """Make processes look again at all keys of a user and of the account that they own."""
    theirs = or_(ApiKeyRow.user_id == user.id, ApiKeyRow.account_id == user.account_id)
    connection.execute(update(ApiKeyRow).where(theirs).values(revision=revision))


_IS_LIVE = (
    ApiKeyRow.deleted_at_us.is_(None) & AccountRow.disabled_at_us.is_(None) & UserRow.disabled_at_us.is_(None)
)
_LIVE = (
    select(
        ApiKeyRow.hash, ApiKeyRow.id, ApiKeyRow.account_id, ApiKeyRow.user_id, AccountRow.group_name,
        ApiKeyRow.models, ApiKeyRow.networks, ApiKeyRow.requests_per_minute, ApiKeyRow.expires_at_us,
        ApiKeyRow.has_budget, ApiKeyRow.replaced_by,
        _IS_LIVE.label("live"),
    )
    .join(AccountRow, AccountRow.id == ApiKeyRow.account_id)
    .join(UserRow, UserRow.id == ApiKeyRow.user_id)
)  # fmt: skip


def keys_changed_since(connection: Connection, revision: int) -> Iterator[AnyRow]:
    """Rows for the keyring: keys stamped later than ``revision``; ``live`` is false for those that are gone.

    From a negative revision, that is for an empty keyring, only those that live.
    """
    query = _LIVE.where(_IS_LIVE) if revision < 0 else _LIVE.where(ApiKeyRow.revision > revision)
    return iter(connection.execute(query))


def mark_used(connection: Connection, uses: Iterable[tuple[str, int]]) -> None:
    """Note when keys were last used: (key id, microseconds). Not a change that processes must hear of."""
    later = or_(ApiKeyRow.last_used_at_us.is_(None), ApiKeyRow.last_used_at_us < bindparam("used_at_us"))
    statement = (
        update(ApiKeyRow)
        .where(ApiKeyRow.id == bindparam("key_id"), later)
        .values(last_used_at_us=bindparam("used_at_us"))
    )
    # In the order of ids, so that two processes never wait for each other.
    connection.execute(statement, [{"key_id": key, "used_at_us": at_us} for key, at_us in sorted(uses)])
