"""The guard `moderation_model`: asks a model of the catalog about what a call says, and refuses what it flags.

The model is one with the operation `moderations`; which vendor's, and over which routes, is the catalog's business.
The house pays for the question: callers are not charged, and its cost stands in the metrics. It is sent nothing but
texts.

Only what goes in is looked at: what a model answers has been paid for by the time it is known, and a stream is on its
way. A caller's own call of a moderation model is let by, since it is there to be asked about such texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from pixapi import hookimpl
from pixapi.clock import SystemClock
from pixapi.errors import NotReady, UpstreamError, UpstreamRejected
from pixapi.interfaces import (
    Allow,
    Call,
    Deny,
    Guard,
    GuardPort,
    GuardType,
    Judgement,
    PluginConfig,
    Rewrite,
)
from pixapi.wire.texts import texts_of

PIXAPI_INTERFACE = 1

_AT_ONCE = 32
"""Texts in one question."""
_PIECE_CHARACTERS = 8000
"""Longer texts are judged piece by piece: models have a limit, and a long text hides a short one."""
_OVERLAP_CHARACTERS = 200
"""So that what stands where a text is cut is seen whole."""
_LEAST_S = 0.001


class Config(PluginConfig):
    """Settings of a guard with `use = "moderation_model"`."""

    model: Annotated[str, Field(min_length=1)]
    """The model of the catalog that is asked; its operation is `moderations`."""
    categories: list[str] = []
    """Categories that are refused where the model says that they apply. Without these and `thresholds`: whatever it
    flags."""
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Categories that are refused from a score on: category = score from 0 to 1."""
    on_failure: Literal["refuse", "allow"] = "refuse"
    """Where the model does not answer: refuse calls with 503, or let them by unseen. A call of which it judged a part,
    or which it rejects, is never let by."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5
    """How long the model may take for all that one call says."""
    reason: Annotated[str, Field(min_length=1, max_length=500)] = "the request was found to be harmful"
    """What the caller reads."""


class ModerationModel(Guard):
    """Asks one model."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._clock = SystemClock()

    def models(self) -> Sequence[str]:
        return (self._config.model,)

    async def check(self, call: Call, out: GuardPort) -> Allow | Deny | Rewrite:
        if call.operation == "moderations":
            return Allow()
        pieces = [piece for text in texts_of(call) for piece in _pieces(text)]
        until_s = self._clock.monotonic_s() + self._config.timeout_s
        for at in range(0, len(pieces), _AT_ONCE):
            left_s = max(_LEAST_S, until_s - self._clock.monotonic_s())
            try:
                judged = await out.moderate(self._config.model, pieces[at : at + _AT_ONCE], timeout_s=left_s)
            except UpstreamError as error:
                # Callers choose what they say, and how much: neither may be a way around the model.
                is_away = at == 0 and not isinstance(error, UpstreamRejected)
                if is_away and self._config.on_failure == "allow":
                    return Allow()
                raise NotReady(
                    "what this request says could not be checked; nothing was charged, try again later"
                ) from error
            if any(self._refuses(judgement) for judgement in judged):
                return Deny(self._config.reason)
        return Allow()

    def _refuses(self, judgement: Judgement) -> bool:
        config = self._config
        if not config.categories and not config.thresholds:
            return judgement.flagged
        return any(judgement.categories.get(name) for name in config.categories) or any(
            judgement.scores.get(name, 0.0) >= score for name, score in config.thresholds.items()
        )


def _pieces(text: str) -> Iterator[str]:
    if not text.strip():
        return
    for at in range(0, max(1, len(text) - _OVERLAP_CHARACTERS), _PIECE_CHARACTERS - _OVERLAP_CHARACTERS):
        yield text[at : at + _PIECE_CHARACTERS]


@hookimpl
def pixapi_register_guards() -> Iterable[GuardType]:
    summary = "Asks a moderation model of the catalog and refuses what it flags"
    return [GuardType("moderation_model", summary, Config, ModerationModel)]
