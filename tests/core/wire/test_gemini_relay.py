"""Between equals: what of a Gemini call is written anew on its way there and back, and what is not."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest

from pixapi.errors import BadRequest, UpstreamBusy, UpstreamCut, UpstreamInvalid
from pixapi.interfaces import Call, Ended, Event, Failed, Passage, Usage, UsageReport
from pixapi.wire.gemini_forward import forward
from pixapi.wire.gemini_relay import GeminiRelay, relay_reply
from pixapi.wire.gemini_signature import pack

CONTENTS = '[{"role":"user","parts":[{"text":"hi \\u00fc"},{"a_part_of_tomorrow": 12345678901234567890123}]}]'


def call(body: str = "{}", *, cap: int | None = None, framing: Any = "sse") -> Call:
    fields = msgspec.json.decode(body.encode(), type=dict[str, msgspec.Raw])
    return Call(
        "r", "chat", "gemini", "alias", "m", fields, "reply_1", 1, True, output_cap=cap, framing=framing
    )


# There


def test_the_body_goes_on_as_it_came() -> None:
    body = (
        '{"model":"alias","contents":' + CONTENTS + ',"stream":true,"generationConfig":{"topK": 40.0},'
        '"tools":[ {"googleSearch": {}} ],"a_field_of_tomorrow":1.00}'
    )
    assert forward(call(body)).decode() == (
        '{"contents":' + CONTENTS + ',"generationConfig":{"topK": 40.0},'
        '"tools":[ {"googleSearch": {}} ],"a_field_of_tomorrow":1.00}'
    )


@pytest.mark.parametrize(
    ("config", "sent"),
    [
        ("", '"generationConfig":{"maxOutputTokens":77}'),
        (',"generationConfig":null', '"generationConfig":{"maxOutputTokens":77}'),
        (',"generationConfig":{"topK": 1.0}', '"generationConfig":{"topK":1.0,"maxOutputTokens":77}'),
        (
            ',"generation_config":{"max_output_tokens":"900","seed":5}',
            '"generation_config":{"seed":5,"maxOutputTokens":77}',
        ),
        (
            ',"generationConfig":{"maxOutputTokens":900,"max_output_tokens":901}',
            '"generationConfig":{"maxOutputTokens":77}',
        ),
    ],
)
def test_the_cap_is_written_anew(config: str, sent: str) -> None:
    assert forward(call('{"contents":[]' + config + "}", cap=77)).decode() == '{"contents":[],' + sent + "}"


def test_trap_18_signatures_of_others_are_taken_off() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "hi"}]},
        {
            "role": "model",
            "parts": [
                {"text": "", "thought": True, "thoughtSignature": pack("anthropic:s")},
                {"text": "so", "thought_signature": pack("anthropic:t")},
                {"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"},
            ],
        },
    ]
    sent = json.loads(forward(call(json.dumps({"contents": contents}))))
    assert sent["contents"][1]["parts"] == [
        {"text": "so"},
        {"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"},
    ]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"cachedContent":"cachedContents/x"}', "cachedContent"),
        ('{"\\u0063ached_content":"cachedContents/x"}', "cachedContent"),
        ('{"tools":[{"file_search":{}}]}', "tools"),
        ('{"tools":[{"googleMaps":{}}]}', "tools"),
        ('{"contents":[{"parts":[{"fileData":{"fileUri":"gs://a/b"}}]}]}', "contents"),
        ('{"contents":[{"parts":[{"\\u0066ileData":{"fileUri":"gs://a/b"}}]}]}', "contents"),
        ('{"system_instruction":{"parts":{"file_data":{"file_uri":"gs://a/b"}}}}', "contents"),
        ('{"contents":[{"parts":[{"fileData":"gs://a/b"}]}]}', "contents"),
        ('{"generationConfig":{},"generation_config":{}}', "generationConfig"),
        ('{"generationConfig":5}', "generationConfig"),
    ],
)
def test_trap_14_what_is_the_operators_is_out_of_reach(body: str, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        forward(call(body, cap=5), frozenset({"googleMaps"}))
    assert refused.value.param == param


def test_of_an_address_given_twice_the_one_that_was_looked_at_is_sent() -> None:
    twice = '{"contents":[{"parts":[{"fileData":{"fileUri":"gs://a/b","fileUri":"https://example.com/x"}}]}]}'
    assert b"gs://" not in forward(call(twice))


# And back


def event(*parts: Any, reason: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts)}, "index": index}
    if reason is not None:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], **more, "responseId": "theirs", "modelVersion": "theirs"}


def sse(*events: Any) -> bytes:
    return b"".join(b"data: %s\r\n\r\n" % json.dumps(said).encode() for said in events)


def relayed(*pieces: bytes, framing: Any = "sse") -> list[Event]:
    relay = GeminiRelay(call(framing=framing))
    return [found for piece in pieces for found in relay.feed(piece)] + relay.close()


def passed(events: list[Event]) -> bytes:
    return b"".join(found.data for found in events if isinstance(found, Passage))


def test_values_keep_their_bytes() -> None:
    stream = (
        b'data: {"candidates": [{"content": {"parts": [{"text": "\\u00fc", "x": 1.00}]}, "finishReason":"STOP"}], '
        b'"responseId": "theirs", "modelVersion": "theirs", "tomorrow": 12345678901234567890123}\n\n'
    )
    assert passed(relayed(stream)) == (
        b'data: {"candidates":[{"content": {"parts": [{"text": "\\u00fc", "x": 1.00}]}, "finishReason":"STOP"}],'
        b'"responseId":"reply_1","modelVersion":"alias","tomorrow":12345678901234567890123}\n\n'
    )


def test_what_carries_nothing_waits_and_so_does_the_end() -> None:
    """Until something of the answer was passed on another route may be tried; the end waits for the charge."""
    relay = GeminiRelay(call())
    assert relay.feed(sse({"usageMetadata": {"promptTokenCount": 3}})) == [UsageReport(Usage(input=3))]
    assert relay.delivered_output() == 0
    (passage,) = relay.feed(sse(event({"text": "hello"})))
    assert isinstance(passage, Passage)
    assert passage.content
    assert passage.data.count(b"data: ") == 2
    assert relay.delivered_output() == 2
    assert relay.feed(sse(event({"text": "!"}, reason="STOP"))) == []
    last, ended = relay.close()
    assert isinstance(last, Passage)
    assert not last.content
    assert b'"STOP"' in last.data
    assert ended == Ended()
    assert relay.feed(b"data: {}\n\n") == []


def test_an_image_counts_as_one_and_not_by_its_bytes() -> None:
    relay = GeminiRelay(call())
    (passage,) = relay.feed(sse(event({"inlineData": {"mimeType": "image/png", "data": "A" * 100_000}})))
    assert isinstance(passage, Passage)
    assert passage.content
    assert relay.delivered_output() == 1290


@pytest.mark.parametrize("part", [{"text": "b"}, {"functionCall": {"name": "f"}}, {"inlineData": {}}])
def test_several_candidates_all_have_to_finish(part: dict[str, Any]) -> None:
    first, second = event({"text": "a"}, reason="STOP"), event(part, index=1)
    assert isinstance(relayed(sse(first, second))[-1], Failed)
    events = relayed(sse(first, second, event({"text": "c"}, reason="STOP", index=1)))
    assert events[-1] == Ended()
    assert [json.loads(e[6:])["candidates"][0]["index"] for e in passed(events).split(b"\n\n") if e] == [
        0,
        1,
        1,
    ]


def test_a_blocked_prompt_is_passed_on() -> None:
    said = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    events = relayed(sse(said))
    assert b'"blockReason": "SAFETY"' in passed(events)
    assert events[-1] == Ended()
    body = relay_reply(call(), json.dumps(said).encode()).body
    assert body is not None
    assert json.loads(body)["modelVersion"] == "alias"


def test_the_other_framing() -> None:
    stream = sse(event({"text": "a"}), event({"text": "b"}, reason="STOP"))
    assert [said["modelVersion"] for said in json.loads(passed(relayed(stream, framing="json")))] == [
        "alias"
    ] * 2
    indented = json.dumps([event({"text": "a"}), event({"text": "b"}, reason="STOP")], indent=2).encode()
    found = [json.loads(part[6:]) for part in passed(relayed(indented)).split(b"\n\n") if part]
    assert [said["candidates"][0]["content"]["parts"] for said in found] == [[{"text": "a"}], [{"text": "b"}]]


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (sse(event({"text": "a"})), UpstreamCut),
        (b"", UpstreamCut),
        (b"<html>", UpstreamInvalid),
        (b"[]", UpstreamInvalid),
        (
            sse(event({"text": "a"}), {"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}),
            UpstreamBusy,
        ),
        (b'[{"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}]', UpstreamBusy),
        (b"data: nothing\n\n", UpstreamInvalid),
    ],
)
def test_what_is_no_whole_stream(stream: bytes, error: type[Exception]) -> None:
    events = relayed(stream)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert type(failed.error) is error
    assert Ended() not in events


def test_noise_gives_events_and_never_raises() -> None:
    whole = sse(
        event({"text": "a"}, usageMetadata={"promptTokenCount": 3}), event({"text": "b"}, reason="STOP")
    )
    dice = random.Random(1)
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(dice.randrange(1, 5)):
            at = dice.randrange(len(damaged))
            damaged[at : at + dice.randrange(9)] = dice.randbytes(dice.randrange(4))
        events = relayed(bytes(damaged[:50]), bytes(damaged[50:]))
        assert isinstance(events[-1], Failed | Ended)
        assert sum(isinstance(found, Failed | Ended) for found in events) == 1
