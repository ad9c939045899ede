"""Usage, wherever a stream hides it: read by us, and shown to the caller once and only if asked for.

Servers put it into a last chunk without choices, into the chunk that finishes, into every chunk, into
``choices[0]``, or into a member of their own (``x_groq``). The last that is not null counts.
"""

from __future__ import annotations

import msgspec

from pixapi.interfaces.usage import Usage
from pixapi.wire.json import NULL, Fields, encode, lenient, lenient_fields, raw
from pixapi.wire.openai_habits import Habits
from pixapi.wire.openai_usage import Said, decode_said, read_usage, usage_of
from pixapi.wire.openai_withheld import COSTS, PROVIDER, may_tell_costs, withhold

_HOME = "x_groq"
_USAGE = b'"usage":'
_COUNTS = b'_tokens"'
"""A usage without any says nothing, and events are not searched for it."""
_MOST_BYTES = 256
_AFTER_USAGE = b"}}\n\n"
"""The end of the usage, where that is the event's last member, and of the event."""


class UsageTap:
    """The usage of one stream. ``usage`` is what was last said; None while nothing was."""

    __slots__ = ("_created", "_excludes_reasoning", "_habits", "_raw", "usage")

    def __init__(self, habits: Habits | None = None, *, excludes_reasoning: bool) -> None:
        self._habits = habits
        self._excludes_reasoning = excludes_reasoning
        self._raw: msgspec.Raw | None = None
        self._created: msgspec.Raw | None = None
        self.usage: Usage | None = None

    def take(self, fields: Fields, choices: list[Fields]) -> bool:
        """Reads the usage in a chunk and removes it from there, in place, with what else callers must not see; True
        if there was any usage.
        """
        self._created = fields.get("created", self._created)
        found = False
        for holder in (fields, *choices):
            if "usage" in holder and self._read(holder["usage"]):
                found = True
                if holder is fields:
                    holder["usage"] = NULL
                else:
                    del holder["usage"]
        if _HOME in fields:
            inner = lenient_fields(fields[_HOME])
            if "usage" in inner and self._read(inner.pop("usage")):
                found = True
                inner.pop("usage_breakdown", None)
                fields[_HOME] = raw(inner)
        if found:
            withhold(fields, PROVIDER)
        return found

    def see(self, said: Said, event: bytes) -> bool:
        """Takes the usage that ``event`` has; False where the caller may not have it as it stands there."""
        usage = usage_of(said, excludes_reasoning=self._excludes_reasoning)
        hides = (
            usage.reasoning and usage.output is not None and said.completion_tokens != usage.total_output()
        )
        if hides or _COUNTS not in event or may_tell_costs(event):
            return False
        self.usage = usage
        return True

    def knows(self, rest: bytes) -> bool:
        """Takes the usage of an event of the shape that earlier ones of this server had, which hold nothing else;
        ``rest`` is what follows its stamp. False where it takes a look.
        """
        lead = None if self._habits is None else self._habits.before_usage
        if lead is None or not (rest.startswith(lead) and rest.endswith(_AFTER_USAGE)):
            return False
        said = decode_said(rest[len(lead) : 1 - len(_AFTER_USAGE)])
        return said is not None and self.see(said, rest)

    def learn(self, rest: bytes | None) -> None:
        """``rest`` belongs to an event in good order that holds usage and no choices; None: it had no stamp."""
        if rest is None or self._habits is None:
            return
        at = rest.find(_USAGE)
        lead = rest[: at + len(_USAGE)] + (b" " if rest[at + len(_USAGE) :].startswith(b" ") else b"")
        if (
            0 <= at <= _MOST_BYTES
            and rest.endswith(_AFTER_USAGE)
            and decode_said(rest[len(lead) : 1 - len(_AFTER_USAGE)]) is not None
        ):
            self._habits.before_usage = lead

    def _read(self, value: msgspec.Raw) -> bool:
        usage = read_usage(value, excludes_reasoning=self._excludes_reasoning)
        if usage is None:
            return False
        self.usage, self._raw = usage, usage_for_caller(value, usage)
        return True

    def chunk(self, fields: Fields | None, marks: Fields, created: int) -> bytes | None:
        """The one usage chunk, made of the server's own (``fields``) where it had one; None without usage.

        ``marks`` holds the id and the model that it must carry.
        """
        if self._raw is None:
            return None
        if fields is None:
            fields = {
                "id": marks["id"],
                "object": raw("chat.completion.chunk"),
                "created": self._created if self._created is not None else raw(created),
                "model": marks["model"],
            }
        return b"data: " + encode({**fields, **marks, "choices": [], "usage": self._raw}) + b"\n\n"


def usage_for_caller(value: msgspec.Raw, usage: Usage | None) -> msgspec.Raw:
    """The server's usage with everything it says, but for what it costs the operator, and with the reasoning in
    ``completion_tokens``.
    """
    hides = usage is not None and usage.reasoning and usage.output is not None
    if not hides and not may_tell_costs(bytes(value)):
        return value
    said = lenient_fields(value)
    changed = withhold(said, COSTS)
    if usage is not None and hides:
        total = usage.total_output()
        if lenient(said.get("completion_tokens")) != total:
            said["completion_tokens"], changed = raw(total), True
    return raw(said) if changed else value
