"""Taking over keys that another system made.

A file has one key a line: `email,key` or `email,key,title`, as CSV. Only hashes are stored. Importing a file
twice changes nothing the second time; a line that cannot be taken is reported and the others go on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from sqlalchemy import Connection

from pixapi.errors import CallerError
from pixapi.identity import repository
from pixapi.identity.audit import Actor
from pixapi.identity.keys import KeyHasher, require_importable
from pixapi.identity.lookup import find_user
from pixapi.identity.service import KeyTerms, add_key

Outcome = Literal["imported", "present", "refused"]


class ImportedLine(msgspec.Struct, frozen=True):
    """What became of a line. ``reason`` says why it was refused; it never holds the key."""

    line: int
    outcome: Outcome
    key_id: str | None = None
    prefix: str | None = None
    reason: str | None = None


def import_keys(
    connection: Connection, actor: Actor, hasher: KeyHasher, lines: Iterable[str]
) -> Iterator[ImportedLine]:
    """Import all lines, in the caller's transaction.

    Blank lines, lines with `#` and a heading are passed over.
    """
    reader = csv.reader(lines)
    for cells in reader:
        row = [cell.strip() for cell in cells]
        if not any(row) or row[0].startswith("#") or [cell.lower() for cell in row[:2]] == ["email", "key"]:
            continue
        yield _import_line(connection, actor, hasher, reader.line_num, row)


def _import_line(
    connection: Connection, actor: Actor, hasher: KeyHasher, line: int, row: list[str]
) -> ImportedLine:
    if len(row) not in (2, 3):
        return ImportedLine(
            line, "refused", reason=f"{len(row)} fields; expected email,key or email,key,title"
        )
    email, secret, title = row[0], row[1], row[2] if len(row) == 3 and row[2] else "imported"
    try:
        require_importable(secret)
        user = find_user(connection, email)
        present = repository.key_id_by_hash(connection, hasher.hexdigest(secret))
        if present is not None:
            return _present(connection, line, present, user.account_id)
        key = add_key(connection, actor, hasher, user, title, secret, KeyTerms())
    except CallerError as error:
        return ImportedLine(line, "refused", reason=error.message)
    return ImportedLine(line, "imported", key.id, key.prefix)


def _present(connection: Connection, line: int, key_id: str, account_id: str) -> ImportedLine:
    key = repository.key_by_id(connection, key_id)
    if key is None or key.account_id != account_id:
        return ImportedLine(line, "refused", reason="the key belongs to another user already")
    return ImportedLine(line, "present", key.id, key.prefix)
