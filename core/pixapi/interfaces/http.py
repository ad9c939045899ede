"""What goes to a model's server and what comes back, as plain data."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Body(Protocol):
    """Bytes that are too many to lie in memory: a file that a caller sent, or a form around it."""

    def __len__(self) -> int:
        """How many they are."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """All of them in pieces, from the start, as often as it is called.

        Getting a piece may take a moment: not for the event loop. Raises OSError where they cannot be read, or not any
        more since the call is over.
        """
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request. Its body is a `Body` only where the call came with large files.

    ``paid``: it costs money by the piece once accepted (an image, a job that is delivered later), so it is never sent
    again, here or on another route, unless the server surely took nothing: no connection was made, or it said that it
    is busy, or that it refuses. Any other call (chat, embeddings) whose reply is lost delivered nothing, nobody is
    charged for it, and another route may be asked.

    ``dropped``: the caller's names of fields that the call asks for and this request has no word for; the caller is
    told of them in a header.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Body = b""
    paid: bool = False
    dropped: tuple[str, ...] = ()

    @property
    def data(self) -> bytes:
        """The whole body, in memory."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body.chunks())

    def body_sha256(self) -> str:
        """The hash of the body in hex; reads all of it."""
        digest = hashlib.sha256()
        for piece in (self.body,) if isinstance(self.body, bytes) else self.body.chunks():
            digest.update(piece)
        return digest.hexdigest()


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
