"""Callers of OpenAI's audio API, a whole gateway, and bytes of ElevenLabs' API in random pieces."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

from pixapi.interfaces import Upload
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.wire.json import raw
from pixapi.wire.multipart import read_form, write_form

TOML = """
[providers.eleven]
use = "elevenlabs"
api_key = "eleven-key-of-the-operator"
base_url = "{url}"
voices = {{ alloy = "21m00Tcm4TlvDq8ikWAM" }}
credit_usd = "0.0001"

[[models]]
id = "voice"
operation = "speech"
routes = [ {{ provider = "eleven", model = "eleven_multilingual_v2" }} ]
price = {{ input = "0.0001", per = "character" }}

[[models]]
id = "ears"
operation = "transcriptions"
routes = [ {{ provider = "eleven", model = "scribe_v2" }} ]
price = {{ input = "0.0001", per = "second" }}
"""
MP3 = {"content-type": "audio/mpeg", "character-cost": "3", "request-id": "theirs"}
SPOKEN = b"\xff\xfb\x90" + bytes(range(256)) * 500
TALK = {
    "language_code": "eng",
    "text": "Hi!",
    "words": [{"text": "Hi!", "start": 0.5, "end": 1.5, "type": "word", "logprob": -0.1}],
    "audio_duration_secs": 2.5,
}
SPENT = {"detail": {"status": "quota_exceeded", "message": "key eleven-key-of-the-operator has 0 credits"}}
REPLIES = [
    Recorded("speech", SPOKEN, headers=MP3),
    Recorded("a talk", json.dumps(TALK).encode()),
    Recorded("a quota", json.dumps(SPENT).encode(), status=401),
]


def post(url: str, key: str, kind: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
    headers = {"content-type": kind, "authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read(), {k.lower(): v for k, v in reply.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, error.read(), {k.lower(): v for k, v in error.headers.items()}


def test_speech_a_transcript_and_a_spent_quota(tmp_path: Path) -> None:
    with (
        ReplayServer(REPLIES, seed=5) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="100")
        gateway.start()
        asked = {"model": "voice", "input": "héllo", "voice": "alloy", "response_format": "mp3"}
        body = json.dumps(asked).encode()
        status, sound, headers = post(gateway.url + "/v1/audio/speech", key, "application/json", body)
        assert (status, sound, headers["content-type"]) == (200, SPOKEN, "audio/mpeg")
        assert headers["x-pixapi-cost"] == "0.05", "five characters, not three credits"
        _, charge, _ = gateway.request("GET", "/v1/charges/" + headers["x-pixapi-charge"], key=key)
        assert (charge["usage"], charge["held"]) == ({"characters": 5}, "0.05")
        received = server.received[0]
        assert received.path == "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM?output_format=mp3_44100_128"
        assert received.headers["xi-api-key"] == "eleven-key-of-the-operator"
        assert key not in json.dumps(dict(received.headers))

        file = Upload("file", "talk.mp3", "audio/mpeg", bytes(16_000))
        form = {"model": raw("ears"), "response_format": raw("srt")}
        kind, body = write_form(form, [file], "seed")
        status, text, headers = post(gateway.url + "/v1/audio/transcriptions", key, kind, body)
        assert (status, text) == (200, b"1\n00:00:00,500 --> 00:00:01,500\nHi!\n")
        assert headers["x-pixapi-cost"] == "0.025"
        fields, uploads = read_form(server.received[1].headers["content-type"], server.received[1].body)
        assert bytes(fields["model_id"]) == b'"scribe_v2"'
        assert uploads == (file,)

        status, refusal, _ = post(gateway.url + "/v1/audio/transcriptions", key, kind, body)
        assert (status, b"of-the-operator" in refusal) == (502, False)
        assert json.loads(refusal)["error"]["code"] == "upstream_quota_exhausted"
        assert gateway.cli("ledger", "verify").returncode == 0
