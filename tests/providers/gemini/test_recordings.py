"""What was recorded is read as the recording itself states it."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest

from pixapi.config.settings import Model
from pixapi.errors import BadRequest, UpstreamBusy, UpstreamCut, UpstreamError, UpstreamRejected
from pixapi.interfaces import (
    Call,
    Decoder,
    Ended,
    Event,
    Failed,
    Finished,
    HttpReply,
    Passage,
    Reasoning,
    ReasoningDelta,
    Secret,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from pixapi.wire.gemini_dialect import GeminiDialect
from pixapi.wire.gemini_stream import GeminiDecoder
from pixapi.wire.openai_chat import read_chat_request
from pixapi.wire.openai_reply import encode_chat_reply
from pixapi_providers.gemini import Config, Gemini
from pixapi_providers.vertex import Config as VertexConfig
from pixapi_providers.vertex import Vertex

DIALECT = GeminiDialect()


@pytest.fixture
def provider() -> Gemini:
    return Gemini(Config(api_key=Secret("a-key-of-the-operator")))


def call_of(dialect: Any = "openai", *, framing: Any = "sse", **fields: Any) -> Call:
    said = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in fields.items()}
    return Call("req_1", "chat", dialect, "alias", "gemini-3-pro", said, "reply_1", 1, True, framing=framing)


# What a recording says, read independently of the codec


def usage_of(said: dict[str, Any]) -> Usage:
    """Google leaves zeros out; all counts are there in the total."""
    prompt, cached, tools = (
        said.get(name) for name in ("promptTokenCount", "cachedContentTokenCount", "toolUsePromptTokenCount")
    )
    return Usage(
        input=prompt - (cached or 0) + (tools or 0),
        cached_input=cached,
        output=said.get("candidatesTokenCount", 0),
        reasoning=said.get("thoughtsTokenCount"),
    )


def parts_of(replies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        part
        for reply in replies
        for candidate in reply.get("candidates", [])
        for part in candidate.get("content", {}).get("parts", [])
    ]


def text_of(parts: list[dict[str, Any]]) -> str:
    return "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))


def calls_of(parts: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Names and arguments; those in pieces are put together for the paths that occur in the recordings."""
    found: list[tuple[str, Any]] = []
    for part in parts:
        call = part.get("functionCall")
        if call is None:
            continue
        if "name" in call:
            found.append((call["name"], call.get("args", {})))
        for piece in call.get("partialArgs", []):
            _put(found[-1][1], piece["jsonPath"].removeprefix("$."), piece)
    return found


def _put(holder: Any, path: str, piece: dict[str, Any]) -> None:
    *way, last = [int(s) if s.isdigit() else s for s in path.replace("[", ".").replace("]", "").split(".")]
    for step, following in zip(way, [*way[1:], last]):
        inner: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if step == len(holder):
                holder.append(inner)
            holder = holder[step]
        else:
            holder = holder.setdefault(step, inner)
    if isinstance(last, int) and last == len(holder):
        holder.append("")
    if "stringValue" in piece:
        old = holder[last] if isinstance(last, int) else holder.get(last, "")
        holder[last] = old + piece["stringValue"]
    else:
        holder[last] = piece["numberValue"]


def signatures_of(parts: list[dict[str, Any]]) -> list[str]:
    """Those on text and calls; what Google's own tools did is left out."""
    own = ("executableCode", "toolCall", "toolResponse", "codeExecutionResult")
    return [
        f"gemini:{part['thoughtSignature']}"
        for part in parts
        if "thoughtSignature" in part and not any(name in part for name in own)
    ]


def reason_of(replies: list[dict[str, Any]]) -> str:
    said = [c["finishReason"] for r in replies for c in r.get("candidates", []) if "finishReason" in c][-1]
    if said != "STOP":
        return {"MAX_TOKENS": "length"}[said]
    return "tool_calls" if calls_of(parts_of(replies)) else "stop"


# Reading


def play(decoder: Decoder, *pieces: bytes) -> list[Event]:
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def decoder() -> GeminiDecoder:
    return GeminiDecoder("gemini", "reply_1")


