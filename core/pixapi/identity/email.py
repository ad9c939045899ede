"""E-mail addresses as names of users. Pure."""

from __future__ import annotations

import re
import unicodedata

from pixapi.errors import BadRequest

_LONGEST = 254
_LOCAL = r"[^\s@<>,;:\"()\[\]\\\x00-\x20\x7f]+"
_LABEL = r"[^\s@<>,;:\"()\[\]\\.\x00-\x20\x7f]+"
_ADDRESS = re.compile(rf"{_LOCAL}@{_LABEL}(\.{_LABEL})*")


def normalize_email(email: str) -> str:
    """The form in which addresses are compared: NFKC, case-folded, no space around.

    Dots and `+tags` stay: only the owner of the mail server knows what they mean there.

    Raises:
        BadRequest: it does not look like an address.
    """
    address = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold()).strip()
    if len(address) > _LONGEST or not _ADDRESS.fullmatch(address):
        shown = email if len(email) <= 80 else email[:80] + "…"
        raise BadRequest(f"{shown!r} is not an e-mail address; expected something like ada@example.com")
    return address
