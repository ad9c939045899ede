"""The provider `hello`: a made-up vendor whose API is like nobody else's.

``POST /speak`` takes ``{"model", "lines": [{"who", "says"}], "at_most", "live"}`` and answers ``{"says",
"why": "done" | "full", "heard", "said"}``, the last two in tokens. If ``live``, it sends one object a line:
``{"says"}`` for each word, at last ``{"why", "heard", "said"}``.

Nothing here touches a socket. Pixapi sends what `request` returns, and hands back the bytes that came.
"""

from collections.abc import Iterator

import msgspec

from pixapi import adapters, hookimpl
from pixapi import interfaces as pix
from pixapi.errors import UpstreamError, UpstreamInvalid

PIXAPI_INTERFACE = 1  # the version of `pixapi.interfaces` that this was written for
_WHY: dict[str, pix.FinishReason] = {"done": "stop", "full": "length"}

_LACKS: tuple[adapters.Lack, ...] = ("tools", "images", "files", "schemas", "json", "stop")


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
    heard: adapters.Count | None = None  # a count below zero is none
    said: adapters.Count | None = None


class Hello(pix.Provider):
    """One configured upstream. It serves many calls at once and keeps nothing of any."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def request(self, call: pix.Call) -> pix.HttpRequest:
        asked = adapters.read_chat(call)  # whichever chat dialect the caller speaks, it is one model here
        adapters.refuse_unsayable(asked, *_LACKS)  # what is left is text
        texts = [[part.text for part in m.parts if isinstance(part, pix.Text)] for m in asked.messages]
        lines = [{"who": m.role, "says": "".join(t)} for m, t in zip(asked.messages, texts, strict=True)]
        body = {"model": call.model, "lines": lines, "at_most": call.output_cap, "live": call.stream}
        key = ("x-hello-key", self._config.api_key.reveal())
        url = f"{self._config.base_url.rstrip('/')}/speak"
        dropped = adapters.left_out(asked)  # a seed, say: no harm, but the caller is told
        return pix.HttpRequest("POST", url, (key,), msgspec.json.encode(body), dropped=dropped)

    def result(self, call: pix.Call, reply: pix.HttpReply) -> pix.Result:
        return adapters.chat_result(HelloDecoder().read(reply.body))  # it reads like a line of a stream

    def decoder(self, call: pix.Call) -> pix.Decoder:
        return HelloDecoder()

    def error(self, reply: pix.HttpReply) -> UpstreamError:
        return adapters.read_error(reply)  # vendors like to quote the key; the core takes it out


class HelloDecoder(adapters.LinesDecoder):
    """Lines in, events out. The bytes come cut anywhere; the base class puts the lines together."""

    def read(self, line: bytes) -> Iterator[pix.Event]:
        said = adapters.read_json(line, Line)  # UpstreamInvalid ends the stream, as any UpstreamError does
        if not said.says and said.why is None:
            raise UpstreamInvalid("The provider of this model sent a reply that says nothing.")
        if said.says:
            yield pix.TextDelta(said.says)
        if said.why is not None:
            if said.heard is not None and said.said is not None:  # else the core estimates
                yield pix.UsageReport(pix.Usage(input=said.heard, output=said.said))
            yield pix.Finished(_WHY.get(said.why, "stop"))
            yield pix.Ended()


@hookimpl
def pixapi_register_providers() -> list[pix.ProviderType]:
    return [pix.ProviderType("hello", "A toy vendor with a dialect of its own", Config, Hello, "documented")]
