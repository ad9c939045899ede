"""Tables of identity. Times are microseconds since 1970 UTC."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from pixapi.db.base import Base, Int64


class AccountRow(Base):
    """Owns a wallet. A person's own account now; companies and teams have the same shape."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    group_name: Mapped[str] = mapped_column(Text, default="default", server_default="default")
    """The table under `[groups]` that sets price factor and visible models."""
    created_at_us: Mapped[int] = mapped_column(Int64)
    disabled_at_us: Mapped[int | None] = mapped_column(Int64)


class UserRow(Base):
    """A person."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    """As it was given; mail goes there."""
    email_normalized: Mapped[str] = mapped_column(Text, unique=True)
    """NFKC and case-folded; two spellings of one address are one user."""
    is_admin: Mapped[bool] = mapped_column(default=False)
    created_at_us: Mapped[int] = mapped_column(Int64)
    disabled_at_us: Mapped[int | None] = mapped_column(Int64)


class MemberRow(Base):
    """A user's place in an account; ``role`` is owner, admin or member."""

    __tablename__ = "members"
    __table_args__ = (Index("ix_members_user_id", "user_id"),)

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(Text)


class ApiKeyRow(Base):
    """An API key, as a hash. Rows are never deleted while processes run: a key that is gone is revoked.

    A rotated key keeps its row, with the new secret's hash; its former secret gets a row that names it.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("ix_api_keys_account_id", "account_id"),
        Index("ix_api_keys_user_id", "user_id"),
        Index("ix_api_keys_revision", "revision"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    """The key's first characters, by which people tell their keys apart."""
    hash: Mapped[str] = mapped_column(Text, unique=True)
    """HMAC-SHA256 of the key under the server's secret, in hex."""
    status: Mapped[str] = mapped_column(Text, default="active", server_default="active")
    """active, rotated (a former secret, which works until it expires) or revoked."""
    created_at_us: Mapped[int] = mapped_column(Int64)
    last_used_at_us: Mapped[int | None] = mapped_column(Int64)
    expires_at_us: Mapped[int | None] = mapped_column(Int64)
    deleted_at_us: Mapped[int | None] = mapped_column(Int64)
    """When it was revoked."""
    models: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    """The models it may use, a list of names or patterns with `*`; NULL for all."""
    networks: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    """The networks it may be used from, a list in CIDR notation; NULL for all."""
    requests_per_minute: Mapped[int | None] = mapped_column(Integer)
    has_budget: Mapped[bool] = mapped_column(default=False)
    """The ledger keeps a credit budget for it."""
    replaced_by: Mapped[str | None] = mapped_column(Text)
    """Of a former secret: the key that it belonged to, whose budget and limits it shares."""
    revision: Mapped[int] = mapped_column(Int64)
    """The value of `revision` when the key last changed."""


class AuditRow(Base):
    """Who changed what. Rows are added, never changed. No secret and no e-mail address stands in them."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "subject"),)

    id: Mapped[int] = mapped_column(Int64, primary_key=True, autoincrement=True)
    at_us: Mapped[int] = mapped_column(Int64)
    actor: Mapped[str] = mapped_column(Text)
    """Who did it: a user's id, or `cli`."""
    action: Mapped[str] = mapped_column(Text)
    """What was done, such as `key.revoke`."""
    subject: Mapped[str] = mapped_column(Text)
    """The id of what it was done to."""
    details: Mapped[Any] = mapped_column(JSON)


class RevisionRow(Base):
    """One row, id 1: the number of the latest change that processes must hear of."""

    __tablename__ = "revision"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    value: Mapped[int] = mapped_column(Int64)


class MetaRow(Base):
    """Facts about the database itself, by name."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
