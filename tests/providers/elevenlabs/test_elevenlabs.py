"""The provider `elevenlabs`: what it asks for, what callers read of its answers; and its contract."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from pixapi.errors import (
    BadRequest,
    UpstreamBusy,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.interfaces import Call, HttpReply, Secret, Upload, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.calls import call as call_of
from pixapi.testing.contracts.recorded import Recorded
from pixapi.wire.json import decode_any
from pixapi.wire.multipart import read_form
from pixapi_providers.elevenlabs import Config, ElevenLabs, pixapi_register_providers

(KIND,) = pixapi_register_providers()
SETTINGS: dict[str, Any] = {"api_key": Secret("eleven-key"), "voices": {"alloy": "21m00Tcm4TlvDq8ikWAM"}}
SOUND = Upload("file", "talk.mp3", "audio/mpeg", b"\xff\xfb\r\n--a sound")
TALK = {
    "language_code": "eng",
    "language_probability": 0.98,
    "text": "Hello there. Hi!",
    "words": [
        {"text": "Hello", "start": 0.1, "end": 0.5, "type": "word", "speaker_id": "speaker_1", "logprob": -0.25},
        {"text": " ", "start": 0.5, "end": 0.6, "type": "spacing", "speaker_id": "speaker_1", "logprob": 0.0},
        {"text": "there.", "start": 0.6, "end": 1.0, "type": "word", "speaker_id": "speaker_1", "logprob": -0.75},
        {"text": " ", "start": 1.0, "end": 1.1, "type": "spacing", "speaker_id": "speaker_0", "logprob": 0.0},
        {"text": "Hi!", "start": 1.1, "end": 1.375, "type": "word", "speaker_id": "speaker_0", "logprob": -0.5},
    ],
    "audio_duration_secs": 2.25,
    "transcription_id": "theirs",
}  # fmt: skip

test_contract = provider_contract(
    KIND,
    {"api_key": "a-key-for-tests", "voices": {"alloy": "21m00Tcm4TlvDq8ikWAM"}},
    recorded=[
        Recorded("a talk", json.dumps(TALK).encode(), operation="transcriptions", usage=Usage(seconds=Decimal("2.25"))),
        Recorded("no key", b'{"detail":{"status":"invalid_api_key","message":"Invalid API key"}}', status=401, error=UpstreamDenied),
    ],
)  # fmt: skip


def provider(**more: Any) -> ElevenLabs:
    return ElevenLabs(Config(**{**SETTINGS, **more}))


def speech(**body: Any) -> Call:
    return call_of({"input": "héllo", "voice": "alloy", **body}, operation="speech")


def transcription(**body: Any) -> Call:
    asked = call_of(body, operation="transcriptions")
    asked.uploads = (SOUND,)
    return asked


@pytest.mark.parametrize(
    ("asked", "address", "body"),
    [
        ({}, "21m00Tcm4TlvDq8ikWAM?output_format=mp3_44100_128", {}),
        ({"voice": {"id": "alloy"}}, "21m00Tcm4TlvDq8ikWAM?output_format=mp3_44100_128", {}),
        ({"voice": "JBFqnCBsd6RMkjVDRZzb"}, "JBFqnCBsd6RMkjVDRZzb?output_format=mp3_44100_128", {}),
        ({"response_format": "opus"}, "21m00Tcm4TlvDq8ikWAM?output_format=opus_48000_96", {}),
        ({"response_format": "wav"}, "21m00Tcm4TlvDq8ikWAM?output_format=wav_24000", {}),
        ({"response_format": "pcm"}, "21m00Tcm4TlvDq8ikWAM?output_format=pcm_24000", {}),
        ({"response_format": "ulaw_8000"}, "21m00Tcm4TlvDq8ikWAM?output_format=ulaw_8000", {}),
        ({"speed": 1.1}, "21m00Tcm4TlvDq8ikWAM?output_format=mp3_44100_128", {"voice_settings": {"speed": 1.1}}),
        (
            {"speed": 0.9, "voice_settings": {"stability": 0.5, "speed": 1.2}, "language_code": "de", "seed": 7},
            "21m00Tcm4TlvDq8ikWAM?output_format=mp3_44100_128",
            {"voice_settings": {"stability": 0.5, "speed": 0.9}, "language_code": "de", "seed": 7},
        ),
        ({"instructions": "", "speed": None, "stream_format": "audio", "tomorrow": 1}, "21m00Tcm4TlvDq8ikWAM?output_format=mp3_44100_128", {}),
    ],
)  # fmt: skip
def test_speech_is_asked_for(asked, address, body) -> None:
    request = provider().request(speech(**asked))
    assert request.url == "https://api.elevenlabs.io/v1/text-to-speech/" + address
    assert json.loads(request.body) == {"text": "héllo", "model_id": "model-of-the-route", **body}
    assert ("xi-api-key", "eleven-key") in request.headers


@pytest.mark.parametrize(
    ("asked", "settings", "param"),
    [
        ({"voice": None}, {}, "voice"),
        ({"voice": "../../v1/voices"}, {}, "voice"),
        ({"voice": "JBFqnCBsd6RMkjVDRZzb"}, {"only_named_voices": True}, "voice"),
        ({"response_format": "flac"}, {}, "response_format"),
        ({"response_format": "mp3_44100_128&enable_logging=false"}, {}, "response_format"),
        ({"response_format": 5}, {}, "response_format"),
        ({"instructions": "whisper"}, {}, "instructions"),
        ({"speed": "fast"}, {}, "speed"),
        ({"previous_request_ids": ["of-somebody-else"]}, {}, "previous_request_ids"),
    ],
)
def test_what_speech_cannot_say_is_refused_by_name(asked, settings, param) -> None:
    with pytest.raises(BadRequest) as caught:
        provider(**settings).request(speech(**asked))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("asked", "headers", "kind"),
    [
        ({}, {"content-type": "audio/mpeg"}, "audio/mpeg"),
        ({"response_format": "pcm"}, {"content-type": "application/octet-stream"}, "audio/pcm"),
        ({"response_format": "ulaw_8000"}, {}, "audio/basic"),
    ],
)
def test_sound_goes_on_as_it_came(asked, headers, kind) -> None:
    result = provider().result(speech(**asked), HttpReply(200, headers, b"\xff\xfb\x90sound"))
    assert (result.body, result.media_type) == (b"\xff\xfb\x90sound", kind)
    assert result.usage == Usage(characters=5)


@pytest.mark.parametrize(
    ("header", "credit_usd", "cost"),
    [
        ("3", "0.0002", "0.0006"),
        ("0.5", "0.0002", "0.00010"),
        ("3", None, None),
        ("many", "0.0002", None),
        ("-3", "0.0002", None),
    ],
)
def test_credits_are_the_operators_cost_and_characters_the_callers(header, credit_usd, cost) -> None:
    paid = provider(credit_usd=credit_usd)
    headers = {"content-type": "audio/mpeg", "character-cost": header}
    result = paid.result(speech(), HttpReply(200, headers, b"\xff\xfb"))
    assert result.usage == Usage(characters=5, provider_cost_usd=cost)


@pytest.mark.parametrize(
    ("asked", "form"),
    [
        ({}, {}),
        ({"language": "de", "temperature": "0.2"}, {"language_code": "de", "temperature": "0.2"}),
        ({"response_format": "diarized_json", "chunking_strategy": "auto"}, {"diarize": "true"}),
        (
            {"tag_audio_events": "true", "num_speakers": "2"},
            {"tag_audio_events": "true", "num_speakers": "2"},
        ),
        ({"prompt": "", "timestamp_granularities[]": ["word"], "response_format": "verbose_json"}, {}),
    ],
)
def test_a_transcription_is_asked_for(asked, form) -> None:
    request = provider().request(transcription(**asked))
    assert request.url == "https://api.elevenlabs.io/v1/speech-to-text"
    fields, uploads = read_form(dict(request.headers)["content-type"], request.body)
    plain = {name: decode_any(value) for name, value in fields.items()}
    always = {
        "model_id": "model-of-the-route",
        "tag_audio_events": "false",
        "timestamps_granularity": "word",
        "diarize": "false",
    }
    assert (plain, uploads) == ({**always, **form}, (SOUND,))


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"prompt": "Names: Ada"}, "prompt"),
        ({"include[]": ["logprobs"]}, "include[]"),
        ({"keyterms": ["Ada"]}, "keyterms"),
        ({"source_url": "https://example.com/hours.mp4"}, "source_url"),
        ({"use_multi_channel": "true"}, "use_multi_channel"),
        ({"response_format": "xml"}, "response_format"),
    ],
)
def test_what_a_transcription_cannot_have_is_refused_by_name(asked, param) -> None:
    with pytest.raises(BadRequest) as caught:
        provider().request(transcription(**asked))
    assert caught.value.param == param


SEGMENT = {"seek": 0, "tokens": [], "temperature": 0.0, "no_speech_prob": 0.0}
DURATION = {"usage": {"type": "duration", "seconds": 2.25}}
VERBOSE = {"task": "transcribe", "language": "eng", "duration": 2.25, "text": "Hello there. Hi!", **DURATION}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, {"text": "Hello there. Hi!", **DURATION}),
        ({"response_format": "verbose_json", "timestamp_granularities[]": ["word"]}, {**VERBOSE, "words": [
            {"word": "Hello", "start": 0.1, "end": 0.5},
            {"word": "there.", "start": 0.6, "end": 1.0},
            {"word": "Hi!", "start": 1.1, "end": 1.375},
        ]}),
        ({"response_format": "verbose_json"}, {**VERBOSE, "segments": [
            {"id": 0, **SEGMENT, "start": 0.1, "end": 1.0, "text": "Hello there.", "avg_logprob": -0.5, "compression_ratio": 0.6},
            {"id": 1, **SEGMENT, "start": 1.1, "end": 1.375, "text": "Hi!", "avg_logprob": -0.5, "compression_ratio": 0.273},
        ]}),
        ({"response_format": "diarized_json"}, {"task": "transcribe", "duration": 2.25, "text": "Hello there. Hi!", **DURATION, "segments": [
            {"type": "transcript.text.segment", "id": "seg_001", "start": 0.1, "end": 1.0, "text": "Hello there.", "speaker": "A"},
            {"type": "transcript.text.segment", "id": "seg_002", "start": 1.1, "end": 1.375, "text": "Hi!", "speaker": "B"},
        ]}),
    ],
)  # fmt: skip
def test_a_transcript_in_openais_shapes(asked, said) -> None:
    result = provider().result(transcription(**asked), HttpReply(200, {}, json.dumps(TALK).encode()))
    assert json.loads(result.body or b"") == said
    assert result.usage == Usage(seconds=Decimal("2.25"))


@pytest.mark.parametrize(
    ("form", "kind", "body"),
    [
        ("text", "text/plain", "Hello there. Hi!\n"),
        ("srt", "application/x-subrip", "1\n00:00:00,100 --> 00:00:01,000\nHello there.\n\n2\n00:00:01,100 --> 00:00:01,375\nHi!\n"),
        ("vtt", "text/vtt", "WEBVTT\n\n00:00:00.100 --> 00:00:01.000\nHello there.\n\n00:00:01.100 --> 00:00:01.375\nHi!\n"),
    ],
)  # fmt: skip
def test_a_transcript_as_text(form, kind, body) -> None:
    result = provider().result(
        transcription(response_format=form), HttpReply(200, {}, json.dumps(TALK).encode())
    )
    assert ((result.body or b"").decode(), result.media_type) == (body, kind + "; charset=utf-8")


@pytest.mark.parametrize(
    ("reply", "usage"),
    [
        ({**TALK, "audio_duration_secs": None}, Usage(seconds=Decimal("1.375"))),
        ({"text": "", "words": [], "audio_duration_secs": 0}, Usage(seconds=Decimal(0))),
        ({"text": "nobody counted"}, None),
    ],
)
def test_the_seconds_are_the_sounds_else_the_last_words(reply, usage) -> None:
    result = provider().result(transcription(), HttpReply(200, {}, json.dumps(reply).encode()))
    assert result.usage == usage


@pytest.mark.parametrize(
    ("status", "detail", "kind", "expected"),
    [
        (401, {"status": "invalid_api_key", "message": "Invalid API key"}, UpstreamDenied, {"scope": "key"}),
        (401, {"status": "quota_exceeded", "message": "This request exceeds your quota."}, UpstreamDenied, {"code": "upstream_quota_exhausted"}),
        (402, {"type": "payment_required", "code": "insufficient_credits", "message": "no"}, UpstreamDenied, {"code": "upstream_quota_exhausted"}),
        (401, {"status": "missing_permissions", "message": "The API key misses text_to_speech"}, UpstreamDenied, {"scope": "allowance"}),
        (429, {"code": "rate_limit_exceeded", "message": "slow down"}, UpstreamBusy, {"scope": "allowance"}),
        (429, {"status": "too_many_concurrent_requests", "message": "Too many"}, UpstreamBusy, {"scope": "allowance"}),
        (429, {"status": "system_busy", "message": "heavy traffic"}, UpstreamBusy, {"scope": "route"}),
        (400, {"status": "voice_not_found", "message": "A voice with id x was not found."}, UpstreamRejected, {"status": 400, "param": "voice", "code": "voice_not_found", "scope": "call"}),
        (404, {"type": "not_found", "code": "voice_not_found", "status": "voice_not_found", "message": "no"}, UpstreamRejected, {"status": 400, "param": "voice"}),
        (400, {"status": "max_character_limit_exceeded", "message": "10001 characters"}, UpstreamRejected, {"status": 400, "code": "max_character_limit_exceeded"}),
        (400, {"type": "validation_error", "code": "invalid_parameters", "status": "invalid_parameters", "param": "num_speakers", "message": "no"}, UpstreamRejected, {"param": "num_speakers"}),
        (422, [{"loc": ["body", "text"], "msg": "field required", "type": "missing"}], UpstreamRejected, {"message": "text: field required"}),
        (400, "Method Not Allowed", UpstreamRejected, {"message": "Method Not Allowed"}),
        (500, {"status": "internal_error", "message": "oops"}, UpstreamError, {"status": 502}),
    ],
)  # fmt: skip
def test_an_error_means_the_same_as_anybodys(status, detail, kind, expected) -> None:
    error = provider().error(HttpReply(status, {}, json.dumps({"detail": detail}).encode()))
    assert type(error) is kind
    assert error.upstream_status == status
    assert {name: getattr(error, name) for name in expected} == expected


@pytest.mark.parametrize("asked", [speech(), transcription()])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"detail":{"status":"system_busy","message":"try again"}}', UpstreamBusy),
        (b'{"detail":"what?"}', UpstreamError),
        (b'{"words":[]}', UpstreamInvalid),
        (b"", UpstreamInvalid),
    ],
)
def test_an_error_with_status_200_is_one(asked, body, kind) -> None:
    with pytest.raises(kind):
        provider().result(msgspec.structs.replace(asked), HttpReply(200, {}, body))
