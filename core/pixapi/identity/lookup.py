"""From what people know (an e-mail address) to what tables know."""

from __future__ import annotations

from difflib import SequenceMatcher

from sqlalchemy import Connection

from pixapi.errors import NotFound
from pixapi.identity import repository
from pixapi.identity.email import normalize_email
from pixapi.identity.views import User

_ALIKE = 0.7


def find_user(connection: Connection, email: str) -> User:
    """The user with that address.

    Raises:
        BadRequest: it is not an address.
        NotFound: nobody has it; the message names the command that creates them, and an address that is much alike.
    """
    normalized = normalize_email(email)
    user = repository.user_by_email(connection, normalized)
    if user is not None:
        return user
    close = [each for each in repository.emails_like(connection, normalized) if _is_slip(normalized, each)]
    hint = f"did you mean {close[0]}? Otherwise " if close else ""
    raise NotFound(f"there is no user {normalized}; {hint}`pixapi users create {normalized}` creates them")


def account_of(connection: Connection, email: str) -> str:
    """The id of the account that the user with that address owns; raises as `find_user`."""
    return find_user(connection, email).account_id


def _is_slip(typed: str, known: str) -> bool:
    """Both halves are alike; a common domain alone makes nobody similar."""
    pairs = zip(typed.rpartition("@")[::2], known.rpartition("@")[::2], strict=True)
    return all(SequenceMatcher(None, a, b).ratio() >= _ALIKE for a, b in pairs)
