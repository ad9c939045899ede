"""What a chat request may ask for that no dialect but its own vendor's has a word for.

It changes the answer's shape (several choices, log probabilities, audio), so leaving it out would answer
another question: it is refused with a sentence that names the field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest

_REFUSED: dict[str, Callable[[Any], bool]] = {
    "logprobs": lambda said: said is True,
    "top_logprobs": lambda said: bool(said),
    "logit_bias": lambda said: bool(said),
    "modalities": lambda said: isinstance(said, list) and any(kind != "text" for kind in said),
    "audio": lambda said: bool(said),
    "web_search_options": lambda said: said is not None,
}


def refuse_unsayable(request: ChatRequest) -> None:
    """Raise BadRequest where ``request`` asks for what only its own vendor has; ``param`` names the field."""
    if request.n > 1:
        raise BadRequest("n is larger than 1; this model answers with one choice only", param="n")
    for name, is_asked in _REFUSED.items():
        if is_asked(request.extra.get(name)):
            raise BadRequest(f"{name} is not offered by this model's provider; leave it out", param=name)
    if any(not stop.strip() for stop in request.stop):
        raise BadRequest("stop holds an empty sequence; expected at least one visible sign", param="stop")


def require_tools_for(request: ChatRequest) -> None:
    """Raise BadRequest where a tool call is demanded and there is no tool to call."""
    choice = request.tool_choice
    if not request.tools and choice is not None and choice.mode in ("required", "tool"):
        raise BadRequest("tool_choice demands a tool, and tools is empty", param="tool_choice")
