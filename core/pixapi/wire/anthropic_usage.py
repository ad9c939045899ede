"""The ``usage`` of the Messages API to and from the disjoint `Usage` (Anthropic API reference, "Messages").

Its input counts are disjoint already: ``input_tokens`` holds neither what was read from the cache nor what
was written to it. Its output count holds the thinking. In a stream the counts come twice or more often; each
is a running total and replaces the one before, and what a later report leaves out stays as it was. Of tools that
run at the vendor's it counts searches, which are charged each, and fetched pages, which cost their tokens only.
"""

from __future__ import annotations

from typing import Any

from pixapi.interfaces.usage import Usage

_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")


class UsageTally:
    """The counts of one reply, as they become known."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def take(self, said: Any, *, final: bool = True) -> None:
        """Remember what a ``usage`` object says.

        ``final`` False: its output count is that of a reply that has only begun; it is left unknown, since
        nobody could tell it from the real one.
        """
        if not isinstance(said, dict):
            return
        for name in _COUNTS:
            self._note(name, said.get(name), wanted=final or name != "output_tokens")
        written = said.get("cache_creation")
        if isinstance(written, dict):
            self._note("1h", written.get("ephemeral_1h_input_tokens"))
        details = said.get("output_tokens_details")
        if isinstance(details, dict):
            self._note("thinking", details.get("thinking_tokens"), wanted=final)

        hosted = said.get("server_tool_use")
        if isinstance(hosted, dict):
            self._note("searches", hosted.get("web_search_requests"))

    def usage(self) -> Usage | None:
        """All that is known; None where nothing is."""
        known = self._known
        if not known:
            return None
        output, thinking = known.get("output_tokens"), known.get("thinking")
        if output is not None and thinking is not None:
            thinking = min(thinking, output)
            output -= thinking
        written, hour = known.get("cache_creation_input_tokens"), known.get("1h")
        if written is not None and hour is not None:
            # Later reports give the sum only: what is not known to last an hour lasts five minutes.
            hour = min(hour, written)
            written -= hour
        return Usage(
            input=known.get("input_tokens"),
            cached_input=known.get("cache_read_input_tokens"),
            cache_write=written,
            cache_write_1h=hour,
            output=output,
            reasoning=thinking,
            searches=known.get("searches"),
        )

    def _note(self, name: str, value: object, *, wanted: bool = True) -> None:
        if wanted and isinstance(value, int) and not isinstance(value, bool):
            self._known[name] = max(0, value)


def read_usage(said: Any) -> Usage | None:
    """What the ``usage`` of a whole reply says; None where it says nothing."""
    tally = UsageTally()
    tally.take(said)
    return tally.usage()


def write_usage(usage: Usage | None, *, began: bool = False) -> dict[str, Any]:
    """A `Usage` as the Messages API states it.

    The two counts that its clients insist on are 0 where they are unknown; of the others only what is known is
    there. Audio and images have no counts of their own and are input like any other.

    Args:
        usage: what is known; None is nothing.
        began: it stands at the start of a stream, where no output is known yet.
    """
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    read = usage.total_input() - sum(
        part or 0 for part in (usage.cached_input, usage.cache_write, usage.cache_write_1h)
    )
    said: dict[str, Any] = {"input_tokens": read}
    if usage.cache_write is not None or usage.cache_write_1h is not None:
        said["cache_creation_input_tokens"] = (usage.cache_write or 0) + (usage.cache_write_1h or 0)
    if usage.cached_input is not None:
        said["cache_read_input_tokens"] = usage.cached_input
    if usage.cache_write_1h is not None:
        said["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write or 0,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        }
    said["output_tokens"] = 0 if began else usage.total_output()
    if usage.reasoning is not None and not began:
        said["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.searches is not None:
        said["server_tool_use"] = {"web_search_requests": usage.searches}
    return said
