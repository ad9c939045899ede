"""Opaque reasoning state, marked with who made it.

A signature only means something to the vendor that signed it; another vendor refuses the whole request. So
what callers get to keep is ``maker:signature``, and what comes back is opened only for the same maker; for
any other it is as if the thought had never been signed.
"""

from __future__ import annotations


def seal(maker: str, signature: str) -> str:
    """``signature`` as callers keep it. ``maker`` holds no colon."""
    return f"{maker}:{signature}"


def unseal(maker: str, sealed: str | None) -> str | None:
    """The signature itself; None where another maker sealed it, or nobody."""
    if sealed is None or not sealed.startswith(f"{maker}:"):
        return None
    return sealed[len(maker) + 1 :] or None
