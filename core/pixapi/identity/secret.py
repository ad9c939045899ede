"""The server's secret: the key of all key hashes.

It lies in a file, outside the database, so that a copy of the database alone is no use for testing guesses.
The database keeps a fingerprint of it: with another secret every API key would be unknown, so a process that
finds the wrong one, or none where there was one, refuses to start instead of turning all consumers away.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from sqlalchemy import Connection

from pixapi.db.engine import Database
from pixapi.errors import ConfigError
from pixapi.identity import repository

_FINGERPRINT = "secret_fingerprint"
_BYTES = 32


def open_secret(connection: Connection, file: Path) -> bytes:
    """The server's secret (32 bytes), from ``file``; made where neither file nor fingerprint exists yet.

    Call it in a write transaction.

    Raises:
        ConfigError: the file is missing though the database was made with one, belongs to another database,
            or cannot be read or written.
    """
    known = repository.meta(connection, _FINGERPRINT)
    secret = _read(file)
    if secret is None:
        if known is not None:
            raise ConfigError(
                f"the secret file {file} is missing, but the API keys in this database were hashed with one; "
                "put the file back (from a backup, or from another process on the same database), or set "
                f"`secret_file` in `[server]`. If it is lost, every key must be made anew: {_START_OVER}"
            )
        secret = _create(file)
    if known is None:
        repository.add_meta(connection, _FINGERPRINT, fingerprint(secret))
        known = repository.meta(connection, _FINGERPRINT)
    if known != fingerprint(secret):
        raise ConfigError(
            f"the secret file {file} is not the one that the API keys in this database were hashed with; "
            f"expected fingerprint {known}, found {fingerprint(secret)}. Put the right file in its place, or "
            "point `[database] url` at the database that belongs to it. If the right one is lost, every key "
            f"must be made anew: {_START_OVER}"
        )
    return secret


def load_secret(database: Database, file: Path) -> bytes:
    """`open_secret` in a transaction of its own."""
    with database.begin() as connection:
        return open_secret(connection, file)


_START_OVER = f"delete the row `{_FINGERPRINT}` of the table `meta`, start again, and create new keys."


def fingerprint(secret: bytes) -> str:
    """16 hex characters that tell secrets apart and give nothing of them away."""
    return hmac.digest(secret, b"pixapi: fingerprint of the secret for API keys", hashlib.sha256).hex()[:16]


def _read(file: Path) -> bytes | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the secret file {file} cannot be read ({type(error).__name__})") from error
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != _BYTES:
        raise ConfigError(
            f"the secret file {file} does not hold a secret; expected {2 * _BYTES} hexadecimal digits. "
            "Restore it from a backup, or remove it if no key was ever made with it"
        )
    return secret


def _create(file: Path) -> bytes:
    """Write a new secret, readable by the owner alone.

    Where two processes do it at once, both get the first's.
    """
    secret = secrets.token_bytes(_BYTES)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
        try:
            with os.fdopen(descriptor, "wb") as new:
                new.write(secret.hex().encode() + b"\n")
                new.flush()
                os.fsync(descriptor)
            file.hardlink_to(beside)
        except FileExistsError:
            secret = _read(file) or secret
        finally:
            Path(beside).unlink()
    except OSError as error:
        raise ConfigError(
            f"the secret file {file} cannot be written ({error.strerror}); make its folder writable, or set "
            "`secret_file` in `[server]`"
        ) from error
    return secret
