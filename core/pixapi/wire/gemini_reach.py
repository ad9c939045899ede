"""What no caller may reach through the operator's key (Gemini API reference, "Files", "Caching", "Tool").

Files, caches, search stores and buckets belong to the project whose key or account is used, and that is the
operator's: one caller's would lie open to all others, and the operator's own to every caller. So a call may
name what is public, or carry it along.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pixapi.errors import BadRequest
from pixapi.wire.gemini_names import listed, snake

OPERATORS_TOOLS = frozenset({"fileSearch", "retrieval"})
"""Tools that search what the operator has stored."""
_OWN_HOSTS = (".googleapis.com", ".cloud.google.com")


def check_uri(uri: str, param: str) -> str:
    """``uri``, if anybody may read it. Raises BadRequest."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        parts = urlsplit("")
    host = "." + (parts.hostname or "").rstrip(".").lower()
    if parts.scheme.lower() not in ("http", "https") or host.endswith(_OWN_HOSTS):
        raise BadRequest(
            "a file is named by an address that only this gateway's operator may read; "
            "expected a public https address, or the data inline",
            param=param,
        )
    return uri


def check_tools(tools: list[Any], refused: frozenset[str]) -> None:
    """Refuse the tools that are not offered. Raises BadRequest (param ``tools``)."""
    names = {name: name for name in OPERATORS_TOOLS | refused} | {
        snake(name): name for name in OPERATORS_TOOLS | refused
    }
    for tool in tools:
        found = next((names[key] for key in tool if key in names), None) if isinstance(tool, dict) else None
        if found is not None:
            raise BadRequest(f"the tool {found} is not offered here; leave it out", param="tools")


def check_files(contents: Any) -> None:
    """Refuse files of the operator's anywhere within messages. Raises BadRequest (param ``contents``)."""
    for part in _parts(contents):
        _check_file(part)
        for name in ("functionResponse", "function_response"):
            for inner in _parts(part.get(name)):
                _check_file(inner)


def _parts(holders: Any) -> Iterator[dict[str, Any]]:
    for holder in listed(holders):
        if isinstance(holder, dict):
            yield from (part for part in listed(holder.get("parts")) if isinstance(part, dict))


def _check_file(part: dict[str, Any]) -> None:
    """Both spellings are looked at: which of them counts, where both are there, is Google's to say."""
    for name in ("fileData", "file_data"):
        file = part.get(name)
        if file is None:
            continue
        uris = [file[key] for key in ("fileUri", "file_uri") if key in file] if isinstance(file, dict) else []
        for uri in uris or [""]:
            check_uri(uri if isinstance(uri, str) else "", "contents")
