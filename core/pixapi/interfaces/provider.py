"""How Pixapi speaks with model vendors: the contract of a provider.

A provider is pure: it makes an HTTP request of a call, and results, events, usage and errors of bytes. The core
owns sockets, time-outs, retries and money.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pixapi.errors import UpstreamError
from pixapi.interfaces.call import Call, Dialect, Operation, Result
from pixapi.interfaces.http import Exchange, HttpReply, HttpRequest, Outbound
from pixapi.interfaces.plugin import PluginConfig
from pixapi.interfaces.secret import Secret
from pixapi.interfaces.stream import Decoder
from pixapi.interfaces.usage import Usage

Evidence = Literal["live", "recorded", "documented"]


class Provider(ABC):
    """One configured upstream. An instance serves many calls at once and keeps no state of any."""

    operations: frozenset[Operation] = frozenset({"chat"})
    streams: frozenset[Operation] = frozenset({"chat"})
    """Those of its operations whose replies it can also give as a stream (images, image_edits beside chat)."""
    dialects: frozenset[Dialect] = frozenset()
    """The chat dialects of callers that this provider passes on as they are (`call.fields` in, `Passage` and
    `Result.body` out). A call of any other dialect comes as `call.chat`, and its answer leaves as the finer
    events and as `Result.chat`.
    """

    @abstractmethod
    def request(self, call: Call) -> HttpRequest:
        """The request that asks for ``call``.

        Raises:
            BadRequest: the call holds what this provider cannot express; the sentence says what.
        """

    @abstractmethod
    def result(self, call: Call, reply: HttpReply) -> Result:
        """What a whole 2xx reply says.

        Raises:
            UpstreamError: it is an error in disguise, or cannot be understood.
        """

    @abstractmethod
    def decoder(self, call: Call) -> Decoder:
        """A decoder for the streamed reply to ``call``, which is of one of ``streams``."""

    @abstractmethod
    def error(self, reply: HttpReply) -> UpstreamError:
        """What a reply with a status outside 2xx means."""

    def offers(self, operation: Operation, *, stream: bool) -> bool:
        """Whether a call of ``operation`` can be asked of this provider; with ``stream``, as one."""
        return operation in self.operations and (not stream or operation in self.streams)

    def bound(self, call: Call) -> Usage | None:
        """The most that ``call`` can use, where the vendor's rules say so; None leaves it to the core."""
        return None

    def probe(self) -> HttpRequest | None:
        """A free request that shows whether the vendor answers and takes the credential, for `check --live`."""
        return None


class Serves(ABC):
    """Optional: the provider answers within the process instead of over the network."""

    @abstractmethod
    async def serve(self, request: HttpRequest) -> Exchange:
        """Answer a request that this provider's own `request` made."""


class Fetches(ABC):
    """Optional: replies hold addresses that are good for a while, of files that callers want to have themselves.

    The core fetches them after the call was answered: without the vendor's credential, over https, each with a
    time-out, a cap on its size and at most two retries, from ``file_hosts`` only and never from a private address. What
    cannot be fetched stays an address. Nothing is made again for it, and the call costs what was made.
    """

    file_hosts: tuple[str, ...]
    """From the plugin's settings: exact names, or URLs of which scheme, host and port count."""

    @abstractmethod
    def files(self, call: Call, result: Result) -> Sequence[str]:
        """The addresses in ``result`` that the caller wants the contents of; none where he asked for addresses."""

    @abstractmethod
    def with_files(self, call: Call, result: Result, files: Mapping[str, HttpReply]) -> Result:
        """``result`` with the contents in place of the addresses; of an address that is not among ``files``, and of
        one whose contents are not what they should be, the address stays. Its usage is unchanged.
        """


class CountsTokens(ABC):
    """Optional: the vendor counts the tokens of a chat call beforehand, for nothing."""

    @abstractmethod
    def count_request(self, call: Call) -> HttpRequest:
        """The request that asks how many input tokens ``call`` has.

        Raises:
            BadRequest: the call holds what this provider cannot express.
        """

    @abstractmethod
    def count(self, call: Call, reply: HttpReply) -> int:
        """The input tokens that a whole 2xx reply states.

        Raises:
            UpstreamError: it is an error in disguise, or cannot be understood.
        """


class Credentials(ABC):
    """Optional: credentials that expire or sign (SigV4, OAuth).

    The core calls `obtain` early enough, once at a time, and once more where a reply `is_stale`.
    """

    @abstractmethod
    async def obtain(self, out: Outbound, now: datetime) -> Credential:
        """A fresh credential."""

    @abstractmethod
    def sign(
        self, request: HttpRequest, body_sha256: str, credential: Credential, now: datetime
    ) -> HttpRequest:
        """``request`` with the credential on it."""

    def is_stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Whether a reply with this status and these headers (lower-case names) says that a fresh credential might do
        better: it has expired or was withdrawn. The request is then sent once more, with another one.
        """
        return status == 401


@dataclass(frozen=True, slots=True)
class Credential:
    """What `Credentials.obtain` got: a value for `Credentials.sign`, good until ``expires_at`` (None: for ever)."""

    value: Secret
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProviderType:
    """A kind of provider, as ``use`` in `pixapi.toml` names it.

    ``evidence``: live (tested against a real server), recorded (against recorded traffic), documented. The
    hosts that the outbound port lets it reach are those of the URLs in its settings, defaults included.
    """

    name: str
    summary: str
    config: type[PluginConfig]
    build: Callable[[Any], Provider]
    evidence: Evidence
