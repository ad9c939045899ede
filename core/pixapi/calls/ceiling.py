"""The most that a call is charged, whatever its server says that it used.

Usage is the server's word, and a server may err or lie by any factor. What a call can use by its own limits bounds it:
output by its cap, pieces by what was asked for, input by what was sent. Only the last is not known exactly, since a
file or a tool of the vendor's may be more than was held for; there is a factor for that. What goes beyond is written
off, and told.

Not bounded are input where the call names things by their address, whose size nobody knows beforehand, unless the model
states `max_input`, and the searches of a chat.
"""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING

import msgspec

from pixapi.interfaces import Usage

if TYPE_CHECKING:
    from pixapi.calls.flight import Flight

_ADDRESS = re.compile(
    rb'"(?: |\\[bfnrt])*+(?:[a-z0-9+.-]|\\[nrt])++:(?:\\[nrt])*+\\?/|\\u00[0-7]', re.IGNORECASE
)
"""A string that begins as an address does, or an escape that may hide one. Of whichever scheme: vendors read from
their clouds as well. Those who parse addresses pass over blanks before them and line ends within (WHATWG URL)."""


def output_limit(flight: Flight) -> int:
    """The most output tokens that the call allows, all choices together."""
    asked = flight.asked
    if asked is None:
        return 0
    return asked.output_bound if flight.clamped_output is None else flight.clamped_output * asked.choices


def within_limits(flight: Flight, estimate: Usage) -> Usage:
    """An estimate counts what was passed on by its length; it never counts more output than the call allows."""
    limit = output_limit(flight)
    if flight.operation != "chat" or estimate.output is None or estimate.output <= limit:
        return estimate
    return msgspec.structs.replace(estimate, output=limit)


def ceiling(flight: Flight, usage: Usage) -> int:
    """The most micro-credits that a call may be charged which says that it used ``usage``; never less than its hold."""
    asked, offer = flight.asked, flight.offer
    assert asked is not None
    assert offer is not None
    overrun = flight.configured.settings.credits.overrun
    output, units = output_limit(flight), asked.units
    if units is None:
        units = Usage(searches=usage.searches)
    else:
        # Of pictures and sound, tokens are bounded from afar.
        output = ceil(output * overrun)
    most = offer.table.bound(_input_limit(flight, usage, overrun), output, units)
    return max(most, flight.held or 0)


def _input_limit(flight: Flight, usage: Usage, overrun: float) -> int:
    asked, entry = flight.asked, flight.entry
    assert asked is not None
    assert entry is not None
    stated = entry.settings.max_input
    if stated is not None:
        return max(stated, asked.input_bound)
    fields = asked.fields.values()
    if any(_ADDRESS.search(bytes(value)) for value in fields):
        return usage.total_input()
    sent = sum(map(len, fields)) + sum(len(upload.data) for upload in asked.uploads)
    return max(ceil(asked.input_bound * overrun), sent)
