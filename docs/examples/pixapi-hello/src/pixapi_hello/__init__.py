"""The provider `hello`: a made-up vendor whose API is like nobody else's.

``POST /speak`` takes ``{"model", "lines": [{"who", "says"}], "at_most", "live"}`` and answers ``{"says",
"why": "done" | "full", "heard", "said"}``, the last two in tokens. If ``live``, it sends one object a line:
``{"says"}`` for each word, at last ``{"why", "heard", "said"}``.

Nothing here touches a socket. Pixapi sends what `request` returns, and hands back the bytes that came.
"""

import msgspec

from pixapi import hookimpl
from pixapi import interfaces as pix
from pixapi.errors import BadRequest, UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.wire.openai_chat import read_chat_request
from pixapi.wire.openai_errors import read_error

PIXAPI_INTERFACE = 1  # the version of `pixapi.interfaces` that this was written for
_WHY: dict[str, pix.FinishReason] = {"done": "stop", "full": "length"}


class Config(pix.PluginConfig):
    """Settings of a provider with `use = "hello"`. Pixapi checks them, and prints these words in its docs."""

    api_key: pix.Secret
    """The key. It is revealed where it is used and nowhere else, so that it can rotate and never shows."""
    base_url: str = "https://api.hello.example"
    """Where the API lies."""


class Line(msgspec.Struct):
    """A whole reply, or a line of a stream."""

    says: str = ""
    why: str | None = None
    heard: int | None = None
    said: int | None = None

    def usage(self) -> pix.Usage:
        return pix.Usage(input=self.heard, output=self.said)  # None says unknown, which is not 0


def read_line(data: bytes) -> Line:
    """Raises UpstreamInvalid: a status of 200 does not make a reply."""
    try:
        line = msgspec.json.decode(data, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamInvalid("The provider of this model sent something that is no reply.") from None
    if not line.says and line.why is None:
        raise UpstreamInvalid("The provider of this model sent a reply that says nothing.")
    return line


class Hello(pix.Provider):
    """One configured upstream. It serves many calls at once and keeps nothing of any."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def request(self, call: pix.Call) -> pix.HttpRequest:
        asked = call.chat or read_chat_request(call.fields)  # any chat dialect, read into one model
        parts = [part for message in asked.messages for part in message.parts]
        if asked.n > 1 or asked.tools or not all(isinstance(part, pix.Text) for part in parts):
            raise BadRequest("this model answers text with text, once; it has no tools")
        lines = [{"who": m.role, "says": "".join(part.text for part in m.parts)} for m in asked.messages]
        body = {"model": call.model, "lines": lines, "at_most": call.output_cap, "live": call.stream}
        key = ("x-hello-key", self._config.api_key.reveal())
        url = f"{self._config.base_url}/speak"
        return pix.HttpRequest("POST", url, (key,), msgspec.json.encode(body))

    def result(self, call: pix.Call, reply: pix.HttpReply) -> pix.Result:
        line = read_line(reply.body)
        chat = pix.ChatReply([pix.Text(line.says)], _WHY.get(line.why or "", "stop"))
        return pix.Result(line.usage(), chat=chat)

    def decoder(self, call: pix.Call) -> pix.Decoder:
        return HelloDecoder()

    def error(self, reply: pix.HttpReply) -> UpstreamError:
        key = self._config.api_key.reveal().encode()  # vendors like to quote it
        return read_error(reply.status, reply.body.replace(key, b"[redacted]"), reply.headers)


class HelloDecoder(pix.Decoder):
    """Lines in, events out. The bytes come cut anywhere, even within a character."""

    def __init__(self) -> None:
        self._rest = b""
        self._over = False
        self._delivered_bytes = 0

    def feed(self, data: bytes) -> list[pix.Event]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [event for line in lines if line.strip() and not self._over for event in self._read(line)]

    def close(self) -> list[pix.Event]:
        return self._end(pix.Failed(UpstreamCut("The provider of this model broke off its reply.")))

    def delivered_output(self) -> int:  # what a caller pays for who leaves before the end
        return -(-self._delivered_bytes // 4)

    def _read(self, data: bytes) -> list[pix.Event]:
        try:
            line = read_line(data)
        except UpstreamError as error:
            return self._end(pix.Failed(error))
        if line.why is not None:
            finished = pix.Finished(_WHY.get(line.why, "stop"))
            return self._end(pix.UsageReport(line.usage()), finished, pix.Ended())
        self._delivered_bytes += len(line.says.encode())
        return [pix.TextDelta(line.says)]

    def _end(self, *events: pix.Event) -> list[pix.Event]:
        already, self._over = self._over, True
        return [] if already else list(events)


@hookimpl
def pixapi_register_providers() -> list[pix.ProviderType]:
    return [pix.ProviderType("hello", "A toy vendor with a dialect of its own", Config, Hello, "documented")]
