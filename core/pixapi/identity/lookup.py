"""From what people know (an e-mail address) to what tables know."""

from __future__ import annotations

from difflib import get_close_matches

from sqlalchemy import Connection

from pixapi.errors import NotFound
from pixapi.identity import repository
from pixapi.identity.email import normalize_email
from pixapi.identity.views import User


def find_user(connection: Connection, email: str) -> User:
    """The user with that address.

    Raises:
        BadRequest: it is not an address.
        NotFound: nobody has it; the message suggests a similar one, or the command that creates the user.
    """
    normalized = normalize_email(email)
    user = repository.user_by_email(connection, normalized)
    if user is not None:
        return user
    close = get_close_matches(normalized, repository.emails_like(connection, normalized), n=1, cutoff=0.8)
    hint = f"did you mean {close[0]}?" if close else f"`pixapi users create {normalized}` creates them"
    raise NotFound(f"there is no user {normalized}; {hint}")


def account_of(connection: Connection, email: str) -> str:
    """The id of the account that the user with that address owns; raises as `find_user`."""
    return find_user(connection, email).account_id
