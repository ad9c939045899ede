"""What Gemini models differ in, as far as a request must respect it (Gemini API documentation, "Thinking"
and "Thought signatures").

Models of generation 2.5 think within a budget of tokens, those from 3 on at a level; only the smaller ones
can be kept from thinking. From 3 on, a function call of the current turn that is sent back without its
signature is refused. The generation is read from the model's name; a Gemini of unknown generation is taken
for a new one, and anything else for a model that does not think.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_NAME = re.compile(r"gemini-(?:(?P<major>\d{1,2})(?:\.(?P<minor>\d{1,2}))?-?)?(?P<rest>.*)")

Thinking = Literal["none", "budget", "level"]


@dataclass(frozen=True, slots=True)
class Traits:
    """How one model wants to be asked."""

    thinking: Thinking = "none"
    """none: it cannot think; budget: so many tokens; level: minimal to high."""
    least: int = 0
    """The smallest budget besides 0."""
    most: int = 0
    """The largest budget."""
    off: bool = False
    """A budget of 0 keeps it from thinking."""
    levels: tuple[str, ...] = ()
    """The levels that it takes, from little to much."""
    signs: bool = False
    """It refuses function calls of the current turn without the signature that it gave them."""
    draws: bool = False
    """It answers with images, or speaks."""


def traits_of(model: str) -> Traits:
    """How ``model`` wants to be asked."""
    match = _NAME.search(model)
    if match is None:
        return Traits()
    rest = match["rest"]
    draws = any(kind in rest for kind in ("image", "tts", "audio"))
    generation = (int(match["major"]), int(match["minor"] or 0)) if match["major"] else (99, 0)
    if generation < (2, 5):
        return Traits(draws=draws)
    if generation < (3, 0):
        if "lite" in rest:
            return Traits("budget", least=512, most=24_576, off=True, draws=draws)
        if "pro" in rest:
            return Traits("budget", least=128, most=32_768, draws=draws)
        return Traits("budget", least=1, most=24_576, off=True, draws=draws)
    levels = ("minimal", "low", "medium", "high")
    if "pro" in rest:
        levels = ("low", "high") if generation == (3, 0) else ("low", "medium", "high")
    return Traits("level", levels=levels, most=32_768, signs=True, draws=draws)
