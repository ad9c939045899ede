"""What the models of the Messages API differ in, as far as a request must respect it ("Thinking", "Effort"
and the migration guides of the models in Anthropic's documentation).

Three things changed from generation to generation: thinking was a budget up to 4.5 and is adaptive, steered
by an effort, from 4.6 on; sampling parameters are refused from 4.7 on; and thinking, once off unless asked
for, is on unless turned off from 5 on, where each model has its own way to turn it off, or none. The
generation is read from the model's name. A name that is no Claude belongs to a compatible vendor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_NAME = re.compile(
    r"claude-(?:(?P<family>[a-z]+)-)?(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2}))?(?!\d)(?:-(?P<after>[a-z]+))?"
)
_LEVELS = ("low", "medium", "high", "max")

Thinking = Literal["none", "budget", "adaptive"]


@dataclass(frozen=True, slots=True)
class Traits:
    """How one model wants to be asked."""

    thinking: Thinking = "adaptive"
    """none: it cannot think; budget: so many tokens; adaptive: it decides, steered by an effort."""
    efforts: tuple[str, ...] = (*_LEVELS, "xhigh")
    """The levels of ``output_config.effort`` that it takes."""
    off: str | None = None
    """The type of ``thinking`` that turns thinking off; None: it is off unless asked for, or always on."""
    always_on: bool = False
    """Thinking is on unless turned off; where ``off`` is None it cannot be, and the lowest effort stands in.
    """
    sampling: bool = False
    """Whether it takes ``temperature`` and its like."""
    one_sampler: bool = True
    """It refuses ``temperature`` together with ``top_p``."""
    hottest: float = 1.0
    """The highest temperature."""
    shows: bool = True
    """Its thoughts come empty unless ``display`` asks for them."""
    binds: bool = False
    """A thought that is sent back after the conversation before it changed is refused, unless the request
    says that it may be dropped.
    """


COMPATIBLE = Traits(thinking="budget", efforts=(), sampling=True, one_sampler=False, hottest=2.0, shows=False)
"""Another vendor's server that speaks this API."""

_OFF = {
    ("opus", (5, 0)): "disabled",
    ("sonnet", (5, 0)): "disabled",
    ("haiku", (5, 5)): "disabled",
    ("sonnet", (5, 5)): "between_tools",
}


def traits_of(model: str) -> Traits:
    """How ``model`` wants to be asked; a Claude of unknown generation like the newest."""
    if "claude" not in model:
        return COMPATIBLE
    match = _NAME.search(model)
    if match is None:
        return Traits(always_on=True, binds=True)
    generation = (int(match["major"]), int(match["minor"] or 0))
    if generation < (4, 6):
        thinking: Thinking = "budget" if generation >= (3, 7) else "none"
        return Traits(thinking, efforts=(), sampling=True, one_sampler=generation >= (4, 1), shows=False)
    if generation == (4, 6):
        return Traits(efforts=_LEVELS, sampling=True, shows=False)
    if generation < (5, 0):
        return Traits()
    off = _OFF.get((match["family"] or match["after"] or "", generation))
    return Traits(off=off, always_on=True, binds=generation > (5, 0))
