"""The record of who changed what."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, insert, select

from pixapi.identity.models import AuditRow


class Actor(msgspec.Struct, frozen=True):
    """Who makes a change, and when. ``name`` is a user's id, or `cli` for whoever has the command line."""

    name: str
    at_us: int


class Entry(msgspec.Struct, frozen=True):
    """One change. ``details`` holds names of things and numbers; never a secret, never an e-mail address."""

    at_us: int
    actor: str
    action: str
    subject: str
    details: dict[str, object]


def record(connection: Connection, actor: Actor, action: str, subject: str, **details: object) -> None:
    """Write an entry in the transaction of the change itself."""
    connection.execute(
        insert(AuditRow).values(
            at_us=actor.at_us, actor=actor.name, action=action, subject=subject, details=details
        )
    )


def entries(connection: Connection, subject: str) -> list[Entry]:
    """What happened to ``subject``, oldest first."""
    columns = (AuditRow.at_us, AuditRow.actor, AuditRow.action, AuditRow.subject, AuditRow.details)
    found = connection.execute(select(*columns).where(AuditRow.subject == subject).order_by(AuditRow.id))
    return [Entry(*row) for row in found]
