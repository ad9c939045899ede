"""What servers of OpenAI's dialect answered, for callers of another: recorded, written anew, and read again."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import msgspec

from pixapi.errors import UpstreamError
from pixapi.interfaces import (
    Call,
    ChatRequest,
    Ended,
    Event,
    Failed,
    Finished,
    HttpReply,
    Message,
    Passage,
    ReasoningDelta,
    RefusalDelta,
    Result,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageReport,
)
from pixapi.wire.anthropic_dialect import AnthropicDialect
from pixapi.wire.anthropic_reply import read_reply
from pixapi.wire.anthropic_stream import MessagesDecoder
from pixapi_providers.openai_compatible import Config, build

DIALECT = AnthropicDialect()


def call_of(recording: Any) -> Call:
    chat = ChatRequest([Message("user", [Text("hi")])])
    return Call(
        "req_1", "chat", "anthropic", "alias", "m", {}, "msg_1", 1, stream=recording.is_stream, chat=chat
    )


def provider_of(recording: Any) -> Any:
    return build(Config(vendor=recording.vendor, base_url="http://127.0.0.1/v1"))


def summary(events: list[Event]) -> list[object]:
    """Pieces of one kind joined, tool calls put together, the last usage at the end."""
    joined: list[object] = []
    calls: dict[int, list[str]] = {}
    shown = [e for e in events if not isinstance(e, UsageReport | ToolCallDelta)]
    for kind, group in groupby(shown, key=type):
        pieces: list[Any] = list(group)
        text = (
            "".join(piece.text for piece in pieces)
            if kind in (TextDelta, ReasoningDelta, RefusalDelta)
            else pieces
        )
        joined.append((kind, text))
    for event in events:
        if isinstance(event, ToolCallDelta):
            call = calls.setdefault(event.index, ["", "", ""])
            for at, piece in enumerate((event.id, event.name, event.arguments)):
                call[at] += piece or ""
    return [*joined, list(calls.values())]


def test_a_stream_is_read_as_the_same_by_callers_of_the_messages_api(stream: Any) -> None:
    call = call_of(stream)
    decoder = provider_of(stream).decoder(call)
    events = decoder.feed(stream.body) + decoder.close()
    assert not any(isinstance(event, Passage) for event in events)
    assert isinstance(events[-1], Ended | Failed)
    encoder = DIALECT.encoder(call)
    reader = MessagesDecoder("anthropic", "call")
    again = reader.feed(b"".join(map(encoder.encode, events))) + reader.close()
    if isinstance(events[-1], Failed):
        assert isinstance(again[-1], Failed)
        return
    if any(isinstance(event, RefusalDelta) for event in events):
        events = [Finished("content_filter") if isinstance(event, Finished) else event for event in events]
    assert summary(again) == summary(events)
    reported, read = ([e.usage for e in found if isinstance(e, UsageReport)] for found in (events, again))
    if reported:
        said = reported[-1]
        assert read[-1].total_input() == said.total_input()
        assert read[-1].total_output() == said.total_output()
        assert (read[-1].cached_input or 0) == (said.cached_input or 0)


def test_a_whole_reply_is_read_as_the_same_by_callers_of_the_messages_api(whole: Any) -> None:
    call = call_of(whole)
    provider = provider_of(whole)
    reply = HttpReply(whole.status, dict(whole.headers), whole.body)
    relayed, refusal = answer(provider, msgspec.structs.replace(call, dialect="openai"), reply)
    result, same = answer(provider, call, reply)
    assert (type(same), str(same)) == (type(refusal), str(refusal))
    if result is None or relayed is None:
        return
    assert (result.body, result.usage) == (None, relayed.usage)
    assert result.chat is not None
    again = read_reply(DIALECT.reply(call, result.chat, result.usage), "anthropic").chat
    assert again is not None
    for kind in (Text, ToolCall):
        assert [p for p in again.parts if isinstance(p, kind)] == [
            p for p in result.chat.parts if isinstance(p, kind)
        ]
    assert again.refusal == result.chat.refusal
    assert again.finish_reason == ("content_filter" if again.refusal else result.chat.finish_reason)


def answer(provider: Any, call: Call, reply: HttpReply) -> tuple[Result | None, UpstreamError | None]:
    try:
        return provider.result(call, reply), None
    except UpstreamError as error:
        return None, error
