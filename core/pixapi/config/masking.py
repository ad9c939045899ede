"""What of a value may be shown to a person. A secret is known by its type, or else by the name of its key."""

from __future__ import annotations

import re

from pixapi.config.positions import KeyPath
from pixapi.config.reference import Reference, Unresolved

MASK = "********"

_SECRET_NAME = re.compile(r"(^|_|-)(keys?|token|secrets?|password|passwd|credentials?)$", re.I)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+(?=@)")
_QUERY_SECRET = re.compile(r"([?&][\w-]*(?:key|token|secret|password)=)[^&\s]+", re.I)


def is_secret(path: KeyPath) -> bool:
    """Whether a key's name says that its value is a secret (``api_key``, ``webhook_secret``)."""
    names = [part for part in path if isinstance(part, str)]
    return bool(names) and _SECRET_NAME.search(names[-1]) is not None


def masked(path: KeyPath, value: object) -> object:
    """``value`` as it may be shown: secrets and passwords as asterisks, a reference as it was written."""
    if isinstance(value, Reference | Unresolved):
        return f'{{ env = "{value.env}" }}' if value.env is not None else f'{{ file = "{value.file}" }}'
    if isinstance(value, str):
        if value and is_secret(path):
            return MASK
        return _QUERY_SECRET.sub(rf"\1{MASK}", _URL_PASSWORD.sub(rf"\1{MASK}", value))
    return value
