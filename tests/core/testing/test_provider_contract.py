"""The contract suite passes what is sound, and finds each of many faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import pytest

from pixapi.adapters import left_out, refuse_unsayable
from pixapi.errors import UpstreamError, UpstreamInvalid
from pixapi.interfaces import (
    Call,
    ChatReply,
    ChatRequest,
    CountsTokens,
    Decoder,
    Ended,
    Event,
    Failed,
    Finished,
    HttpReply,
    HttpRequest,
    Passage,
    PluginConfig,
    Provider,
    ProviderType,
    Result,
    Secret,
    Text,
    TextDelta,
    Usage,
    UsageReport,
)
from pixapi.testing import Recorded
from pixapi.testing.contracts.provider import ProviderSuite
from pixapi.wire.openai_errors import read_error
from pixapi_providers.anthropic import pixapi_register_providers

KEY = "a-key-for-tests"
TICKS = count()
WHOLE = Recorded(
    "whole", b'{"says":"hi you"}', text="hi you", finish_reason="stop", usage=Usage(input=1, output=2)
)
STREAM = Recorded(
    "stream", b'"hi"\n" you"\n"."\n', is_stream=True, text="hi you", finish_reason="stop", usage=Usage(input=1, output=2)
)  # fmt: skip


class Config(PluginConfig):
    """Settings of a small sound provider."""

    api_key: Secret
    """The key."""


class Said(msgspec.Struct):
    says: str


class Sound(Provider):
    """Lines of JSON strings; a lone full stop ends them. The faulty ones below each break one promise."""

    decodes: type[SoundDecoder]

    def __init__(self, config: Config) -> None:
        self.config = config
        self.decodes = SoundDecoder

    def request(self, call: Call) -> HttpRequest:
        assert call.chat is not None  # another dialect than the caller's: the core has read it
        refuse_unsayable(call.chat, "tools", "images", "files", "schemas", "stop")
        parts = [part for message in call.chat.messages for part in message.parts]
        messages = [part.text for part in parts if isinstance(part, Text)]
        body = {"model": call.model, "messages": messages, "cap": call.output_cap, "live": call.stream}
        key = ("x-key", self.config.api_key.reveal())
        url, dropped = "https://vendor.example/chat", left_out(call.chat)
        return HttpRequest("POST", url, (key,), msgspec.json.encode(body), dropped=dropped)

    def result(self, call: Call, reply: HttpReply) -> Result:
        try:
            said = msgspec.json.decode(reply.body, type=Said)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamInvalid("no reply") from None
        return Result(Usage(input=1, output=2), chat=ChatReply([Text(said.says)], "stop"))

    def decoder(self, call: Call) -> Decoder:
        return self.decodes()

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_error(reply.status, reply.body, reply.headers)


class SoundDecoder(Decoder):
    """Reads the lines."""

    def __init__(self) -> None:
        self.rest = b""
        self.over = False
        self.said = 0

    def feed(self, data: bytes) -> list[Event]:
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [event for line in lines if not self.over for event in self.read(line)]

    def read(self, line: bytes) -> list[Event]:
        try:
            word = msgspec.json.decode(line, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.over = True
            return [Failed(UpstreamInvalid("no stream"))]
        if word != ".":
            self.said += len(word)
            return [TextDelta(word)] if word else []
        self.over = True
        return [UsageReport(Usage(input=1, output=2)), Finished("stop"), Ended()]

    def close(self) -> list[Event]:
        from pixapi.errors import UpstreamCut

        return [] if self.over else [Failed(UpstreamCut("cut"))]

    def delivered_output(self) -> int:
        return -(-self.said // 4)


def suite(
    built: type[Provider] = Sound, *, config: type[PluginConfig] = Config, **changed: Any
) -> ProviderSuite:
    about: dict[str, Any] = {"name": "sound", "summary": "Sound", "evidence": "documented", **changed}
    kind = ProviderType(config=config, build=built, **about)
    return ProviderSuite(kind, {"api_key": KEY}, (WHOLE, STREAM))


def broken(tried: ProviderSuite) -> set[str]:
    """The promises that are not kept, without what they were tried on."""
    found = set()
    for promise in tried.promises():
        try:
            promise.keep()
        except Exception:
            found.add(promise.name.partition("[")[0])
    return found


def test_a_sound_provider_keeps_every_promise() -> None:
    assert broken(suite()) == set()


def test_the_shipped_one_keeps_every_promise() -> None:
    (kind,) = pixapi_register_providers()
    assert broken(ProviderSuite(kind, {"api_key": "sk-ant-secret"}, ())) == set()


def request_with(change: Callable[[HttpRequest, Call], dict[str, Any]]) -> type[Provider]:
    """A provider whose requests are changed."""

    class Changed(Sound):
        def request(self, call: Call) -> HttpRequest:
            request = super().request(call)
            fields = {
                name: getattr(request, name)
                for name in ("method", "url", "headers", "body", "paid", "dropped")
            }
            return HttpRequest(**fields | change(request, call))

    return Changed


def raw(call: Call, **more: Any) -> bytes:
    return msgspec.json.encode({"model": call.model, "cap": call.output_cap, "live": call.stream, **more})


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        (lambda r, c: {"url": "/chat"}, "a-request-is-addressed"),
        (lambda r, c: {"headers": (*r.headers, ("X-Key", "b"))}, "a-request-is-addressed"),
        (lambda r, c: {"headers": (("x", "a\r\nb: c"),)}, "a-request-is-addressed"),
        (lambda r, c: {"paid": True}, "a-request-is-addressed"),
        (lambda r, c: {"body": raw(c, at=next(TICKS))}, "a-request-is-pure"),
        (lambda r, c: {"body": raw(c, model=c.alias)}, "a-request-names-the-routes-model"),
        (lambda r, c: {"headers": (("x-model", c.alias),)}, "a-request-names-the-routes-model"),
        (lambda r, c: {"url": f"{r.url}?key={KEY}"}, "a-request-keeps-its-key-in-headers"),
        (lambda r, c: {"body": raw(c, key=KEY)}, "a-request-keeps-its-key-in-headers"),
        (lambda r, c: {"body": raw(c, cap=4096)}, "the-cap-on-output-is-kept"),
        (lambda r, c: {"body": raw(c, old=int(bytes(c.fields.get("max_tokens", b"0")) or b"0"))}, "the-cap-on-output-is-kept"),
        (lambda r, c: {"body": raw(c, live=True)}, "a-stream-is-asked-for"),
        (lambda r, c: {"body": c.fields["messages"][0]}, "only-bad-requests-are-refused"),
    ],
)  # fmt: skip
def test_a_faulty_request_is_found(change: Any, promise: str) -> None:
    assert promise in broken(suite(request_with(change)))


class Shows(Sound):
    """Keeps the key in the open."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.key = config.api_key.reveal()


