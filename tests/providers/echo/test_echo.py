"""The stand-in: what it answers, what it counts, and how it fails when told to."""

import asyncio
import json
import time

import pytest
from pydantic import ValidationError

from pixapi.errors import UpstreamBusy, UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces import Call, Ended, Failed, HttpReply, Passage, Usage, UsageReport
from pixapi.wire.json import decode_fields
from pixapi.wire.openai_input import embeddings_input_bound, input_bound
from pixapi.wire.openai_result import decode_vector
from pixapi_providers.echo import Config, build, pixapi_register_providers
from pixapi_providers.echo.answers import words

HI = [{"role": "user", "content": "hello there my friend"}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "required": ["city", "days", "unit", "tags"], "properties": {
        "city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}, "unit": {"enum": ["C", "F"]},
        "tags": {"type": "array", "items": {"type": "string"}}, "other": {"type": "string"}}}}}  # fmt: skip
CLOCK = {"type": "function", "function": {"name": "clock"}}


def call_of(operation="chat", stream=False, include_usage=False, output_cap=None, **body):
    fields = decode_fields(json.dumps(body).encode())
    return Call("r", operation, "openai", "alias", "echo", fields, "chatcmpl-ours", 7,
                stream=stream, include_usage=include_usage, output_cap=output_cap)  # fmt: skip


async def ask(call, config=None):
    """A whole reply, through the provider's own reading."""
    provider = build(config or Config())
    exchange = await provider.serve(provider.request(call))
    reply = HttpReply(exchange.status, exchange.headers, await exchange.read(10**7))
    await exchange.close()
    if exchange.status != 200:
        raise provider.error(reply)
    result = provider.result(call, reply)
    return json.loads(result.body), result.usage


async def stream(call, config=None):
    provider = build(config or Config())
    exchange = await provider.serve(provider.request(call))
    decoder = provider.decoder(call)
    events = []
    try:
        async for piece in exchange.chunks():
            events += decoder.feed(piece)
    except UpstreamCut:
        pass
    finally:
        await exchange.close()
    return events + decoder.close()


def chunks(events):
    text = b"".join(event.data for event in events if isinstance(event, Passage))
    return [json.loads(line[6:]) for line in text.split(b"\n") if line.startswith(b"data: {")]


def text_of(events):
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(events) if chunk["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


async def test_it_says_the_last_users_text_again():
    history = [{"role": "user", "content": "first"}, {"role": "assistant", "content": "first"}, *HI]
    body, usage = await ask(call_of(messages=history))
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "hello there my friend"}
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["model"] == "alias"
    assert usage == Usage(input=1 + 1 + 4 + 3 * 4, cached_input=0, output=4, reasoning=0)


async def test_a_stream_has_a_chunk_for_each_word():
    events = await stream(call_of(messages=HI, stream=True, include_usage=True))
    assert text_of(events) == "hello there my friend"
    assert len(chunks(events)) == 1 + 4 + 1 + 1
    assert chunks(events)[-1]["usage"]["completion_tokens"] == 4
    assert isinstance(events[-1], Ended)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_it_keeps_to_the_cap(field, is_stream):
    call = call_of(messages=HI, stream=is_stream, output_cap=2, **{field: 99})
    if is_stream:
        events = await stream(call)
        assert text_of(events) == "hello there "
        assert chunks(events)[-1]["choices"][0]["finish_reason"] == "length"
    else:
        body, usage = await ask(call)
        assert body["choices"][0]["message"]["content"] == "hello there "
        assert body["choices"][0]["finish_reason"] == "length"
        assert usage.total_output() == 2


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({}, ["weather"]),
        ({"tool_choice": "required"}, ["weather"]),
        ({"parallel_tool_calls": True}, ["weather", "clock"]),
        ({"tool_choice": {"type": "function", "function": {"name": "clock"}}}, ["clock"]),
        ({"tool_choice": "none"}, []),
    ],
)
async def test_it_calls_tools(more, named):
    body, _ = await ask(call_of(messages=HI, tools=[WEATHER, CLOCK], **more))
    calls = body["choices"][0]["message"].get("tool_calls", [])
    assert [call["function"]["name"] for call in calls] == named
    for call in calls:
        least = {"weather": {"city": "echo", "days": 1, "unit": "C", "tags": []}, "clock": {}}
        assert json.loads(call["function"]["arguments"]) == least[call["function"]["name"]]
    assert body["choices"][0]["finish_reason"] == ("tool_calls" if named else "stop")


async def test_it_answers_with_a_tools_result():
    history = [
        *HI,
        {"role": "assistant", "tool_calls": []},
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
    ]
    body, _ = await ask(call_of(messages=history, tools=[WEATHER]))
    assert body["choices"][0]["message"]["content"] == "sunny"


async def test_tools_in_a_stream():
    events = await stream(call_of(messages=HI, tools=[WEATHER, CLOCK], parallel_tool_calls=True, stream=True))
    pieces = [p for c in chunks(events) for p in (c["choices"][0]["delta"].get("tool_calls") or [])]
    assert [p["index"] for p in pieces if "id" in p] == [0, 1]
    arguments = "".join(p["function"].get("arguments", "") for p in pieces if p["index"] == 0)
    assert json.loads(arguments)["days"] == 1


async def test_json_answers():
    form = {"type": "json_schema", "json_schema": {"schema": WEATHER["function"]["parameters"]}}
    body, _ = await ask(call_of(messages=HI, response_format=form))
    assert json.loads(body["choices"][0]["message"]["content"])["unit"] == "C"
    body, _ = await ask(call_of(messages=HI, response_format={"type": "json_object"}))
    assert json.loads(body["choices"][0]["message"]["content"]) == {"echo": HI[0]["content"]}


