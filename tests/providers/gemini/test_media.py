"""Images and speech over a whole gateway in front of a server of Gemini's API: what comes back, and what it costs."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
import wave
from base64 import b64encode
from pathlib import Path
from typing import Any

from pixapi.interfaces import Upload
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.wire.json import raw
from pixapi.wire.multipart import write_form

TOML = """
[providers.google]
use = "gemini"
api_key = "a-key-of-the-operator"
base_url = "{url}/v1beta"

[[models]]
id = "drawer"
operation = "any"
routes = [ {{ provider = "google", model = "gemini-3-pro-image" }} ]
price = {{ input = "1.00", image_input = "2.00", image_output = "100.00", per = "1M tokens" }}

[[models]]
id = "painter"
operation = "images"
routes = [ {{ provider = "google", model = "imagen-4.0-generate-001" }} ]
price = {{ input = "0.04", per = "image" }}

[[models]]
id = "speaker"
operation = "speech"
routes = [ {{ provider = "google", model = "gemini-3.8-flash-tts" }} ]
price = {{ input = "1.00", audio_output = "10.00", per = "1M tokens" }}
"""
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\x04\0\0\0\x04\0" + b"\x08\x02\0\0\0"
IMAGE = b64encode(PNG).decode()
CAT = Upload("image", "cat.png", "image/png", PNG)
SAMPLES = b"\x01\x00\xff\x7f" * 600


def answer(*parts: dict[str, Any], reason: str = "STOP", **usage: Any) -> bytes:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    return json.dumps({"candidates": [candidate], "usageMetadata": usage}).encode()


def inline(kind: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": data}}


DRAWN = answer(
    inline("image/png", IMAGE),
    promptTokenCount=268,
    candidatesTokenCount=1000,
    totalTokenCount=1268,
    promptTokensDetails=[{"modality": "TEXT", "tokenCount": 10}, {"modality": "IMAGE", "tokenCount": 258}],
    candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 1000}],
)
UNSAFE = answer(reason="IMAGE_SAFETY", promptTokenCount=10, candidatesTokenCount=0, totalTokenCount=10)
PAINTED = {"bytesBase64Encoded": IMAGE, "mimeType": "image/png"}
PREDICTED = json.dumps({"predictions": [PAINTED, {"raiFilteredReason": "58061214"}, PAINTED]}).encode()
SPOKEN = answer(
    inline("audio/L16;codec=pcm;rate=24000", b64encode(SAMPLES).decode()),
    promptTokenCount=3,
    candidatesTokenCount=50,
    totalTokenCount=53,
)


DRAWN_STREAM = b"".join(
    b"data: %s\r\n\r\n" % json.dumps(event).encode()
    for event in (
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Here: "}]}, "index": 0}]},
        json.loads(DRAWN),
    )
)


def post(
    gateway: RunningGateway, key: str, path: str, fields: dict[str, Any], *uploads: Upload
) -> tuple[int, bytes, str]:
    """Status, body, and the media type; bytes, since sound is none of JSON."""
    kind, body = "application/json", json.dumps(fields).encode()
    if uploads:
        kind, body = write_form({name: raw(value) for name, value in fields.items()}, uploads, "seed")
    headers = {"content-type": kind, "authorization": f"Bearer {key}"}
    request = urllib.request.Request(gateway.url + path, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read(), reply.headers["content-type"]
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers["content-type"]


def balance(gateway: RunningGateway) -> str:
    return gateway.json("credits", "balance", "ada@example.com")["balance"]


def test_what_is_delivered_is_paid_and_what_is_kept_back_is_not(tmp_path: Path) -> None:
    answers = [DRAWN, DRAWN, UNSAFE, PREDICTED, SPOKEN]
    with (
        ReplayServer([Recorded(str(n), body) for n, body in enumerate(answers)], seed=3) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="1000")
        gateway.start()
        asked = {"model": "drawer", "prompt": "a cat", "size": "1536x1024"}
        status, body, _ = post(gateway, key, "/v1/images/generations", asked)
        reply = json.loads(body)
        assert (status, reply["data"]) == (200, [{"b64_json": IMAGE}])
        assert reply["usage"]["output_tokens_details"]["image_tokens"] == 1000
        # 10 tokens of text, 258 and 1000 of images: 0.001 + 0.0516 + 10 credits
        assert balance(gateway) == "989.9474"

        edit = {"model": "drawer", "prompt": "a hat", "n": 1}
        status, body, _ = post(gateway, key, "/v1/images/edits", edit, CAT)
        assert (status, json.loads(body)["size"]) == (200, "1024x1024")
        assert balance(gateway) == "979.8948"

        status, body, _ = post(gateway, key, "/v1/images/generations", asked)
        assert (status, json.loads(body)["error"]["code"]) == (400, "moderation_blocked")
        assert balance(gateway) == "979.8948"

        many = {"model": "painter", "prompt": "a cat", "n": 3}
        status, body, _ = post(gateway, key, "/v1/images/generations", many)
        reply = json.loads(body)
        assert (status, len(reply["data"]), reply["filtered"]) == (200, 2, ["58061214"])
        assert balance(gateway) == "971.8948"

        said = {"model": "speaker", "input": "hello", "voice": "Kore"}
        status, body, kind = post(gateway, key, "/v1/audio/speech", said)
        assert (status, kind) == (200, "audio/wav")
        with wave.open(io.BytesIO(body)) as sound:
            assert sound.readframes(9999) == SAMPLES
        assert balance(gateway) == "971.8445"

        status, body, _ = post(gateway, key, "/v1/images/generations", {**asked, "n": 2})
        assert (status, json.loads(body)["error"]["param"]) == (400, "n")

        assert [request.path.rpartition("/")[2] for request in server.received] == [
            "gemini-3-pro-image:generateContent",
            "gemini-3-pro-image:generateContent",
            "gemini-3-pro-image:generateContent",
            "imagen-4.0-generate-001:predict",
            "gemini-3.8-flash-tts:generateContent",
        ]
        sent = json.loads(server.received[1].body)
        assert sent["contents"][0]["parts"][1] == inline("image/png", IMAGE)
        assert sent["generationConfig"] == {"responseModalities": ["IMAGE"]}
        assert gateway.json("credits", "balance", "ada@example.com")["held"] == "0"
        assert gateway.cli("ledger", "verify").returncode == 0


def test_a_chat_of_the_same_dialect_carries_images_as_they_came(tmp_path: Path) -> None:
    answers = [Recorded("whole", DRAWN), Recorded("stream", DRAWN_STREAM, is_stream=True)]
    with (
        ReplayServer(answers, seed=3) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="1000")
        gateway.start()
        asked = {
            "contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
            "generationConfig": {
                "responseModalities": ["TEXT", "IMAGE"],
                "imageConfig": {"aspectRatio": "1:1"},
            },
        }
        _, reply, _ = gateway.request("POST", "/v1beta/models/drawer:generateContent", asked, key=key)
        assert reply.get("candidates") == json.loads(DRAWN)["candidates"], reply
        assert balance(gateway) == "989.9474"
        path = "/v1beta/models/drawer:streamGenerateContent?alt=sse"
        _, text, _ = gateway.request("POST", path, asked, key=key)
        events = [json.loads(line[5:]) for line in text.split("\n") if line.startswith("data:")]
        parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
        assert parts == [{"text": "Here: "}, inline("image/png", IMAGE)]
        assert balance(gateway) == "979.8948"
        for request in server.received:
            sent = json.loads(request.body)["generationConfig"]
            assert sent["responseModalities"] == ["TEXT", "IMAGE"]
            assert sent["imageConfig"] == {"aspectRatio": "1:1"}

        chat = {"model": "drawer", "messages": [{"role": "user", "content": "a cat"}]}
        status, reply, _ = gateway.request("POST", "/v1/chat/completions", chat, key=key)
        assert (status, reply["error"]["param"]) == (400, "model"), "OpenAI's chats have no place for images"
        assert "/v1/images/generations" in reply["error"]["message"]
        assert gateway.cli("ledger", "verify").returncode == 0
