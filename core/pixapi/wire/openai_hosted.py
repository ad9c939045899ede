"""The vendors' own tools in a call of chat completions (OpenAI API reference, "Create chat completion"; the references
of vendors that offer more in the same dialect).

A tool is the caller's own where it is a function or a custom one. Everything else runs at the vendor's, and so do
searches that a field of its own asks for.
"""

from __future__ import annotations

from typing import Any

from pixapi.wire.hosted import HostedTool, kinds_of, may_name_stored, plain, stored
from pixapi.wire.json import Fields

_CALLERS = frozenset({"", "function", "custom"})
_FIELDS = (
    ("web_search_options", "web_search"),
    ("search_parameters", "web_search"),
    ("enable_search", "web_search"),
    ("plugins", "plugins"),
)
SEARCHES = tuple(name for name, _ in _FIELDS)
"""Fields that ask for something of the vendor's by themselves."""
KINDS = frozenset(
    {"plugins", "web_search", "browser_search", "code_interpreter", "builtin_function", "retrieval"}
)
"""See `ChatDialect.hosted_kinds`."""
_OFF = (b"null", b"false", b"[]")


def hosted_tools(fields: Fields) -> list[HostedTool]:
    """See `ChatDialect.hosted_tools`."""
    messages = fields.get("messages")
    if messages is not None and may_name_stored(messages) and _names_file(plain(messages, "messages")):
        raise stored("a file by its file_id", "messages")
    found = []
    for name, kind in _FIELDS:
        value = fields.get(name)
        if value is not None and bytes(value) not in _OFF:
            found.append(HostedTool(kind, name))
    if "tools" in fields:
        found += [HostedTool(kind) for kind, _ in kinds_of(fields["tools"]) if kind not in _CALLERS]
    return found


def _names_file(messages: Any) -> bool:
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict):
                file = part.get("file")
                if part.get("file_id") is not None or (
                    isinstance(file, dict) and file.get("file_id") is not None
                ):
                    return True
    return False
