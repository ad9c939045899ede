"""What `echo` is told to do besides answering: be slow, break off, fail.

Any of these may stand in the member ``echo`` of a request's body, and then goes before the provider's
settings::

    {"model": "echo", "messages": [...], "echo": {"chunk_delay_s": 0.1, "cut_after": 3}}
"""

from __future__ import annotations

import msgspec


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer's stage directions."""

    latency_s: float = 0.0
    """Seconds before the status and headers come."""
    chunk_delay_s: float = 0.0
    """Seconds before each event of a stream."""
    reasoning: str | None = None
    """What is said as reasoning before the answer; its words count as reasoning tokens."""
    error_status: int | None = None
    """Answer with this status instead, 400 to 599."""
    error_code: str | None = None
    """The ``code`` of that error, or of the one within the stream."""
    retry_after_s: float | None = None
    """The Retry-After header of that error."""
    cut_after: int | None = None
    """Break the connection off after this many events; a reply that is not streamed is broken off in any
    case.
    """
    error_after: int | None = None
    """Send an error in place of the next event after this many."""
    omit_usage: bool = False
    """Never say what was used."""
    omit_done: bool = False
    """End a stream without ``[DONE]``."""
    usage_in_finish: bool = False
    """Say what was used in the chunk that finishes, not in one of its own."""
    html: bool = False
    """Answer 200 with a page of HTML."""
    empty: bool = False
    """Answer 200 with nothing at all."""