def comparable(events: list[Event]) -> list[object]:
    """Errors compare by what they say."""
    return [(type(e.error), e.error.message) if isinstance(e, Failed) else e for e in events]


def tools_of(events: list[Event]) -> list[tuple[str | None, Any]]:
    tools: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            if event.index not in tools:
                assert event.index == len(tools)
                assert event.id
                tools[event.index] = [event.name, ""]
            tools[event.index][1] += event.arguments
    return [(name, json.loads(arguments)) for name, arguments in tools.values()]


def test_a_whole_reply_says_what_was_recorded(provider: Gemini, whole: Any) -> None:
    (said,) = replies = whole.replies()
    parts = parts_of(replies)
    result = provider.result(call_of(), HttpReply(200, {}, whole.body))
    reply = result.chat
    assert reply is not None
    assert "".join(part.text for part in reply.parts if isinstance(part, Text)) == text_of(parts)
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == calls_of(parts)
    stated = [part["functionCall"].get("id") for part in parts if "functionCall" in part]
    assert all(call.id == said_id or said_id is None for call, said_id in zip(calls, stated))
    assert [p.signature for p in reply.parts if isinstance(p, Reasoning) and p.signature] == signatures_of(
        parts
    )
    assert reply.finish_reason == reason_of(replies)
    assert result.usage == usage_of(said["usageMetadata"])


def test_a_stream_says_what_was_recorded(stream: Any) -> None:
    replies = stream.replies()
    parts = parts_of(replies)
    events = play(decoder(), stream.body)
    assert events[-1] == Ended()
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == text_of(parts)
    thoughts = "".join(part["text"] for part in parts if part.get("thought"))
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == thoughts
    signatures = [e.signature for e in events if isinstance(e, ReasoningDelta) and e.signature]
    assert signatures == signatures_of(parts)
    assert tools_of(events) == calls_of(parts)
    assert [e.reason for e in events if isinstance(e, Finished)] == [reason_of(replies)]
    reports = [e.usage for e in events if isinstance(e, UsageReport)]
    assert reports[-1] == usage_of(replies[-1]["usageMetadata"])


@pytest.mark.sized(0, short=61, full=1009)
def test_trap_09_any_cut_gives_the_same_events(stream: Any, cuttings: Any) -> None:
    """In the long form at every place of every stream; `cuttings` says how."""
    expected = comparable(play(decoder(), stream.body))
    for pieces in cuttings(stream.body):
        assert comparable(play(decoder(), *pieces)) == expected
    with_lf = stream.body.replace(b"\r\n", b"\n")
    assert comparable(play(decoder(), with_lf)) == expected


@pytest.mark.sized(0, short=61, full=1009)
def test_the_framing_as_one_array_gives_the_same_events(stream: Any, cuttings: Any) -> None:
    """Without `alt=sse` Google sends the events as elements of a list, indented over many lines. In the long form it is
    cut at every place, too.
    """
    array = json.dumps(stream.replies(), indent=2, ensure_ascii=False).encode()
    expected = comparable(play(decoder(), stream.body))
    assert comparable(play(decoder(), array)) == expected
    for pieces in cuttings(array):
        assert comparable(play(decoder(), *pieces)) == expected
    assert isinstance(play(decoder(), array[:-2])[-1], Failed)


def test_trap_07_a_stream_that_breaks_off_never_looks_finished(stream: Any) -> None:
    end = stream.body.rindex(b'"finishReason"')
    dice = random.Random(len(stream.body))
    for cut in {0, 1, end, *dice.sample(range(2, end), min(end - 2, 20))}:
        events = play(decoder(), stream.body[:cut])
        failed = events[-1]
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, UpstreamCut)
        assert not any(isinstance(event, Finished | Ended) for event in events)


