"""What identity tells about users and keys."""

from __future__ import annotations

from typing import Literal

import msgspec

KeyStatus = Literal["active", "rotated", "expired", "revoked"]


class User(msgspec.Struct, frozen=True):
    """A person and the account that they own."""

    id: str
    email: str
    account_id: str
    group: str
    is_admin: bool
    created_at_us: int
    disabled_at_us: int | None


class ApiKey(msgspec.Struct, frozen=True):
    """An API key, without the key. ``prefix`` is what may be shown of it."""

    id: str
    account_id: str
    user_id: str
    email: str
    title: str
    prefix: str
    stored_status: str
    created_at_us: int
    last_used_at_us: int | None
    expires_at_us: int | None
    revoked_at_us: int | None
    models: tuple[str, ...] | None
    networks: tuple[str, ...] | None
    requests_per_minute: int | None
    has_budget: bool
    replaced_by: str | None

    def status(self, now_us: int) -> KeyStatus:
        """Its state now. `rotated`: a former secret, which still works until it expires."""
        if self.revoked_at_us is not None:
            return "revoked"
        if self.expires_at_us is not None and self.expires_at_us <= now_us:
            return "expired"
        return "rotated" if self.replaced_by is not None else "active"
