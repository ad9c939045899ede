"""The limits of a key, for calls and for what is asked about them beforehand."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pixapi.limits import Scope

if TYPE_CHECKING:
    from pixapi.calls.services import Services
    from pixapi.config.settings import Settings
    from pixapi.identity.keyring import Principal


def scope_of(principal: Principal, settings: Settings) -> Scope:
    """What ``principal`` may do: what the settings allow every key, and less where its own limit is lower."""
    limits, per_minute = settings.limits, principal.requests_per_minute
    return Scope(
        principal.key_id,
        limits.requests_per_minute if per_minute is None else min(per_minute, limits.requests_per_minute),
        limits.tokens_per_minute,
        limits.concurrent_requests,
    )


@asynccontextmanager
async def as_a_request(services: Services, principal: Principal) -> AsyncGenerator[None]:
    """Around a request that is no call and yet makes work: it counts as one, without tokens.

    Raises:
        RateLimited: a limit of the key is reached.
    """
    ticket = await services.limiter.enter(scope_of(principal, services.configured.settings), 0)
    try:
        yield
    finally:
        ticket.leave(0)
