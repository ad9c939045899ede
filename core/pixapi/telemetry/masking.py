"""Keeps secrets, prompts and addresses of people out of the logs, whoever wrote the line.

Two nets, one below the other: values under a name that tells what they are, and, in every text, what looks
like a key, a credential in a URL, or an e-mail address. They are a safety net: what must not be logged should
not be handed to the log in the first place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MASK = "********"
MAX_TEXT = 4000
_MAX_DEPTH = 6
_MAX_ITEMS = 50

_SECRET_NAMES = frozenset(
    {"authorization", "proxy_authorization", "cookie", "set_cookie", "key", "token", "password", "passwd"}
    | {"secret", "credential", "credentials", "apikey", "signature"}
)
_SECRET_ENDS = ("_key", "_token", "_secret", "_password", "_authorization")
_PAYLOAD_NAMES = frozenset(
    {"messages", "prompt", "input", "body", "content", "text", "system", "instructions", "arguments"}
    | {"query", "documents", "completion", "choices", "data", "email", "parameters", "params"}
)

_PATTERNS = (
    # Keys by their usual beginnings: our own, and those of the form sk-..., AIza...
    (re.compile(r"\b(pix|sk|pk|rk|gsk|whsec)([-_])[A-Za-z0-9_-]{8,}"), r"\1\2" + MASK),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{20,}"), MASK),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 " + MASK),
    (re.compile(r"(?i)([?&](?:\w*key|\w*token|sig|\w*signature)=)[^&\s\"']+"), r"\1" + MASK),
    (re.compile(r"(://)[^/\s:@]*:[^/\s@]+@"), r"\1" + MASK + "@"),
    (re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), MASK),
)

_SUSPICION = re.compile(r"[@?&]|://|AIza|eyJ|(?i:bearer|basic)\s|(?:pix|sk|pk|rk|gsk|whsec)[-_]")
"""Found in every text that one of the patterns changes; most texts have nothing of it and are done."""


def mask_text(text: str) -> str:
    """The first `MAX_TEXT` characters of ``text``, without what looks like a key, a credential or an e-mail
    address.
    """
    if len(text) > MAX_TEXT:
        # Cut before the search, which would take long in megabytes.
        text = text[:MAX_TEXT] + "..."
    if _SUSPICION.search(text) is None:
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def mask_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """``fields`` with every value masked as its name and its text demand."""
    return {name: _masked(name, value, 0) for name, value in fields.items()}


def _masked(name: str, value: object, depth: int) -> object:
    plain = name.lower().replace("-", "_")
    if value is None or isinstance(value, bool):
        return value
    if plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDS):
        return MASK
    if isinstance(value, int | float):
        return value
    if plain in _PAYLOAD_NAMES:
        return MASK
    return _plain(value, depth)


def _plain(value: object, depth: int) -> object:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, bool | int | float) or value is None:
        return value
    if depth >= _MAX_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        items = list(value.items())[:_MAX_ITEMS]
        return {mask_text(str(name)): _masked(str(name), item, depth + 1) for name, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in list(value)[:_MAX_ITEMS]]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return mask_text(repr(value))
