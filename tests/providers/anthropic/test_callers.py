"""What was recorded, for callers who speak the Messages API themselves: relayed, and written anew."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from pixapi.errors import BadRequest
from pixapi.interfaces import Call, ChatRequest, Ended, Event, Failed, HttpReply, Passage, Secret, UsageReport
from pixapi.wire.anthropic_dialect import AnthropicDialect
from pixapi.wire.anthropic_seal import NATIVE
from pixapi.wire.anthropic_stream import MessagesDecoder
from pixapi.wire.json import Fields, decode_fields
from pixapi_providers.anthropic import Anthropic, Config

DIALECT = AnthropicDialect()
SPLICED = "spliced-message-start"
"""A recording in which a second message begins amid the first."""
ONLY_THERE = (
    "a tool is of type 'advisor_",
    "a tool is of type 'code_execution_",
    "a tool is of type 'memory_",
    "a tool is of type 'tool_search_",
    "a tool is of type 'web_fetch_",
    "a tool is of type 'web_search_",
    "is of type 'compaction'",
    "is of type 'tool_addition'",
    "container is not offered",
    "mcp_servers is not offered",
)
"""What recorded clients asked for that only the vendor's own servers do; another upstream must refuse it."""


@pytest.fixture
def provider() -> Anthropic:
    return Anthropic(Config(api_key=Secret("sk-ant-test")))


@pytest.fixture
def call() -> Call:
    return Call("req_1", "chat", "anthropic", "alias", "claude-opus-5", {}, "msg_ours", 1, stream=True)


def play(provider: Anthropic, call: Call, *pieces: bytes) -> list[Event]:
    decoder = provider.decoder(call)
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def read(stream: bytes) -> list[Event]:
    decoder = MessagesDecoder(NATIVE, "call")
    return decoder.feed(stream) + decoder.close()


def joined(events: list[Event]) -> tuple[bytes, list[object]]:
    """The bytes for the caller, and the facts; errors compare by what they say."""
    sent = b"".join(event.data for event in events if isinstance(event, Passage))
    facts = [event for event in events if not isinstance(event, Passage)]
    return sent, [(type(f.error), f.error.message) if isinstance(f, Failed) else f for f in facts]


def data_of(stream: bytes) -> list[dict[str, Any]]:
    """The events' data, but for pings, which may fall away before an answer begins."""
    lines = stream.decode().splitlines()
    found = [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]
    return [event for event in found if event.get("type") != "ping"]


def facts(events: list[Event]) -> list[Event]:
    """Events with the last report of usage in the place of all."""
    reports = [event for event in events if isinstance(event, UsageReport)]
    return [*(event for event in events if not isinstance(event, UsageReport)), *reports[-1:]]


def test_a_relayed_stream_is_what_was_recorded(provider: Anthropic, call: Call, stream: Any) -> None:
    sent, found = joined(play(provider, call, stream.body))
    recorded = data_of(stream.body)
    if stream.name.startswith(SPLICED):
        assert isinstance(found[-1], tuple)
        return
    assert found[-1] == Ended()
    starts = [event["message"] for event in recorded if event["type"] == "message_start"]
    for message in starts:
        message.update(id="msg_ours", model="alias")
    if len(starts) == 2:
        recorded.remove(next(event for event in recorded if event["type"] == "message_start"))
    assert data_of(sent) == recorded
    assert facts(read(sent)) == facts(read(stream.body))
    assert [f for f in found if isinstance(f, UsageReport)][-1:] == facts(read(stream.body))[-1:]


@pytest.mark.sized(0, short=61, full=1009)
def test_trap_09_any_cut_relays_the_same_bytes(
    provider: Anthropic, call: Call, stream: Any, cuttings: Any
) -> None:
    """In the long form at every place of every stream; `cuttings` says how."""
    body = stream.body
    expected = joined(play(provider, call, body))
    for pieces in cuttings(body):
        assert joined(play(provider, call, *pieces)) == expected


def test_trap_07_a_relayed_stream_that_breaks_off_never_looks_finished(
    provider: Anthropic, call: Call, stream: Any
) -> None:
    body = stream.body
    for cut in random.Random(len(body)).sample(range(1, len(body)), 25):
        early = play(provider, call, body[:cut])
        assert isinstance(early[-1], Failed | Ended)
        if cut <= body.rindex(b'"message_stop"'):
            assert isinstance(early[-1], Failed)
            assert b"event: message_delta" not in joined(early)[0], "nothing looks finished"


def test_a_stream_written_anew_is_read_as_the_same(call: Call, stream: Any) -> None:
    events = [event for event in read(stream.body) if not isinstance(event, Failed)]
    encoder = DIALECT.encoder(call)
    written = b"".join(map(encoder.encode, events))
    again = [event for event in read(written) if not isinstance(event, Failed)]
    assert facts(again) == facts(events)


def test_a_whole_reply_relayed_and_written_anew(provider: Anthropic, call: Call, whole: Any) -> None:
    reply = HttpReply(200, {}, whole.body)
    relayed = provider.result(call, reply)
    assert json.loads(relayed.body or b"") == {**json.loads(whole.body), "id": "msg_ours", "model": "alias"}
    foreign = Call("req_1", "chat", "openai", "alias", "m", {}, "id", 1)
    result = provider.result(foreign, reply)
    assert result.chat is not None
    assert relayed.usage == result.usage
    written = DIALECT.reply(call, result.chat, result.usage)
    again = provider.result(foreign, HttpReply(200, {}, written))
    assert again.usage == result.usage
    assert again.chat is not None
    assert [part for part in again.chat.parts if type(part).__name__ != "Text"] == [
        part for part in result.chat.parts if type(part).__name__ != "Text"
    ]
    assert again.chat.finish_reason == result.chat.finish_reason
    assert again.chat.refusal == result.chat.refusal


def test_recorded_requests_go_on_as_they_came(provider: Anthropic, call: Call, asked: Any) -> None:
    fields = decode_fields(asked.body)
    said = json.loads(asked.body)
    call.fields, call.stream = fields, DIALECT.streams(fields)
    assert DIALECT.sizes(fields, 1000).input_bound > 0
    assert provider.request(call).url.endswith("/v1/messages")
    sent = json.loads(provider.request(call).body)
    changed = {"model": "claude-opus-5", "max_tokens": said.get("max_tokens", 4096)}
    refused_there = {"temperature", "top_p", "top_k"}
    expected = {name: value for name, value in said.items() if name not in refused_there} | changed
    if not call.stream:
        expected.pop("stream", None)
    assert sent == expected
    counted = provider.count_request(call)
    assert (counted.url, counted.paid) == ("https://api.anthropic.com/v1/messages/count_tokens", False)
    assert "max_tokens" not in json.loads(counted.body)


def test_recorded_requests_are_read_or_refused_with_a_sentence(asked: Any) -> None:
    request, refusal = read_or_refused(decode_fields(asked.body))
    if refusal is not None:
        assert any(words in refusal.message for words in ONLY_THERE), refusal.message
        assert refusal.param is not None
        return
    assert request is not None
    assert len(request.tools) == len(json.loads(asked.body).get("tools", []))
    assert request.messages
    assert set(request.extra) <= {"cache_control"}


def read_or_refused(fields: Fields) -> tuple[ChatRequest | None, BadRequest | None]:
    try:
        return DIALECT.read(fields), None
    except BadRequest as refusal:
        return None, refusal