class Believes(Sound):
    """Takes any 200 for an answer."""

    def result(self, call: Call, reply: HttpReply) -> Result:
        return Result(None, chat=ChatReply([Text(reply.body.decode(errors="replace"))], "stop"))


class Relays(Sound):
    """Passes the vendor's words on."""

    def error(self, reply: HttpReply) -> UpstreamError:
        return UpstreamError(reply.body.decode(errors="replace"), upstream_status=reply.status)


class Raises(Sound):
    """Lets errors of its own out."""

    def result(self, call: Call, reply: HttpReply) -> Result:
        return Result(None, chat=ChatReply([Text(msgspec.json.decode(reply.body)["says"])], "stop"))


class Unravels(Sound):
    """Believes that what `msgspec.Raw` holds is text."""

    def result(self, call: Call, reply: HttpReply) -> Result:
        try:
            said = msgspec.json.decode(reply.body, type=dict[str, msgspec.Raw])["says"]
        except (msgspec.DecodeError, KeyError, RecursionError):
            raise UpstreamInvalid("no reply") from None
        return Result(Usage(), chat=ChatReply([Text(bytes(said).decode())], "stop"))


class Owes(Sound):
    """Reports what it is told, below zero too."""

    def result(self, call: Call, reply: HttpReply) -> Result:
        super().result(call, reply)
        try:
            used = msgspec.json.decode(reply.body, type=dict[str, Any]).get("used")
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UpstreamInvalid("no reply") from None
        return Result(Usage(input=used if isinstance(used, int) else 0), chat=ChatReply([Text("hi")], "stop"))


class Shouts(Sound):
    """Says an error in letters that the core does not know the key by."""

    def result(self, call: Call, reply: HttpReply) -> Result:
        if b"error" in reply.body:
            raise UpstreamError(reply.body.decode(errors="replace").upper())
        return super().result(call, reply)

    def error(self, reply: HttpReply) -> UpstreamError:
        error = super().error(reply)
        error.message = error.message.upper()
        return error


class Spells(Sound):
    """Says the key letter by letter, where the core does not look."""

    def error(self, reply: HttpReply) -> UpstreamError:
        error = super().error(reply)
        error.details = {"said": "-".join(reply.body.decode(errors="replace"))}
        return error


class Obliges(Sound):
    """Says tools, and nothing of how they are to be used; drops without a word."""

    def request(self, call: Call) -> HttpRequest:
        assert call.chat is not None
        said = raw(call, messages=call.chat.messages, tools=call.chat.tools)
        return HttpRequest("POST", "https://vendor.example/chat", (), said)


