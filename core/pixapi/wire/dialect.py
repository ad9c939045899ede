"""What the gateway asks of a chat dialect that it offers to callers.

A dialect is a pair of translations to and from the internal model (`pixapi.interfaces.chat`, `.stream`), and a
quick look that prices a call without building anything. Between equal dialects the provider's relay passes bytes
on and only `sizes` and `error` are used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from pixapi.errors import PixapiError
from pixapi.interfaces.call import Call, Dialect
from pixapi.interfaces.chat import ChatReply, ChatRequest
from pixapi.interfaces.stream import Event
from pixapi.interfaces.usage import Usage
from pixapi.wire.bulk import Events, TextDeltas
from pixapi.wire.dialect_fields import FieldTable
from pixapi.wire.hosted import HostedTool
from pixapi.wire.json import Fields


class Sizes(msgspec.Struct, frozen=True):
    """What a call may use, in tokens. ``output_cap`` is for each of ``choices``; None: the caller gave none."""

    input_bound: int
    output_cap: int | None = None
    choices: int = 1
    thinking_budget: int = 0


class StreamEncoder(ABC):
    """Events of one answer as the bytes of a dialect's stream. One for a stream; it keeps its state."""

    ping: bytes
    """A keep-alive that the dialect's clients ignore; sent while upstream is silent, also before the first event."""

    @abstractmethod
    def encode(self, event: Event) -> bytes:
        """The bytes for one event; b"" where it has none of its own. `Ended` gives all that closes the stream, usage
        included (a `UsageReport` comes before it where usage is known). `Passage` is handed on.
        """

    def encode_all(self, events: Events) -> bytes:
        """The bytes for events that came at once: what `encode` gives for each, quicker where many are alike."""
        sent = []
        for event in events:
            sent += map(self.encode, event.apart() if isinstance(event, TextDeltas) else (event,))
        return b"".join(sent)

    @abstractmethod
    def error(self, error: PixapiError, request_id: str) -> bytes:
        """An error as the last bytes of a stream that has begun; no mark of a good end follows."""


class ChatDialect(ABC):
    """One dialect, without state."""

    name: Dialect
    reply_prefix: str
    """How the ids of its replies begin."""

    table: FieldTable
    """Its fields, and what becomes of each where a server of another dialect answers. `read` goes by it."""

    id_header: bytes | None = None
    """A header beside `x-request-id` where the dialect's clients look for the request's id."""

    hosted_kinds: frozenset[str] = frozenset()
    """The kinds of `hosted_tools` that are known. A vendor may have more, so that they help with spelling only."""

    caller_headers: tuple[bytes, ...] = ()
    """Headers, in lower case, by which callers of the dialect ask for something; `Call.headers` has them."""

    def wants_usage(self, fields: Fields) -> bool:
        """Whether a stream is to tell what was used. Raises BadRequest."""
        return True

    @abstractmethod
    def streams(self, fields: Fields) -> bool:
        """Whether the caller wants a stream. Raises BadRequest."""

    @abstractmethod
    def sizes(self, fields: Fields, image_bound: int) -> Sizes:
        """The bounds of a call, without building its model: bytes of text bound tokens; ``image_bound`` is the most
        that one image, file or piece of audio counts; what is unknown counts by its bytes.

        Raises:
            BadRequest: the parts that are read are missing or of a wrong shape.
        """

    def hosted_tools(self, fields: Fields) -> Sequence[HostedTool]:
        """The tools of a call that the vendor would run itself, however often it likes.

        Raises:
            BadRequest: the call names what is stored in the operator's account (code ``unsupported_parameter``), or
                its tools are of a wrong shape.
        """
        return ()

    @abstractmethod
    def read(self, fields: Fields) -> ChatRequest:
        """The call in the internal model.

        Raises:
            BadRequest: a field has a wrong type, or asks for what only the dialect's own vendor has; ``param``
                names it.
        """

    @abstractmethod
    def reply(self, call: Call, reply: ChatReply, usage: Usage | None) -> bytes:
        """A whole answer as the dialect's JSON body, under `call.alias` and `call.reply_id`."""

    @abstractmethod
    def encoder(self, call: Call) -> StreamEncoder:
        """The encoder of one streamed answer, in the framing that `call.framing` asks for."""

    @abstractmethod
    def error(self, error: PixapiError, request_id: str) -> bytes:
        """An error as the JSON body that the dialect's clients read."""
