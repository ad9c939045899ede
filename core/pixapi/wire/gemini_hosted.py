"""Google's own tools in a call of Gemini's dialect (Gemini API reference, "Tool").

A tool is an object whose members are its kinds. Functions are the caller's, and so is the computer that the caller's
machine operates; all others run at Google's. What they read there is the prompt's as well.
"""

from __future__ import annotations

from pixapi.wire.gemini_names import listed, value
from pixapi.wire.hosted import HostedTool
from pixapi.wire.json import Fields

_CALLERS = frozenset({"functionDeclarations", "computerUse"})
KINDS = frozenset(
    {
        "googleSearch",
        "googleSearchRetrieval",
        "enterpriseWebSearch",
        "googleMaps",
        "codeExecution",
        "urlContext",
        "fileSearch",
    }
)
"""See `ChatDialect.hosted_kinds`."""


def hosted_tools(fields: Fields) -> list[HostedTool]:
    """See `ChatDialect.hosted_tools`. Files and caches are refused by `gemini_forward.checked`."""
    if "tools" not in fields:
        return []
    kinds = [
        _camel(name) for tool in listed(value(fields, "tools")) if isinstance(tool, dict) for name in tool
    ]
    return [HostedTool(kind) for kind in kinds if kind not in _CALLERS]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
