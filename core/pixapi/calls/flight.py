"""One call under way: what the stages have found out about it so far."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pixapi.ids import new_id
from pixapi.interfaces import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pixapi.calls.asked import Asked
    from pixapi.calls.services import Configured
    from pixapi.catalog.catalog import Entry, Offer, Route
    from pixapi.errors import UpstreamError
    from pixapi.identity.keyring import Principal
    from pixapi.interfaces import (
        Call,
        ChatRequest,
        Decoder,
        Framing,
        HttpRequest,
        Operation,
        Provider,
        Upload,
    )
    from pixapi.ledger.operations import Settled
    from pixapi.limits import Ticket
    from pixapi.wire.dialect import ChatDialect

_NONE: Mapping[str, str] = MappingProxyType({})


class Ready(NamedTuple):
    """What an attempt needs, made before it may begin."""

    route: Route
    request: HttpRequest
    decoder: Decoder | None
    """Of a stream."""


class Flight:
    """A call from its arrival to its receipt.

    The ids of request, charge and reply share their 26 characters, so that one of them finds the others.
    """

    __slots__ = (
        "_chat", "asked", "at_us", "attempt_s", "attempts", "call", "caller_headers", "charge_id", "clamped_output",
        "configured", "delivered", "dialect", "dropped", "entry", "failure", "first_byte_s", "framing", "headers_came",
        "held", "holding", "input_bound", "is_large", "offer", "operation", "paid", "pause_s", "principal",
        "probes_key", "probes_lane", "ready", "request_id", "route", "serial", "settled", "started_s", "ticket",
        "uploads", "usage", "usage_source",
    )  # fmt: skip

    def __init__(
        self, operation: Operation, dialect: ChatDialect, configured: Configured, at_us: int, now_s: float
    ) -> None:
        self.serial = serial = new_id("")[1:]
        self.request_id, self.charge_id = "req_" + serial, "chg_" + serial
        self.operation: Operation = operation
        self.dialect = dialect
        self.framing: Framing = "sse"
        self.configured = configured
        self.at_us, self.started_s = at_us, now_s
        self.principal: Principal | None = None
        self.entry: Entry | None = None
        self.offer: Offer | None = None
        self.call: Call | None = None
        self.ticket: Ticket | None = None
        self.uploads: tuple[Upload, ...] = ()
        self.caller_headers: Mapping[str, str] = _NONE
        self.route: Route | None = None
        self.ready: Ready | None = None  # the first attempt, made ready before the hold was durable
        self.attempt_s = now_s
        """When the attempt under way began."""
        self.probes_lane = self.probes_key = False
        """Whether the attempt decides over the health of its route, or of its key."""
        self.failure: UpstreamError | None = None
        """What became of the attempt before, or of this one."""
        self.pause_s = 0.0
        """How long the attempt waits before it begins."""
        self.paid = False
        """What the attempt under way sends costs money once it is accepted, and is not to be sent twice."""
        self.asked: Asked | None = None  # what it may use, and was held for
        self.input_bound = self.attempts = 0
        self.is_large = False
        """Its body takes milliseconds to read and to write anew, in which other calls would wait: a thread does it."""
        self.held: int | None = None
        """Micro-credits that were put on hold; None as long as there is no charge row."""
        self.holding = False
        """The hold has neither been settled nor released."""
        self.clamped_output: int | None = None
        """The output cap that the balance allowed, where it is lower than the one asked for."""
        self.dropped: tuple[str, ...] = ()
        """What the caller asks for and the attempt under way cannot tell its server, in the caller's words."""
        self.headers_came = False
        """Upstream has begun to answer: from here on the call may cost something."""
        self.delivered = False
        """Something of the answer is on its way to the caller: from here on no other route may be tried."""
        self.first_byte_s: float | None = None
        self.usage: Usage | None = None
        self.usage_source = "reported"
        self.settled: Settled | None = None
        self._chat: ChatRequest | None = None

    @property
    def model(self) -> str | None:
        """The model's name in the catalog, once it is known to be one."""
        return None if self.entry is None else self.entry.settings.id

    def suit(self, provider: Provider) -> None:
        """Give the call the form that ``provider`` takes: the caller's own, or the internal model.

        Raises:
            BadRequest: the call cannot be read into the model.
        """
        call = self.call
        assert call is not None
        if call.operation != "chat":
            return
        # A stream that is no server-sent events is written here; a whole reply is not cut into any.
        if call.dialect in provider.dialects and (call.framing == "sse" or not call.stream):
            call.chat = None
            return
        if self._chat is None:
            self._chat = self.dialect.read(call.fields)
        call.chat = self._chat

    def milliseconds_to(self, now_s: float | None) -> int | None:
        return None if now_s is None else round((now_s - self.started_s) * 1000)
