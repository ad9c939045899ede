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


def may_tell_costs(usage: bytes) -> bool:
    """Whether the text of a ``usage`` may have one of `COSTS`: a quick look that errs on the safe side."""
    return b'"cost' in usage or b'"is_byok"' in usage


def withhold(members: Fields, names: tuple[str, ...]) -> bool:
    """Removes those members in place; True if there were any."""
    there = [name for name in names if name in members]
    for name in there:
        del members[name]
    return bool(there)