async def test_several_choices_and_reasoning():
    call = call_of(messages=HI, n=2, echo={"reasoning": "let me think"})
    body, usage = await ask(call)
    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert body["choices"][1]["message"]["reasoning_content"] == "let me think"
    assert (usage.output, usage.reasoning) == (8, 6)
    events = await stream(call_of(messages=HI, n=2, stream=True, echo={"reasoning": "let me think"}))
    assert UsageReport(usage) in events
    assert isinstance(events[-1], Ended)


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "x"}]},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": "   \n "}]},
        {"messages": [{"role": "user", "content": "你 好 🙂"}] * 3},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"messages": HI, "tools": [WEATHER, CLOCK]},
    ],
)
async def test_usage_never_exceeds_the_bound(body):
    call = call_of(**body)
    _, usage = await ask(call)
    assert usage.total_input() <= input_bound(call.fields, image_bound=1)


async def test_vectors():
    call = call_of("embeddings", input=["a b", "c", "a b"], dimensions=8)
    body, usage = await ask(call)
    one, two, three = (item["embedding"] for item in body["data"])
    assert one == three != two
    assert len(one) == 8
    assert sum(x * x for x in one) == pytest.approx(1)
    assert usage == Usage(input=5)
    assert usage.total_input() <= embeddings_input_bound(call.fields)
    as_text, _ = await ask(call_of("embeddings", input="a b", dimensions=8, encoding_format="base64"))
    assert decode_vector(as_text["data"][0]["embedding"]) == pytest.approx(one, abs=1e-6)
    tokens, counted = await ask(call_of("embeddings", input=[1, 2, 3]))
    assert (len(tokens["data"]), len(tokens["data"][0]["embedding"]), counted.input) == (1, 64, 3)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ({"error_status": 429, "retry_after_s": 2}, UpstreamBusy),
        ({"error_status": 500}, UpstreamError),
        ({"html": True}, UpstreamInvalid),
        ({"empty": True}, UpstreamInvalid),
        ({"cut_after": 0}, UpstreamCut),
        ({"no_such_direction": 1}, UpstreamError),
        ({"latency_s": "long"}, UpstreamError),
    ],
)
async def test_it_fails_when_told_to(script, kind):
    with pytest.raises(kind):
        await ask(call_of(messages=HI, echo=script))
    assert await ask(call_of(messages=HI, echo=script), Config(scriptable=False))


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        ({"cut_after": 3}, UpstreamCut, "hello there "),
        ({"error_after": 2, "error_code": "rate_limit_exceeded"}, UpstreamBusy, "hello "),
        ({"html": True}, UpstreamInvalid, ""),
        ({"empty": True}, UpstreamCut, ""),
    ],
)
async def test_a_stream_fails_when_told_to(script, kind, text):
    events = await stream(call_of(messages=HI, stream=True, echo=script))
    assert isinstance(events[-1], Failed)
    assert type(events[-1].error) is kind
    assert text_of(events) == text


async def test_a_stream_can_be_odd():
    silent = await stream(call_of(messages=HI, stream=True, echo={"omit_usage": True, "omit_done": True}))
    assert isinstance(silent[-1], Ended)
    assert not [event for event in silent if isinstance(event, UsageReport)]
    early = await stream(
        call_of(messages=HI, stream=True, include_usage=True, echo={"usage_in_finish": True})
    )
    assert chunks(early)[-1]["choices"] == []
    assert [event for event in early if isinstance(event, UsageReport)]


async def test_a_gate_holds_every_answer_until_its_file_is_there(tmp_path):
    gate = tmp_path / "gate"
    config = Config(gate_file=str(gate))
    waiting = [asyncio.create_task(ask(call_of(messages=HI), config)) for _ in range(5)]
    done, _ = await asyncio.wait(waiting, timeout=0.2)
    assert not done
    gate.touch()
    assert len(await asyncio.gather(*waiting)) == 5


async def test_a_gate_does_not_wait_for_ever(tmp_path):
    assert await ask(call_of(messages=HI), Config(gate_file=str(tmp_path / "never"), gate_timeout_s=0.1))


async def test_a_closed_stream_goes_no_further():
    provider = build(Config())
    exchange = await provider.serve(provider.request(call_of(messages=HI, stream=True)))
    seen = []
    async for piece in exchange.chunks():
        seen.append(piece)
        await exchange.close()
    assert len(seen) == 1


def test_settings_and_registration():
    with pytest.raises(ValidationError):
        Config(latency_s=-1)
    assert build(Config()).probe() is None
    (kind,) = pixapi_register_providers()
    assert (kind.name, kind.config, kind.evidence) == ("echo", Config, "live")


async def test_settings_say_for_every_call_what_a_script_says_for_one():
    call = call_of(messages=HI)
    body, _ = await ask(call, Config(reasoning="let me think "))
    assert body["choices"][0]["message"]["reasoning_content"] == "let me think "
    with pytest.raises(UpstreamError, match="status 500"):
        await ask(call, Config(error_status=500))
    events = await stream(call_of(messages=HI, stream=True), Config(error_after=2))
    assert isinstance(events[-1], Failed)
    with pytest.raises(ValidationError):
        Config(error_status=200)


@pytest.mark.parametrize("text", ["\n" * 300_000, " a" * 100_000, "a" * 300_000])
def test_no_text_takes_long(text: str) -> None:
    """It runs in the gateway's own loop: a text of blanks took minutes."""
    begun_s = time.monotonic()
    assert "".join(words(text)) == text
    assert time.monotonic() - begun_s < 1
