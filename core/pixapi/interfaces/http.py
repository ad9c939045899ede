"""What goes to a model's server and what comes back, as plain data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request.

    ``paid``: it creates a job that is delivered later and costs money once accepted, so it is never sent twice.
    A call whose answer is its reply (chat, embeddings) is not paid in this sense: where the reply is lost nothing was
    delivered, nobody is charged for it, and another route may be asked.

    ``dropped``: the caller's names of fields that the call asks for and this request has no word for; the caller is
    told of them in a header.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    paid: bool = False
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole reply. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Exchange(Protocol):
    """A reply whose status and headers have come and whose body is still coming."""

    status: int
    headers: Mapping[str, str]

    @property
    def is_complete(self) -> bool:
        """Whether the whole body has come, though parts of it may not have been read yet."""
        ...

    async def read(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            UpstreamCut, UpstreamTimeout: it did not come whole.
            UpstreamInvalid: it is larger than ``limit`` bytes.
        """
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, unbuffered. Raises UpstreamCut or UpstreamTimeout."""
        ...

    async def close(self) -> None:
        """Let go: the connection is reused if the body was read to its end, else closed at once."""
        ...


class Outbound(Protocol):
    """The only way in which a plugin reaches the network: allow-listed hosts, time-outs, no redirects, logged."""

    async def send(self, request: HttpRequest, *, timeout_s: float = 30) -> HttpReply:
        """Send and read the whole reply.

        Raises:
            UpstreamRefused, UpstreamLost, UpstreamTimeout, UpstreamInvalid
        """
        ...
