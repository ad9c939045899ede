"""What replies say beyond OpenAI's API that is the operator's business and not the caller's.

Resellers name the provider that answered beside ``choices``, and tell in ``usage`` what the operator pays for the
call, and on whose account; one vendor tells the latter, too. Unknown members survive otherwise, so the list is narrow.
"""

from __future__ import annotations

from pixapi.wire.json import Fields

PROVIDER = ("provider",)
"""Members of a reply or an event. Callers learn the route from ``x-pixapi-route``, if at all."""
COSTS = ("cost", "cost_details", "cost_in_usd_ticks", "is_byok")
"""Members of ``usage``."""


def may_hold(text: bytes, names: tuple[str, ...]) -> bool:
    """Whether the text of an object may have one of those members: a quick look that errs on the safe side."""
    return any(name.encode() in text for name in names)


def withhold(members: Fields, names: tuple[str, ...]) -> bool:
    """Removes those members in place; True if there were any."""
    there = [name for name in names if name in members]
    for name in there:
        del members[name]
    return bool(there)