def test_a_recorded_refusal_means_what_it_says(provider: Gemini, refused: Any) -> None:
    (said,) = refused.replies()
    error = provider.error(HttpReply(refused.status, {}, refused.body))
    assert (error.upstream_status, error.upstream_code) == (refused.status, said["error"]["status"])
    if refused.status == 404:
        assert isinstance(error, UpstreamRejected)
        assert (error.code, error.message) == ("model_not_found", said["error"]["message"])
    else:
        assert isinstance(error, UpstreamBusy)
        assert error.retry_after_s == 34.4


# Writing, and reading again


def merged(events: list[Event]) -> list[object]:
    """Events without how their text was cut; the last usage at the end."""
    same: list[Any] = []
    for event in events:
        last = same[-1] if same else None
        if isinstance(event, TextDelta) and isinstance(last, TextDelta):
            same[-1] = TextDelta(last.text + event.text)
        elif isinstance(event, ToolCallDelta) and isinstance(last, ToolCallDelta) and event.id is None:
            same[-1] = msgspec.structs.replace(last, arguments=last.arguments + event.arguments)
        elif not isinstance(event, UsageReport):
            same.append(event)
    for at, event in enumerate(same):
        if isinstance(event, ToolCallDelta):
            same[at] = msgspec.structs.replace(event, arguments=json.loads(event.arguments))
    reports = [event.usage for event in events if isinstance(event, UsageReport)]
    return [*same, reports[-1]]


@pytest.mark.parametrize("framing", ["sse", "json"])
def test_what_the_encoder_writes_says_the_same(stream: Any, framing: Any) -> None:
    events = play(decoder(), stream.body)
    encoder = DIALECT.encoder(call_of("gemini", framing=framing))
    written = b"".join(encoder.encode(event) for event in events)
    assert merged(play(decoder(), written)) == merged(events)
    elements = (
        json.loads(written)
        if framing == "json"
        else [json.loads(event.removeprefix(b"data: ")) for event in written.split(b"\n\n") if event]
    )
    assert {(e["modelVersion"], e["responseId"]) for e in elements} == {("alias", "reply_1")}


def test_what_the_dialect_replies_says_the_same(provider: Gemini, whole: Any) -> None:
    result = provider.result(call_of(), HttpReply(200, {}, whole.body))
    assert result.chat is not None
    body = DIALECT.reply(call_of("gemini"), result.chat, result.usage)
    again = provider.result(call_of(), HttpReply(200, {}, body))
    assert again == result


def test_trap_18_a_recorded_conversation_can_go_on(provider: Gemini, whole: Any) -> None:
    """What callers of OpenAI's dialect keep of a reply, sent back, holds the same calls and their signatures."""
    result = provider.result(call_of(), HttpReply(200, {}, whole.body))
    assert result.chat is not None
    message = json.loads(encode_chat_reply(call_of(), result.chat, result.usage))["choices"][0]["message"]
    calls = message.get("tool_calls", [])
    answers = [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in calls]
    asked = call_of(messages=[{"role": "user", "content": "go on"}, message, *answers])
    sent = json.loads(provider.request(asked).body)["contents"]
    (recorded,) = whole.replies()
    expected = [part for part in parts_of([recorded]) if "functionCall" in part]
    said = [part for content in sent if content["role"] == "model" for part in content["parts"]]
    found = [part for part in said if "functionCall" in part]
    assert [part["functionCall"]["args"] for part in found] == [
        p["functionCall"].get("args", {}) for p in expected
    ]
    for before, after in zip(expected, found):
        assert after.get("thoughtSignature") == before.get("thoughtSignature") or (
            "thoughtSignature" not in before
            and after["thoughtSignature"] == "skip_thought_signature_validator"
        )
    responses = [p["functionResponse"] for p in sent[-1]["parts"] if "functionResponse" in p]
    assert [(r["id"], r["name"]) for r in responses] == [
        (part["functionCall"]["id"], part["functionCall"]["name"]) for part in found
    ]


# Equal dialects


def relayed(stream: bytes, pieces: list[bytes], framing: Any = "sse") -> tuple[bytes, list[Event]]:
    events = play(Gemini(Config(api_key=Secret("key"))).decoder(call_of("gemini", framing=framing)), *pieces)
    return b"".join(event.data for event in events if isinstance(event, Passage)), events


