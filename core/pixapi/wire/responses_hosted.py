"""The vendor's own tools in a call of the Responses API (OpenAI API reference, "Create a response").

Functions and custom tools are the caller's, and so are a shell and patches that the caller's machine runs. Everything
else is the vendor's: searches, MCP servers, an interpreter, images, a computer.
"""

from __future__ import annotations

import re
from typing import Any

from pixapi.wire.hosted import HostedTool, kinds_of, may_name_stored, plain, stored
from pixapi.wire.json import NULL, Fields

_CALLERS = frozenset({"", "function", "custom", "local_shell", "apply_patch"})
KINDS = frozenset(
    {
        "web_search",
        "x_search",
        "file_search",
        "tool_search",
        "code_interpreter",
        "image_generation",
        "mcp",
        "computer",
        "computer_use",
        "shell",
    }
)
"""See `ChatDialect.hosted_kinds`."""
_VERSION = re.compile(r"(?:_preview)?(?:_\d{4}_\d{2}_\d{2})?$")


def hosted_tools(fields: Fields) -> list[HostedTool]:
    """See `ChatDialect.hosted_tools`."""
    items = fields.get("input")
    if items is not None and may_name_stored(items) and _names_file(plain(items, "input")):
        raise stored("a file by its file_id", "input")
    if "tools" not in fields:
        return []
    found = []
    for kind, tool in kinds_of(fields["tools"]):
        if kind in _CALLERS or (kind == "shell" and _environment(tool).get("type") == "local"):
            continue
        _refuse_stored(tool)
        found.append(HostedTool(_VERSION.sub("", kind)))
    return found


def _environment(tool: Fields) -> dict[str, Any]:
    said = plain(tool.get("environment", NULL), "tools")
    return said if isinstance(said, dict) else {}


def _refuse_stored(tool: Fields) -> None:
    """A container may be made anew, and empty; one that exists is the operator's, and so are its files."""
    container = plain(tool.get("container", NULL), "tools")
    for place in (container, _environment(tool)):
        if isinstance(place, str) or (
            isinstance(place, dict) and any(place.get(name) for name in ("container_id", "file_ids", "id"))
        ):
            raise stored("a container, or files in one", "tools")


def _names_file(items: Any) -> bool:
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        for holder in (item.get("content"), item.get("output")):
            for part in holder if isinstance(holder, list) else (holder,):
                if isinstance(part, dict) and part.get("file_id") is not None:
                    return True
    return False
