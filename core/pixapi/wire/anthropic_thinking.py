"""How much a model is to think: ``thinking`` and ``output_config.effort`` of a request (Anthropic
documentation, "Thinking" and "Effort").

Callers of other dialects name an effort, or a budget of tokens. Which of the two a model takes, and whether
it can be kept from thinking at all, is in its traits. Thinking counts towards ``max_tokens``, so a budget
never takes all of it.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest
from pixapi.wire.anthropic_models import Traits

BINDING_BETA = "thinking-binding-controls-2026-08-01"
"""What `anthropic-beta` must hold for a request whose ``thinking`` has a ``block_binding``."""
LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32768}
_NEAREST = {"minimal": "low", "xhigh": "high", "max": "high"}


def write_thinking(
    request: ChatRequest, traits: Traits, max_tokens: int, *, forced: bool, lost: bool
) -> tuple[dict[str, Any] | None, str | None]:
    """The value of ``thinking`` and the level of effort; None for what is to be left out.

    Args:
        request: what the caller asks for.
        traits: of the model.
        max_tokens: the cap on thoughts and answer together.
        forced: the caller insists on a tool call. A budget of thoughts does not go with that.
        lost: the caller answers tool calls without the thoughts that led to them. Nor does it with that.

    Raises:
        BadRequest: the effort is unknown, or the budget less than the smallest possible.
    """
    own = request.extra.get("thinking")
    if own is not None:
        if not isinstance(own, dict):
            raise BadRequest("thinking is not an object", param="thinking")
        return own, _level(request.reasoning_effort, traits)
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if effort is not None and effort != "none" and effort not in _BUDGETS:
        raise BadRequest(
            f"reasoning_effort {effort[:40]!r} is unknown; expected none, {', '.join(_BUDGETS)}",
            param="reasoning_effort",
        )
    if budget is not None and budget < LEAST_BUDGET:
        raise BadRequest(
            f"reasoning.max_tokens is {budget}; expected at least {LEAST_BUDGET}", param="reasoning"
        )
    if effort == "none" or traits.thinking == "none" or (effort is None and budget is None):
        return _off(traits) if effort == "none" else (None, None)
    if traits.thinking == "adaptive":
        return _adaptive(traits), _level(effort, traits)
    if forced or lost:
        return None, None
    # At least half of an effort's room stays for the answer; a budget the caller named leaves but a token.
    tokens = min(budget, max_tokens - 1) if budget else min(_BUDGETS[effort or "medium"], max_tokens // 2)
    return ({"type": "enabled", "budget_tokens": tokens}, None) if tokens >= LEAST_BUDGET else (None, None)


def _off(traits: Traits) -> tuple[dict[str, Any] | None, str | None]:
    if traits.off is not None:
        return {"type": traits.off}, None
    return None, "low" if traits.always_on else None


def _adaptive(traits: Traits) -> dict[str, Any]:
    return {"type": "adaptive", **({"display": "summarized"} if traits.shows else {})}


def _level(effort: str | None, traits: Traits) -> str | None:
    if effort is None or effort in traits.efforts or not traits.efforts:
        return effort if traits.efforts else None
    return _NEAREST.get(effort)