class Counts(Sound, CountsTokens):
    """Counts, for money, whatever it is told."""

    def count_request(self, call: Call) -> HttpRequest:
        return replace(self.request(call), paid=True)

    def count(self, call: Call, reply: HttpReply) -> int:
        return len(reply.body)


class Neglects(Sound):
    """Reads the body of a caller whose dialect is not its own."""

    def request(self, call: Call) -> HttpRequest:
        request = super().request(call)
        return replace(request, body=raw(call, all=call.fields))


class Drops(Sound):
    """Leaves out what it has no word for."""

    def request(self, call: Call) -> HttpRequest:
        assert call.chat is not None
        return super().request(msgspec.structs.replace(call, chat=ChatRequest(call.chat.messages[:1])))


class Trusts(Sound):
    """Reads what the caller sent without end."""

    def request(self, call: Call) -> HttpRequest:
        for value in call.fields.values():
            msgspec.json.decode(value)
        return super().request(call)


class Overreaches(Sound):
    """Sends its own words to callers of another dialect."""

    def result(self, call: Call, reply: HttpReply) -> Result:
        super().result(call, reply)
        said = {
            "id": call.reply_id,
            "model": call.alias,
            "choices": [{"message": {}, "finish_reason": "stop"}],
        }
        return Result(Usage(input=1, output=2), body=msgspec.json.encode(said))


class Quotes(SoundDecoder):
    """Takes an error for a piece of the answer."""

    def read(self, line: bytes) -> list[Event]:
        if b"error" in line:
            return [TextDelta(line.decode(errors="replace"))]
        return super().read(line)


class Leaks(SoundDecoder):
    """Passes bytes on to callers of another dialect."""

    def read(self, line: bytes) -> list[Event]:
        return [Passage(b"data: {}\n\n"), *super().read(line)]


class Hopes(SoundDecoder):
    """Takes the end of the bytes for the end of the answer."""

    def close(self) -> list[Event]:
        return [] if self.over else [Finished("stop"), Ended()]


class Forgets(SoundDecoder):
    """Takes each read for whole lines."""

    def feed(self, data: bytes) -> list[Event]:
        return [event for line in data.split(b"\n") if line and not self.over for event in self.read(line)]


class Babbles(SoundDecoder):
    """Goes on after the end."""

    def feed(self, data: bytes) -> list[Event]:
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [event for line in lines for event in self.read(line)]


class Breaks(SoundDecoder):
    """Raises for bad input."""

    def read(self, line: bytes) -> list[Event]:
        msgspec.json.decode(line, type=str)
        return super().read(line)


