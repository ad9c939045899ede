"""The plain values within a plugin's settings, and what hosts they name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from pixapi.config.positions import KeyPath


def walk(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every plain value in a plugin's settings, with its key path."""
    if isinstance(value, BaseModel):
        value = {
            info.alias or field: getattr(value, field) for field, info in type(value).model_fields.items()
        }
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from walk(item, (*path, index))
    else:
        yield path, value


def origin(value: object) -> str | None:
    """The scheme, host and port of a URL; None of anything else."""
    try:
        parts = urlsplit(str(value))
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