def test_the_relay_changes_two_names_and_nothing_else(stream: Any) -> None:
    passed, events = relayed(stream.body, [stream.body])
    assert events[-1] == Ended()
    sent = [json.loads(event.removeprefix(b"data: ")) for event in passed.split(b"\n\n") if event]
    assert sent == [{**said, "modelVersion": "alias", "responseId": "reply_1"} for said in stream.replies()]
    reports = [e.usage for e in events if isinstance(e, UsageReport)]
    assert reports[-1] == usage_of(stream.replies()[-1]["usageMetadata"])
    as_array, _ = relayed(stream.body, [stream.body], "json")
    assert json.loads(as_array) == sent


@pytest.mark.sized(0, short=61, full=1009)
def test_trap_09_the_relay_gives_the_same_bytes_for_any_cut(stream: Any, cuttings: Any) -> None:
    """In the long form at every place of every stream; `cuttings` says how."""
    expected, _ = relayed(stream.body, [stream.body])
    for pieces in cuttings(stream.body):
        assert relayed(stream.body, pieces)[0] == expected


def test_the_relay_never_makes_an_end_of_a_cut(stream: Any) -> None:
    end = stream.body.rindex(b'"finishReason"')
    for cut in random.Random(end).sample(range(end), 10):
        _, events = relayed(stream.body, [stream.body[:cut]])
        assert isinstance(events[-1], Failed)
        assert isinstance(events[-1].error, UpstreamCut)


def test_a_whole_reply_is_relayed(provider: Gemini, whole: Any) -> None:
    (said,) = whole.replies()
    result = provider.result(call_of("gemini"), HttpReply(200, {}, whole.body))
    assert result.body is not None
    assert json.loads(result.body) == {**said, "modelVersion": "alias", "responseId": "reply_1"}
    assert result.usage == usage_of(said["usageMetadata"])


# Requests of recorded clients

GOOGLES_OWN = ("codeExecution", "googleSearch", "cachedContent")


def fields_of(asked: bytes) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in json.loads(asked).items()}


def test_recorded_requests_are_read_or_refused_with_a_sentence(asked: Any) -> None:
    fields = fields_of(asked.asked)
    own = [name for name in GOOGLES_OWN if f'"{name}"'.encode() in asked.asked]
    if own:
        with pytest.raises(BadRequest, match=own[0]):
            DIALECT.read(fields)
        return
    request = DIALECT.read(fields)
    contents = json.loads(asked.asked)["contents"]
    said = [part for content in contents for part in content["parts"]]
    read = [part for message in request.messages if message.role != "system" for part in message.parts]
    assert [part.text for part in read if isinstance(part, Text)] == [
        p["text"] for p in said if p.get("text")
    ]
    calls = [part for part in read if isinstance(part, ToolCall)]
    assert [(c.name, json.loads(c.arguments)) for c in calls] == calls_of(said)
    signatures = [part.signature for part in read if isinstance(part, Reasoning)]
    assert signatures == signatures_of(said)


def test_recorded_requests_are_written_again_as_they_were(asked: Any) -> None:
    """Read and written, a request says the same to Google; ids that were left out are made up."""
    if any(f'"{name}"'.encode() in asked.asked for name in GOOGLES_OWN):
        return
    from pixapi.wire.gemini_request import write_request
    from pixapi.wire.json import encode

    request = DIALECT.read(fields_of(asked.asked))
    model = "gemini-2.5-flash"
    again = json.loads(
        encode(write_request(request, model=model, max_output=request.max_output, maker="gemini"))
    )
    said = json.loads(asked.asked)
    for before, after in zip(said["contents"], again["contents"], strict=True):
        assert before["role"] == after["role"]
        for theirs, ours in zip(before["parts"], after["parts"], strict=True):
            for name in ("functionCall", "functionResponse"):
                if name in ours and "id" not in theirs[name]:
                    del ours[name]["id"]
            assert theirs == ours
    config = {k: v for k, v in said.get("generationConfig", {}).items() if k != "responseModalities"}
    if config.get("thinkingConfig"):
        config.pop("thinkingConfig")
        again["generationConfig"].pop("thinkingConfig")
    assert again.get("generationConfig", {}) == config


