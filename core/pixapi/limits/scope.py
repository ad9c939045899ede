"""What is limited, and the answer to a call that asks to enter."""

from __future__ import annotations

from typing import Protocol

import msgspec

from pixapi.errors import PixapiError, RateLimited, TooLarge


class Scope(msgspec.Struct, frozen=True):
    """A key and its limits at this moment. They may differ from call to call; what was counted stays."""

    key_id: str
    requests_per_minute: int
    tokens_per_minute: int
    concurrent_requests: int


class Ticket(Protocol):
    """A call's right to run."""

    def leave(self, tokens_used: int | None) -> None:
        """Give the slot back and correct the token count to what was used; None leaves it at what was asked
        for.

        Never waits and never fails. Only the first time counts.
        """
        ...


class Limiter(Protocol):
    """Lets calls in."""

    async def enter(self, scope: Scope, tokens: int) -> Ticket:
        """Count a call that will use at most ``tokens``. A call that is refused has consumed nothing.

        Raises:
            RateLimited: a limit is reached; ``retry_after_s`` says when it is worth trying again.
            TooLarge: ``tokens`` alone is above the limit for a minute, so that waiting does not help.
        """
        ...


# What one call at a time holds up is over in seconds; nobody can know more exactly.
SLOT_RETRY_S = 1.0


def too_many_calls(scope: Scope) -> PixapiError:
    return RateLimited(
        f"this API key may have {scope.concurrent_requests} calls running at once, and as many are; "
        "wait for one to end",
        retry_after_s=SLOT_RETRY_S,
    )


def too_many_requests(scope: Scope, wait_s: float) -> PixapiError:
    return RateLimited(
        f"this API key may make {scope.requests_per_minute} requests a minute; try again in "
        f"{_seconds(wait_s)}",
        retry_after_s=wait_s,
    )


def too_many_tokens(scope: Scope, tokens: int, wait_s: float) -> PixapiError:
    if tokens > scope.tokens_per_minute:
        return TooLarge(
            f"the request may use up to {tokens} tokens, and this API key may "
            f"use {scope.tokens_per_minute} a minute; shorten the input or lower the cap on output tokens"
        )
    return RateLimited(
        f"this API key may use {scope.tokens_per_minute} tokens a minute, and this request may need "
        f"{tokens}; try again in {_seconds(wait_s)} or lower the cap on output tokens",
        retry_after_s=wait_s,
    )


def _seconds(wait_s: float) -> str:
    return f"{wait_s:.1f} s" if wait_s < 10 else f"{wait_s:.0f} s"
