"""What a provider's decoder makes of the bytes of a streamed reply.

A decoder yields `Passage` where caller and provider speak the same dialect, and the finer events where they
do not; facts about the call (`UsageReport`, `Ended`, `Failed`) come in both cases.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import msgspec

from pixapi.errors import UpstreamError
from pixapi.interfaces.chat import FinishReason
from pixapi.interfaces.usage import Usage


class Passage(msgspec.Struct, frozen=True):
    """Whole events in the caller's own dialect, ready to be sent.

    ``content``: they carry something of the answer, so that no other route may be tried any more.
    """

    data: bytes
    content: bool = True


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """A piece of the answer."""

    text: str


class RefusalDelta(msgspec.Struct, frozen=True):
    """A piece of a refusal."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True):
    """A piece of thought; ``signature`` comes once, with or after the last piece of its block."""

    text: str = ""
    signature: str | None = None
    redacted: bool = False


class ToolCallDelta(msgspec.Struct, frozen=True):
    """A piece of a tool call. ``index`` is dense from 0; id and name come with the first piece of each.

    For ``id`` see `ToolCall`; ``arguments`` is a piece of JSON text, or all of it.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class Finished(msgspec.Struct, frozen=True):
    """The model stopped."""

    reason: FinishReason


class UsageReport(msgspec.Struct, frozen=True):
    """What the call has used so far; a later report replaces an earlier one."""

    usage: Usage


class Failed(msgspec.Struct, frozen=True):
    """The stream ended in an error; nothing follows."""

    error: UpstreamError


class Ended(msgspec.Struct, frozen=True):
    """The stream said that it is complete; what follows is to be ignored."""


Event = (
    Passage
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ToolCallDelta
    | Finished
    | UsageReport
    | Failed
    | Ended
)


class Decoder(ABC):
    """Bytes in, events out. Any cutting of the same bytes gives the same events (Passages: the same bytes).

    One instance for a stream. A good end is `UsageReport` (where usage is known), `Finished`, `Ended`. Where no caller
    reads the stream as it is, `pixapi.adapters.LinesDecoder` or `SseDecoder` does all but the vendor's own words.
    """

    @abstractmethod
    def feed(self, data: bytes) -> list[Event]:
        """The events that ``data`` completes. Never raises for bad input: that is a `Failed`."""

    @abstractmethod
    def close(self) -> list[Event]:
        """The connection ended: `Failed` (UpstreamCut) unless the stream had said that it is complete."""

    def delivered_output(self) -> int:
        """An estimate of the output tokens in what was passed on so far, for a call whose usage never came."""
        return 0