def test_recorded_requests_are_bounded_and_passed_on(provider: Gemini, asked: Any) -> None:
    said = json.loads(asked.asked)
    call = call_of("gemini", **said, model="alias", stream=True)
    call.output_cap = 77
    if "cachedContent" in said:
        with pytest.raises(BadRequest, match="cachedContent"):
            DIALECT.sizes(call.fields, 1000)
        with pytest.raises(BadRequest, match="cachedContent"):
            provider.request(call)
        return
    used = Usage()
    if asked.status == 200 and not asked.is_stream:
        used = usage_of(asked.replies()[0]["usageMetadata"])
    read_by_tools = len(DIALECT.hosted_tools(call.fields)) * Model.model_fields["hosted_tool_input"].default
    assert DIALECT.sizes(call.fields, 1000).input_bound + read_by_tools >= used.total_input()
    sent = json.loads(provider.request(call).body)
    config = {**said.get("generationConfig", {}), "maxOutputTokens": 77}
    assert sent == {**said, "generationConfig": config}


# Embeddings


def test_recorded_embeddings_are_read(embedded: Any) -> None:
    is_vertex = "aiplatform" in embedded.uri or embedded.uri == ":predict"
    provider = Vertex(VertexConfig(project="p")) if is_vertex else Gemini(Config(api_key=Secret("key")))
    call = Call("req_1", "embeddings", "openai", "alias", "m", {}, "reply_1", 1)
    result = provider.result(call, HttpReply(200, {}, embedded.body))
    (said,) = embedded.replies()
    assert result.body is not None
    reply = json.loads(result.body)
    items = (
        said.get("embeddings")
        or [p["embeddings"] for p in said.get("predictions", [])]
        or [said["embedding"]]
    )
    assert [item["embedding"] for item in reply["data"]] == [item["values"] for item in items]
    tokens = said.get("usageMetadata", {}).get("promptTokenCount")
    if "predictions" in said:
        tokens = sum(item["statistics"]["token_count"] for item in items)
    assert result.usage == (None if tokens is None else Usage(input=tokens))
    assert reply["model"] == "alias"


def test_recorded_embeddings_are_asked_for_in_the_same_words(embedded: Any) -> None:
    if not embedded.asked:
        return
    said = json.loads(embedded.asked)
    items = said.get("requests") or said.get("instances") or [said]
    texts = [
        i["content"] if isinstance(i["content"], str) else i["content"]["parts"][0]["text"] for i in items
    ]
    more = {
        "dimensions": items[0].get("outputDimensionality"),
        "task_type": items[0].get("taskType") or items[0].get("task_type"),
    }
    model = embedded.uri.rpartition("/")[2].partition(":")[0]
    fields = {
        name: msgspec.Raw(json.dumps(value).encode())
        for name, value in {"input": texts, **more}.items()
        if value is not None
    }
    call = Call("req_1", "embeddings", "openai", "alias", model, fields, "reply_1", 1)
    vertex = Vertex(VertexConfig(project="pydantic-ai"))
    provider = vertex if "aiplatform" in embedded.uri else Gemini(Config(api_key=Secret("key")))
    request = provider.request(call)
    assert json.loads(request.body) == said
    assert request.url == embedded.uri.replace("/v1beta1/", "/v1/")


def test_reading_a_chat_request_is_not_needed_where_the_core_has_read_it(provider: Gemini) -> None:
    call = call_of()
    call.chat = read_chat_request(call_of(messages=[{"role": "user", "content": "hi"}]).fields)
    call.dialect = "gemini"
    assert json.loads(provider.request(call).body)["contents"] == [
        {"role": "user", "parts": [{"text": "hi"}]}
    ]
    with pytest.raises(UpstreamError):
        provider.result(call, HttpReply(200, {}, b"{}"))
