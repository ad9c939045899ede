"""Speech of Gemini models for callers of OpenAI's dialect."""

from __future__ import annotations

import io
import json
import wave
from base64 import b64encode
from typing import Any

import pytest

from pixapi.errors import BadRequest, UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import Call, Usage
from pixapi.wire.gemini_speech import most_spoken, read_speech, write_speech_call
from pixapi.wire.json import raw

SAMPLES = b"\x01\x00\xff\x7f" * 600
PLAIN = "audio/L16;codec=pcm;rate=24000"


def call(**fields: Any) -> Call:
    given = {name: raw(value) for name, value in {"input": "héllo", **fields}.items()}
    return Call("req_1", "speech", "openai", "alias", "m", given, "ours", 1)


def part(data: bytes = SAMPLES, kind: str = PLAIN) -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": b64encode(data).decode()}}


def answer(*parts: dict[str, Any], reason: str = "STOP", **usage: Any) -> bytes:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    return json.dumps({"candidates": [candidate], "usageMetadata": usage}).encode()


def test_a_voice_is_named_and_the_length_is_bounded() -> None:
    asked = json.loads(write_speech_call(call(voice="Kore", response_format="wav", speed=1)))
    assert asked == {
        "contents": [{"role": "user", "parts": [{"text": "héllo"}]}],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "maxOutputTokens": 306,
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        },
    }
    assert most_spoken(call()) == 306
    assert most_spoken(call(input="x" * 9000)) == 16_384


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "mp3"}, "response_format"),
        ({"speed": 2}, "speed"),
        ({"instructions": "Cheerfully."}, "instructions"),
        ({"voice": {"id": "v"}}, "voice"),
        ({"input": ""}, "input"),
    ],
)
def test_what_it_has_no_word_for_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        write_speech_call(call(**fields))
    assert refused.value.param == param


def test_samples_become_a_file_unless_they_were_asked_for() -> None:
    body = answer(part(), part(), promptTokenCount=4, candidatesTokenCount=25, totalTokenCount=29)
    used = Usage(input=4, output=0, audio_output=25, characters=5)
    file = read_speech(call(), body)
    assert (file.usage, file.media_type) == (used, "audio/wav")
    with wave.open(io.BytesIO(file.body or b"")) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 24_000)
        assert sound.readframes(9999) == SAMPLES * 2
    bare = read_speech(call(response_format="pcm"), body)
    assert (bare.usage, bare.media_type, bare.body) == (used, "audio/pcm", SAMPLES * 2)


@pytest.mark.parametrize(
    ("kind", "rate"), [("audio/L16;codec=pcm;rate=16000", 16_000), ("audio/pcm", 24_000)]
)
def test_the_rate_is_the_servers(kind: str, rate: int) -> None:
    with wave.open(io.BytesIO(read_speech(call(), answer(part(kind=kind))).body or b"")) as sound:
        assert sound.getframerate() == rate


def test_a_file_that_is_one_already_goes_on_as_it_is() -> None:
    result = read_speech(call(), answer(part(b"RIFF", "audio/wav")))
    assert (result.body, result.media_type, result.usage) == (b"RIFF", "audio/wav", Usage(characters=5))
    with pytest.raises(UpstreamInvalid):
        read_speech(call(response_format="pcm"), answer(part(b"RIFF", "audio/wav")))


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b'{"promptFeedback":{"blockReason":"SAFETY"}}', UpstreamRejected, "moderation_blocked"),
        (answer(reason="PROHIBITED_CONTENT"), UpstreamRejected, "moderation_blocked"),
        (answer(part(), reason="MAX_TOKENS"), UpstreamRejected, "text_too_long"),
        (answer({"text": "hi"}), UpstreamInvalid, "upstream_invalid"),
        (answer({"inlineData": {"mimeType": PLAIN, "data": "a"}}), UpstreamInvalid, "upstream_invalid"),
        (answer(part(kind="audio/ogg")), UpstreamInvalid, "upstream_invalid"),
    ],
)
def test_a_reply_without_whole_sound_is_an_error(body: bytes, kind: type[UpstreamError], code: str) -> None:
    with pytest.raises(UpstreamError) as failed:
        read_speech(call(), body)
    assert (type(failed.value), failed.value.code) == (kind, code)
