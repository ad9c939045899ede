"""Streams of images between two who speak OpenAI's dialect."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from pixapi.errors import UpstreamBusy, UpstreamCut, UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import Call, Ended, Event, Failed, Passage, Usage, UsageReport
from pixapi.testing.contracts.recorded import comparable
from pixapi.wire.json import raw
from pixapi.wire.openai_image_stream import OpenAIImageRelay

TOLD = {
    "input_tokens": 60,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 50},
    "output_tokens": 400,
    "total_tokens": 460,
}
USED = Usage(input=10, image_input=50, image_output=400, images=1, megapixels=Decimal("1.572864"))


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more}, separators=(',', ':'))}\n\n".encode()


SKETCH = event("image_generation.partial_image", b64_json="aGk=", partial_image_index=0)
DONE = event("image_generation.completed", b64_json="aGk=", size="1536x1024", usage=TOLD)
EDITED = event("image_edit.completed", b64_json="aGk=", size="1536x1024", usage=TOLD)
TOMORROW = event("image_generation.mood", mood={"deep": [1, None]})
ERROR = event(
    "error", error={"type": "image_generation_user_error", "code": "moderation_blocked", "message": "No."}
)
BUSY = b'data: {"error": {"code": "503", "message": "The server is overloaded.", "type": "server_error"}}\n\n'


def play(*pieces: bytes, **fields: Any) -> list[Event]:
    given = {name: raw(value) for name, value in {"prompt": "a cat", **fields}.items()}
    call = Call("req_1", "images", "openai", "alias", "m", given, "ours", 1, stream=True)
    relay = OpenAIImageRelay(call)
    return [event for piece in pieces for event in relay.feed(piece)] + relay.close()


def test_sketches_go_on_at_once_and_the_image_waits_for_the_end() -> None:
    assert play(SKETCH + TOMORROW + DONE) == [
        Passage(SKETCH),
        Passage(TOMORROW),
        UsageReport(USED),
        Passage(DONE, content=False),
        Ended(),
    ]
    assert play(EDITED) == [UsageReport(USED), Passage(EDITED, content=False), Ended()]


@pytest.mark.parametrize(
    "stream",
    [
        SKETCH + DONE,
        SKETCH.replace(b"\n", b"\r\n") + b": ping\r\n\r\n" + DONE,
        SKETCH + DONE + b"data: [DONE]\n\n" + TOMORROW,
        SKETCH + ERROR,
        SKETCH,
        SKETCH + DONE[:-1],
    ],
)
def test_any_cutting_gives_the_same(stream: bytes) -> None:
    whole = comparable(play(stream))
    for at in range(1, len(stream)):
        assert comparable(play(stream[:at], stream[at:])) == whole
    assert comparable(play(*(stream[at : at + 1] for at in range(len(stream))))) == whole


@pytest.mark.parametrize(
    ("stream", "kind", "code"),
    [
        (SKETCH, UpstreamCut, "upstream_cut"),
        (SKETCH + DONE[:-1], UpstreamCut, "upstream_cut"),
        (b"", UpstreamInvalid, "upstream_invalid"),
        (b"data: nonsense\n\n", UpstreamInvalid, "upstream_invalid"),
        (ERROR, UpstreamRejected, "moderation_blocked"),
        (SKETCH + BUSY, UpstreamError, None),
        (b'{"error":{"message":"slow down","type":"rate_limit_error","code":"429"}}', UpstreamBusy, "upstream_busy"),
        (b"<html><body>502</body></html>", UpstreamInvalid, "upstream_invalid"),
    ],
)  # fmt: skip
def test_an_end_that_is_none_is_an_error(stream: bytes, kind: type[UpstreamError], code: str | None) -> None:
    *_, last = play(stream)
    assert isinstance(last, Failed)
    assert isinstance(last.error, kind)
    assert code is None or last.error.code == code
    assert not any(isinstance(event, Ended) for event in play(stream))


def test_the_reply_has_the_callers_names_and_not_the_operators_cost() -> None:
    told = {**TOLD, "cost": 0.04}
    done = event("image_generation.completed", id="theirs", model="vendor-name", b64_json="aGk=", usage=told)
    report, passage, _ = play(done)
    assert isinstance(report, UsageReport)
    assert report.usage.provider_cost_usd == "0.04"
    assert isinstance(passage, Passage)
    said = json.loads(passage.data.split(b"data: ")[1])
    assert (said["id"], said["model"], said["usage"]) == ("ours", "alias", TOLD)


@pytest.mark.parametrize(
    ("fields", "more", "megapixels"),
    [
        ({}, {}, "1.048576"),
        ({"size": "1000x500"}, {}, "0.5"),
        ({"size": "auto"}, {"size": "1000x1000"}, "1"),
    ],
)
def test_an_image_counts_where_no_tokens_are_told(
    fields: dict[str, Any], more: dict[str, Any], megapixels: str
) -> None:
    report = play(event("image_generation.completed", b64_json="aGk=", **more), **fields)[0]
    assert report == UsageReport(Usage(images=1, megapixels=Decimal(megapixels)))


def test_sketches_count_where_the_image_never_came() -> None:
    call = Call("req_1", "images", "openai", "alias", "m", {}, "ours", 1, stream=True)
    relay = OpenAIImageRelay(call)
    relay.feed(SKETCH + SKETCH + TOMORROW)
    assert relay.delivered_output() == 200
