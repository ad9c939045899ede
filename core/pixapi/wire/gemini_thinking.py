"""How much a model is to think: ``thinkingConfig`` of a request (Gemini API documentation, "Thinking").

Callers of other dialects name an effort, or a budget of tokens. Thoughts count towards the cap on output, so
an effort never takes more than half of it.
"""

from __future__ import annotations

from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest
from pixapi.wire.gemini_models import Traits

_BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 32_768}
_NEAREST = {"minimal": "low", "medium": "high", "xhigh": "high", "max": "high"}


def write_thinking(request: ChatRequest, traits: Traits, max_output: int | None) -> dict[str, Any] | None:
    """The value of ``thinkingConfig``; None where it is to be left out.

    Raises:
        BadRequest: the effort is unknown, or the budget below zero.
    """
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if effort is not None and effort != "none" and effort not in _BUDGETS:
        raise BadRequest(
            f"reasoning_effort {effort[:40]!r} is unknown; expected none, {', '.join(_BUDGETS)}",
            param="reasoning_effort",
        )
    if budget is not None and budget < 0:
        raise BadRequest("reasoning.max_tokens is below zero", param="reasoning")
    if traits.thinking == "none" or (effort is None and budget is None):
        return None
    if effort == "none" or budget == 0:
        return _least(traits)
    if budget is not None and effort is None:
        return {"thinkingBudget": min(max(budget, traits.least), traits.most), "includeThoughts": True}
    assert effort is not None
    if traits.thinking == "level":
        level = effort if effort in traits.levels else _NEAREST[effort]
        return {"thinkingLevel": level, "includeThoughts": True}
    tokens = min(_BUDGETS[effort], traits.most)
    if max_output is not None:
        tokens = min(tokens, max_output // 2)
    return {"thinkingBudget": max(tokens, traits.least), "includeThoughts": True}


def _least(traits: Traits) -> dict[str, Any]:
    if traits.thinking == "level":
        return {"thinkingLevel": traits.levels[0]}
    return {"thinkingBudget": 0 if traits.off else traits.least}
