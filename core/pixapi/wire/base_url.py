"""What a wrong base URL makes of a call's path: the first mistake of whoever sets up an SDK.

OpenAI's SDKs want a base URL that ends in its version, those of Anthropic and Google one without; and whole addresses
of calls are pasted where a base URL belongs.
"""

from __future__ import annotations

from pixapi.wire.offered import CHAT_PATHS, OTHER_PATHS, read_path

_LISTS = frozenset({"/v1/models"})
_VERSIONS = ("/v1", "/v1beta")


def advice(path: str) -> str | None:
    """What to change in the base URL of the SDK that asked for ``path``; None where that is not what is wrong."""
    for version in _VERSIONS:
        if _is_offered(meant := version + path):
            return f"add {version} to the end of the SDK's base URL, so that it asks for {meant}"
        if path.startswith(version) and _is_offered(meant := path.removeprefix(version)):
            return f"leave {version} out of the SDK's base URL, so that it asks for {meant}"
    for meant in (*CHAT_PATHS, *OTHER_PATHS):
        twice = path.removeprefix(meant)
        if twice not in ("", path) and meant.endswith(twice):
            return f"leave {twice} out of the SDK's base URL, so that it asks for {meant}"
    return None


def _is_offered(path: str) -> bool:
    return path in CHAT_PATHS or path in OTHER_PATHS or path in _LISTS or read_path(path) is not None
