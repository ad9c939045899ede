"""Anthropic's own tools in a call of the Messages API (Anthropic API reference, "Messages", "Tool use").

A tool without a type or of type ``custom`` is the caller's. Of those that Anthropic defines, the caller's machine runs
bash, the text editor, the computer and the memory; all others run at Anthropic's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pixapi.wire.hosted import HostedTool, kinds_of, may_name_stored, plain, stored
from pixapi.wire.json import Fields, is_null

_CALLERS = frozenset({"", "custom", "bash", "text_editor", "computer", "memory"})
KINDS = frozenset(
    {
        "web_search",
        "web_fetch",
        "code_execution",
        "tool_search_tool_regex",
        "tool_search_tool_bm25",
        "advisor",
        "mcp",
    }
)
"""See `ChatDialect.hosted_kinds`."""
_DATE = re.compile(r"_\d{8}$")
_MCP = "mcp"


def hosted_tools(fields: Fields) -> list[HostedTool]:
    """See `ChatDialect.hosted_tools`."""
    messages = fields.get("messages")
    if messages is not None and may_name_stored(messages):
        blocks = _blocks(plain(messages, "messages"))
        if any(_is_stored(block) for block in blocks):
            raise stored("a file by its file_id", "messages")
    if not is_null(fields.get("container")):
        raise stored("a container", "container")
    found = []
    servers = fields.get("mcp_servers")
    if servers is not None and bytes(servers) not in (b"null", b"[]"):
        found.append(HostedTool(_MCP, "mcp_servers"))
    if "tools" in fields:
        kinds = [_DATE.sub("", kind) for kind, _ in kinds_of(fields["tools"])]
        # A set of a server's tools and the server itself are one and the same.
        found += [HostedTool(kind) for kind in kinds if kind not in _CALLERS and kind != "mcp_toolset"]
    return found


def _blocks(messages: Any) -> Iterator[dict[str, Any]]:
    """Every block of content, those within results of tools included."""
    turns = messages if isinstance(messages, list) else []
    left = [turn.get("content") for turn in turns if isinstance(turn, dict)]
    while left:
        content = left.pop()
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict):
                yield block
                left.append(block.get("content"))
                source = block.get("source")
                if isinstance(source, dict):
                    left.append(source.get("content"))


def _is_stored(block: dict[str, Any]) -> bool:
    source = block.get("source")
    return block.get("type") == "container_upload" or (
        isinstance(source, dict) and source.get("file_id") is not None
    )