class Expects(SoundDecoder):
    """Relies on lines that came before."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[bytes] = []

    def read(self, line: bytes) -> list[Event]:
        self.words.append(line)
        if line == b'"."':
            assert self.words[2]
        return super().read(line)


class Loses(SoundDecoder):
    """Does not count what it passed on."""

    def delivered_output(self) -> int:
        return 0


class Mixes(SoundDecoder):
    """Shares what it remembers."""

    remembered: list[bytes] = []

    def feed(self, data: bytes) -> list[Event]:
        *lines, rest = (b"".join(self.remembered) + data).split(b"\n")
        self.remembered[:] = [rest]
        return [event for line in lines if not self.over for event in self.read(line)]


def decoding(decoder: type[SoundDecoder]) -> type[Provider]:
    class Decoding(Sound):
        def __init__(self, config: Config) -> None:
            super().__init__(config)
            self.decodes = decoder

    return Decoding


@pytest.mark.parametrize(
    ("built", "promises"),
    [
        (Shows, {"secrets-stay-hidden"}),
        (Believes, {"a-disguise-is-an-error", "noise-is-an-error", "a-reply-says-what-it-says"}),
        (Raises, {"a-disguise-is-an-error", "noise-is-an-error", "a-reply-says-what-it-says"}),
        (Raises, {"a-damaged-reply-is-an-error-or-an-answer"}),
        (Unravels, {"a-damaged-reply-is-an-error-or-an-answer"}),
        (Obliges, {"a-choice-of-tools-is-kept", "what-is-dropped-is-named"}),
        (Relays, {"an-error-has-its-kind", "an-error-passes-on-no-page", "a-busy-server-is-believed"}),
        (Shouts, {"an-error-passes-on-no-key"}),
        (Spells, {"an-error-passes-on-no-key"}),
        (Counts, {"a-count-is-free", "a-count-is-one"}),
        (Neglects, {"a-caller-of-any-dialect-is-served"}),
        (Drops, {"nothing-is-left-out-in-silence"}),
        (Trusts, {"a-deep-hole-is-no-trap"}),
        (Overreaches, {"a-reply-says-what-it-says"}),
        (decoding(Quotes), {"a-stream-passes-on-no-key"}),
        (decoding(Leaks), {"a-stream-says-what-it-says"}),
        (decoding(Hopes), {"no-stream-is-an-error"}),
        (decoding(Forgets), {"any-cut-gives-the-same-events"}),
        (decoding(Babbles), {"noise-never-raises"}),
        (decoding(Breaks), {"no-stream-is-an-error", "noise-never-raises"}),
        (decoding(Breaks), {"a-damaged-stream-never-raises"}),
        (decoding(Expects), {"a-damaged-stream-never-raises"}),
        (decoding(Loses), {"what-was-passed-on-is-counted"}),
        (decoding(Mixes), {"streams-are-apart"}),
    ],
)  # fmt: skip
def test_a_faulty_provider_is_found(built: type[Provider], promises: set[str]) -> None:
    Mixes.remembered.clear()
    assert promises <= broken(suite(built))


USED = Recorded("used", b'{"says":"hi","used":3}', usage=Usage(input=3))
AN_ERROR = Recorded("an error", b'{"error":"the key is bad"}', error=UpstreamError)
STATUS = Recorded("a status", b'{"detail":"the key is bad"}', status=401, error=UpstreamError)


@pytest.mark.parametrize(
    ("built", "recorded", "promises"),
    [
        (Owes, USED, {"a-damaged-reply-is-an-error-or-an-answer"}),
        (Shouts, AN_ERROR, {"a-recorded-error-passes-on-no-key"}),
        (Spells, STATUS, {"a-recorded-error-passes-on-no-key"}),
        (Sound, AN_ERROR, set()),
        (Sound, STATUS, set()),
    ],
)
def test_what_a_provider_makes_of_a_recorded_answer_is_tried(
    built: type[Provider], recorded: Recorded, promises: set[str]
) -> None:
    kind = ProviderType("sound", "Sound", Config, built, "documented")
    found = broken(ProviderSuite(kind, {"api_key": KEY}, (recorded,)))
    assert promises <= found
    assert promises or not found


class Bare(PluginConfig):
    """Settings without words."""

    api_key: Secret


class Open(PluginConfig, extra="allow"):
    """Settings that take anything."""

    api_key: Secret
    """The key."""


@pytest.mark.parametrize(
    ("changed", "promise"),
    [
        ({"config": Bare}, "config-is-documented"),
        ({"config": Open}, "config-is-documented"),
        ({"name": "Not a name"}, "it-is-named-and-described"),
        ({"summary": " "}, "it-is-named-and-described"),
        ({"evidence": "hearsay"}, "it-is-named-and-described"),
    ],
)
def test_a_faulty_description_is_found(changed: dict[str, Any], promise: str) -> None:
    assert broken(suite(**changed)) == {promise}


@pytest.mark.parametrize(
    "recorded",
    [
        Recorded("r", WHOLE.body, text="something else"),
        Recorded("r", WHOLE.body, reasoning="something thought"),
        Recorded("r", WHOLE.body, finish_reason="length"),
        Recorded("r", WHOLE.body, tool_calls=(("f", {}),)),
        Recorded("r", WHOLE.body, usage=Usage(input=9)),
        Recorded("r", WHOLE.body, error=UpstreamInvalid),
        Recorded("r", STREAM.body, is_stream=True, text="something else"),
        Recorded("r", STREAM.body, is_stream=True, usage=Usage(input=9)),
        Recorded("r", STREAM.body, is_stream=True, error=UpstreamInvalid),
        Recorded("r", STREAM.body[:-4], is_stream=True),
        Recorded("r", b"{}", status=400, error=UpstreamInvalid),
    ],
)
def test_what_was_recorded_is_compared(recorded: Recorded) -> None:
    kind = ProviderType("sound", "Sound", Config, Sound, "documented")
    assert broken(ProviderSuite(kind, {"api_key": KEY}, (recorded,)))


def test_a_wrong_usage_is_told_by_what_is_known_of_it() -> None:
    kind = ProviderType("sound", "Sound", Config, Sound, "documented")
    wrong = Recorded("r", WHOLE.body, usage=Usage(output=9))
    (kept,) = (
        p
        for p in ProviderSuite(kind, {"api_key": KEY}, (wrong,)).promises()
        if p.name == "a-reply-says-what-it-says[r]"
    )
    with pytest.raises(AssertionError) as caught:
        kept.keep()
    assert str(caught.value) == "usage is Usage(input=1, output=2); Usage(output=9) was recorded"


def test_settings_that_do_not_fit_are_named_without_their_values() -> None:
    kind = ProviderType("sound", "Sound", Config, Sound, "documented")
    with pytest.raises(AssertionError) as caught:
        ProviderSuite(kind, {"api_kee": "hidden"}, ())
    assert "api_kee" in str(caught.value)
    assert "hidden" not in str(caught.value)
