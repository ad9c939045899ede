"""Images, sounds, judgements and searches between two who speak OpenAI's dialect: names, and what was used."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from pixapi.errors import UpstreamError, UpstreamInvalid
from pixapi.interfaces import Call, HttpReply, Upload, Usage
from pixapi.wire.json import raw
from pixapi.wire.multipart import read_form
from pixapi.wire.openai_media import relay_media_reply, write_media_call

PICTURE = {"b64_json": "aGk="}
MEGAPIXEL = Decimal("1.048576")


def call(operation, *uploads, **fields):
    given = {name: raw(value) for name, value in fields.items()}
    return Call("req_1", operation, "openai", "alias", "m", given, "ours", 1, uploads=uploads)


def relay(asked, body, **headers):
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return relay_media_reply(
        asked, HttpReply(200, {k.replace("_", "-"): v for k, v in headers.items()}, sent)
    )


TOKENS = {
    "input_tokens": 60, "output_tokens": 400, "total_tokens": 460, "cost": 1.5,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 50},
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "reply", "usage"),
    [
        ({}, {"data": [PICTURE]}, Usage(images=1, megapixels=MEGAPIXEL)),
        ({"n": 2}, {"data": [PICTURE, {"url": "https://x/1"}]}, Usage(images=2, megapixels=2 * MEGAPIXEL)),
        ({"n": 2, "size": "1000x500"}, {"data": [PICTURE]}, Usage(images=1, megapixels=Decimal("0.5"))),
        ({"size": "auto"}, {"data": [PICTURE], "size": "1000x1000"}, Usage(images=1, megapixels=Decimal(1))),
        ({"n": 2}, {"data": [PICTURE, {"url": ""}]}, Usage(images=1, megapixels=MEGAPIXEL)),
        ({}, {"data": [{"url": "", "b64_json": None}]}, Usage(images=0, megapixels=Decimal(0))),
        ({}, {"data": [PICTURE] * 3}, Usage(images=1, megapixels=MEGAPIXEL)),
        (
            {},
            {"data": [PICTURE], "usage": TOKENS},
            Usage(
                input=10,
                image_input=50,
                image_output=400,
                images=1,
                megapixels=MEGAPIXEL,
                provider_cost_usd="1.5",
            ),
        ),
    ],
)
def test_what_is_delivered_is_what_counts(asked, reply, usage) -> None:
    result = relay(call("images", prompt="x", **asked), reply)
    assert result.usage == usage
    said = json.loads(result.body)
    assert said["data"] == reply["data"]
    assert "cost" not in said.get("usage", {})
    assert "model" not in said


def test_sounds_are_passed_on_with_their_media_type() -> None:
    result = relay(call("speech", input="héllo"), b"{sound", content_type="audio/mpeg")
    assert (result.body, result.media_type, result.usage) == (b"{sound", "audio/mpeg", Usage(characters=5))
    bare = relay(
        call("speech", input="x", response_format="wav"), b"RIFF", content_type="application/octet-stream"
    )
    assert bare.media_type == "audio/wav"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "audio/mpeg"),
        (b"<html>", "application/octet-stream"),
        (b"sorry", "text/plain"),
        (b'{"error": {"message": "no", "code": 500}}', "application/json"),
        (b"{}", ""),
        (b"sound", "text/html\r\nevil: 1"),
    ],
)
def test_what_is_no_sound(body, kind) -> None:
    with pytest.raises(UpstreamError):
        relay(call("speech", input="x"), body, content_type=kind)


@pytest.mark.parametrize(
    ("form", "reply", "usage", "kind"),
    [
        ("json", {"text": "hi", "usage": {"type": "duration", "seconds": 7}}, Usage(seconds=Decimal(7)), "application/json"),
        ("text", {"text": "hi", "usage": {"type": "duration", "seconds": 7}}, Usage(seconds=Decimal(7)), "text/plain; charset=utf-8"),
        ("verbose_json", {"text": "hi", "duration": 1.5}, Usage(seconds=Decimal("1.5")), "application/json"),
        (
            "json",
            {"text": "hi", "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 3, "total_tokens": 17,
                                     "input_token_details": {"text_tokens": 4, "audio_tokens": 10}}},
            Usage(input=4, audio_input=10, output=3),
            "application/json",
        ),
        ("json", {"text": "hi"}, None, "application/json"),
        ("srt", b"1\n00:00:00,000 --> 01:00:01,500\nhi\n", Usage(seconds=Decimal("3601.5")), "application/x-subrip; charset=utf-8"),
        ("vtt", b"WEBVTT\n\n00:00.000 --> 00:02.250\nhi\n", Usage(seconds=Decimal("2.25")), "text/vtt; charset=utf-8"),
        ("vtt", b"WEBVTT\n", None, "text/vtt; charset=utf-8"),
    ],
)  # fmt: skip
def test_transcriptions_tell_their_seconds_or_tokens(form, reply, usage, kind) -> None:
    result = relay(call("transcriptions", response_format=form), reply)
    assert result.usage == usage
    assert result.media_type == kind
    assert b"hi" in result.body or form == "vtt"


def test_plain_text_is_asked_for_as_json() -> None:
    sound = Upload("file", "a.mp3", "audio/mpeg", b"\xff")
    asked = call("transcriptions", sound, model="alias", response_format="text")
    kind, body = write_media_call(asked, {**asked.fields, "model": raw("m")})
    fields, uploads = read_form(kind, body)
    assert {name: bytes(value) for name, value in fields.items()} == {
        "model": b'"m"',
        "response_format": b'"json"',
    }
    assert uploads == (sound,)
    assert relay(asked, {"text": "hi"}).body == b"hi\n"


@pytest.mark.parametrize(
    ("reply", "usage"),
    [
        (
            {"results": [{"index": 0, "relevance_score": 1}], "usage": {"total_tokens": 9}},
            Usage(input=9, searches=2),
        ),
        (
            {"data": [{"index": 0, "relevance_score": 1}], "usage": {"total_tokens": 9}},
            Usage(input=9, searches=2),
        ),
        ({"results": [{"index": 0}], "meta": {"billed_units": {"search_units": 3}}}, Usage(searches=3)),
        ({"results": [{"index": 0, "document": "a"}]}, None),
    ],
)
def test_a_rerank_has_the_shape_of_jinas(reply, usage) -> None:
    result = relay(call("rerank", query="q", documents=["a"] * 101), {"id": "theirs", "model": "m", **reply})
    said = json.loads(result.body)
    assert result.usage == usage
    assert said["results"][0]["index"] == 0
    assert (said["id"], said["model"]) == ("ours", "alias")
    assert said["results"][0].get("document", {"text": "a"}) == {"text": "a"}
    assert "meta" not in said


def test_a_judgement_is_a_request() -> None:
    result = relay(
        call("moderations", input="x"), {"id": "modr-1", "model": "m", "results": [{"flagged": False}]}
    )
    assert json.loads(result.body) == {"id": "ours", "model": "alias", "results": [{"flagged": False}]}
    assert result.usage == Usage(requests=1)


@pytest.mark.parametrize(
    ("operation", "fields", "body"),
    [
        ("images", {}, {"data": []}),
        ("images", {}, {"data": "x"}),
        ("transcriptions", {}, {"text": None}),
        ("transcriptions", {"response_format": "srt"}, b"sorry"),
        ("moderations", {}, {"results": []}),
        ("rerank", {}, {"results": [1]}),
    ],
)
def test_an_answer_without_a_thing_in_it(operation, fields, body) -> None:
    with pytest.raises(UpstreamInvalid):
        relay(call(operation, **fields), body)
