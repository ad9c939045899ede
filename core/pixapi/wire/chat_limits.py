"""What a chat request must not ask for where a server would refuse the whole of it, or answer something else."""

from __future__ import annotations

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import ChatRequest


def refuse_blank_stops(request: ChatRequest) -> None:
    """Raise BadRequest where a stop sequence has nothing that could be seen."""
    if any(not stop.strip() for stop in request.stop):
        name = request.names.get("stop", "stop")
        raise BadRequest(f"{name} holds an empty sequence; expected at least one visible sign", param=name)


def require_tools_for(request: ChatRequest) -> None:
    """Raise BadRequest where a tool call is demanded and there is no tool to call."""
    choice = request.tool_choice
    if not request.tools and choice is not None and choice.mode in ("required", "tool"):
        raise BadRequest("tool_choice demands a tool, and tools is empty", param="tool_choice")
