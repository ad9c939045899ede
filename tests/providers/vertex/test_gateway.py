"""A whole gateway in front of Vertex AI: the token is fetched once, every call carries it, and is charged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.testing.scripted import frames

rsa = pytest.importorskip(
    "cryptography.hazmat.primitives.asymmetric.rsa", reason="NOT TESTED: no cryptography"
)

TOML = """
[providers.google]
use = "vertex"
project = "a-project"
location = "europe-west4"
credentials = {{ file = "account.json" }}
token_url = "{tokens}/token"
base_url = "{models}/v1"

[[models]]
id = "gemini"
routes = [ {{ provider = "google", model = "gemini-2.5-flash" }} ]
price = {{ input = "1.00", output = "10.00", per = "1M tokens" }}

[[models]]
id = "painter"
operation = "images"
routes = [ {{ provider = "google", model = "imagen-4.0-generate-001" }} ]
price = {{ input = "0.04", per = "image" }}
"""
STREAM = (
    b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]}}],'
    b'"usageMetadata":{"trafficType":"ON_DEMAND"}}\r\n\r\n'
    b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"!"}]},"finishReason":"STOP"}],'
    b'"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7}}\r\n\r\n'
)
WHOLE = (
    b'{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],'
    b'"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1,"totalTokenCount":6}}'
)
PAINTED = b'{"predictions":[{"bytesBase64Encoded":"aGk=","mimeType":"image/png"}]}'
FILTERED = b'{"predictions":[{"raiFilteredReason":"58061214"}]}'


def write_account(folder: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
    account = {"client_email": "gateway@a-project.iam.gserviceaccount.com", "private_key": pem}
    (folder / "account.json").write_text(json.dumps(account))


def test_calls_carry_one_token(tmp_path: Path) -> None:
    token = Recorded("token", b'{"access_token":"token-1","expires_in":3599}')
    answers = [Recorded("stream", STREAM, is_stream=True), Recorded("whole", WHOLE)]
    with ReplayServer([token]) as tokens, ReplayServer(answers, seed=5) as models:
        write_account(tmp_path)
        with RunningGateway(tmp_path, TOML.format(tokens=tokens.url, models=models.url)) as gateway:
            key = gateway.account(credits="100")
            gateway.start()
            status, text, _ = gateway.chat(key, model="gemini", stream=True)
            assert status == 200
            deltas = [json.loads(frame)["choices"][0]["delta"] for frame in frames(text)[:-1]]
            assert "".join(delta.get("content") or "" for delta in deltas) == "Hi!"
            status, reply, headers = gateway.chat(key, model="gemini")
            assert (status, reply["choices"][0]["message"]["content"]) == (200, "Hi")
            assert reply["usage"]["total_tokens"] == 6
            assert headers["x-pixapi-cost"]
            assert len(tokens.received) == 1
            assert [call.headers["authorization"] for call in models.received] == ["Bearer token-1"] * 2
            assert models.received[0].path == (
                "/v1/projects/a-project/locations/europe-west4/publishers/google/models/gemini-2.5-flash"
                ":streamGenerateContent?alt=sse"
            )
            assert gateway.cli("ledger", "verify").returncode == 0


def test_an_image_is_paid_and_a_filtered_one_is_not(tmp_path: Path) -> None:
    token = Recorded("token", b'{"access_token":"token-1","expires_in":3599}')
    answers = [Recorded("an image", PAINTED), Recorded("filtered", FILTERED)]
    with ReplayServer([token]) as tokens, ReplayServer(answers, seed=5) as models:
        write_account(tmp_path)
        with RunningGateway(tmp_path, TOML.format(tokens=tokens.url, models=models.url)) as gateway:
            key = gateway.account(credits="100")
            gateway.start()
            asked = {"model": "painter", "prompt": "a cat", "n": 2, "size": "1024x1024"}
            status, reply, headers = gateway.request("POST", "/v1/images/generations", asked, key=key)
            assert (status, reply["data"]) == (200, [{"b64_json": "aGk="}])
            assert headers["x-pixapi-cost"] == "4"
            status, reply, _ = gateway.request("POST", "/v1/images/generations", asked, key=key)
            assert (status, reply["error"]["code"]) == (400, "moderation_blocked")
            left = gateway.json("credits", "balance", "ada@example.com")
            assert (left["balance"], left["held"]) == ("96", "0")
            assert models.received[0].path.endswith(
                "/publishers/google/models/imagen-4.0-generate-001:predict"
            )
            assert models.received[0].headers["authorization"] == "Bearer token-1"
            assert json.loads(models.received[0].body)["parameters"]["sampleCount"] == 2
