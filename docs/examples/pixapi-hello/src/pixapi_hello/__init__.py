"""The provider `hello`: a made-up vendor whose API is like nobody else's.

``POST /speak`` takes ``{"model", "lines": [{"who", "says"}], "at_most", "live"}`` and answers ``{"says",
"why": "done" | "full", "spent": {"heard", "said"}}``; with ``"live": true`` it sends one JSON object a line,
``{"says"}`` for each word and at last ``{"why", "spent"}``. Errors are ``{"error": {"message"}}``.

Nothing here touches a socket. Pixapi sends what `request` returns, and hands back the bytes that came.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pixapi import hookimpl
from pixapi.errors import BadRequest, UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces import (
    Call, ChatReply, Decoder, Ended, Event, Failed, Finished, FinishReason, HttpReply, HttpRequest, PluginConfig,
    Provider, ProviderType, Result, Secret, Text, TextDelta, Usage, UsageReport,
)  # fmt: skip
from pixapi.wire.openai_chat import read_chat_request
from pixapi.wire.openai_errors import read_error

PIXAPI_INTERFACE = 1  # the version of `pixapi.interfaces` that this was written for
_WHY: dict[str, FinishReason] = {"done": "stop", "full": "length"}


class Config(PluginConfig):
    """Settings of a provider with `use = "hello"`. Pixapi checks them, and prints these words in its docs."""

    api_key: Secret
    """The key. It is revealed where it is used and nowhere else, so that it can rotate and never shows."""
    base_url: str = "https://api.hello.example"
    """Where the API lies."""


class Spent(msgspec.Struct):
    heard: int
    said: int


class Line(msgspec.Struct):
    """A whole reply, or a line of a stream. What is of another type does not decode."""

    says: str = ""
    why: str | None = None
    spent: Spent | None = None

    def usage(self) -> Usage | None:
        return Usage(input=self.spent.heard, output=self.spent.said) if self.spent else None  # None: unknown


def read_line(data: bytes) -> Line:
    """Raises UpstreamInvalid: a status of 200 does not make a reply."""
    try:
        line = msgspec.json.decode(data, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamInvalid("The provider of this model sent something that is no reply.") from None
    if not line.says and line.why is None:
        raise UpstreamInvalid("The provider of this model sent a reply that says nothing.")
    return line


class Hello(Provider):
    """One configured upstream. It serves many calls at once and keeps nothing of any."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def request(self, call: Call) -> HttpRequest:
        asked = read_chat_request(call.fields)  # any chat dialect, read into one model
        parts = [part for message in asked.messages for part in message.parts]
        if asked.n > 1 or asked.tools or not all(isinstance(part, Text) for part in parts):
            raise BadRequest("this model answers text with text, once; it has no tools")
        lines = [{"who": m.role, "says": "".join(part.text for part in m.parts)} for m in asked.messages]
        body = {"model": call.model, "lines": lines, "at_most": call.output_cap, "live": call.stream}
        headers = (("x-hello-key", self._config.api_key.reveal()), ("content-type", "application/json"))
        url = f"{self._config.base_url}/speak"
        return HttpRequest("POST", url, headers, msgspec.json.encode(body), paid=True)

    def result(self, call: Call, reply: HttpReply) -> Result:
        line = read_line(reply.body)
        return Result(line.usage(), chat=ChatReply([Text(line.says)], _WHY.get(line.why or "", "stop")))

    def decoder(self, call: Call) -> Decoder:
        return HelloDecoder()

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_error(reply.status, reply.body, reply.headers)  # by status, and by what it says


class HelloDecoder(Decoder):
    """Lines in, events out. The bytes come cut anywhere, even within a character."""

    def __init__(self) -> None:
        self._rest = b""
        self._over = False
        self._delivered_bytes = 0

    def feed(self, data: bytes) -> list[Event]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [event for line in lines if line.strip() for event in self._read(line)]

    def close(self) -> list[Event]:
        return self._fail(UpstreamCut("The provider of this model broke off its reply."))

    def delivered_output(self) -> int:  # what a caller pays for who leaves before the end
        return -(-self._delivered_bytes // 4)

    def _read(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        try:
            line = read_line(data)
        except UpstreamError as error:
            return self._fail(error)
        if line.why is None:
            self._delivered_bytes += len(line.says.encode())
            return [TextDelta(line.says)]
        self._over = True
        reports = [UsageReport(usage)] if (usage := line.usage()) else []
        return [*reports, Finished(_WHY.get(line.why, "stop")), Ended()]

    def _fail(self, error: UpstreamError) -> list[Event]:
        events: list[Event] = [] if self._over else [Failed(error)]
        self._over = True
        return events


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    return [ProviderType("hello", "A toy vendor with a dialect of its own", Config, Hello, "documented")]
