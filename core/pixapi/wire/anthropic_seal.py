"""Sealed reasoning state (`seal`) as the Messages API keeps it: that of its own maker is unmarked there."""

from __future__ import annotations

from pixapi.wire.json import Fields, lenient, raw
from pixapi.wire.seal import seal, unseal

NATIVE = "anthropic"
"""The maker whose signatures stand unmarked in this dialect, as its own clients know them. They are base64 and
hold no colon."""


def seal_in_dialect(sealed: str | None) -> str:
    """A sealed signature as callers of the Messages API keep it: as it was where it is the API's own, else with
    its maker; empty where there is none.
    """
    if sealed is None:
        return ""
    return unseal(NATIVE, sealed) or sealed


def sealed_by_caller(kept: str) -> str | None:
    """The reverse: what a caller of the Messages API sends back, with its maker; None where it was empty."""
    if not kept or ":" in kept:
        return kept or None
    return seal(NATIVE, kept)


def seal_fields(block: Fields, maker: str) -> bool:
    """Marks the signature in a block of a message, or in a piece of one, in place. True if there was one."""
    name = "data" if lenient(block.get("type")) == "redacted_thinking" else "signature"
    signature = lenient(block.get(name))
    if not isinstance(signature, str) or not signature:
        return False
    block[name] = raw(seal(maker, signature))
    return True
