"""A whole gateway in front of a resource of Azure OpenAI, whose bytes come in random pieces."""

from __future__ import annotations

import json
from pathlib import Path

from pixapi.interfaces import Upload
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.testing.scripted import frames
from pixapi.wire.json import raw
from pixapi.wire.multipart import write_form

TOML = """
[providers.azure]
use = "azure_openai"
endpoint = "{url}"
authority = "{url}"
tenant_id = "tenant"
client_id = "application"
client_secret = "secret-of-the-operator"

[[models]]
id = "gpt"
routes = [ {{ provider = "azure", model = "my-deployment" }} ]
price = {{ input = "1.00", output = "10.00", per = "1M tokens" }}

[[models]]
id = "drawer"
operation = "any"
routes = [ {{ provider = "azure", model = "my-drawer" }} ]
price = {{ input = "5.00", image_input = "10.00", image_output = "40.00", per = "1M tokens" }}

[[models]]
id = "speaker"
operation = "speech"
routes = [ {{ provider = "azure", model = "my-speaker" }} ]
price = {{ input = "0.00001", per = "character" }}

[[models]]
id = "listener"
operation = "transcriptions"
routes = [ {{ provider = "azure", model = "my-listener" }} ]
price = {{ input = "0.0001", per = "second" }}
"""
TOKEN = b'{"token_type":"Bearer","expires_in":3599,"access_token":"token-of-the-hour"}'
STREAM = (
    b'data: {"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[]}\n\n'
    b'data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"gpt-5","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":"hi"},"finish_reason":null,"content_filter_results":{}}]}\n\n'
    b'data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"gpt-5","choices":[{"index":0,'
    b'"delta":{},"finish_reason":"content_filter"}]}\n\n'
    b'data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"gpt-5","choices":[],'
    b'"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}\n\n'
    b"data: [DONE]\n\n"
)
BLOCKED = (
    b'{"error":{"code":"content_filter","message":"The prompt was filtered.","param":"prompt","status":400}}'
)
REPLIES = [
    Recorded("a token", TOKEN),
    Recorded("a stream", STREAM, is_stream=True),
    Recorded("blocked", BLOCKED, status=400),
]
DRAWN = {
    "created": 1,
    "data": [{"b64_json": "aGk="}],
    "usage": {
        "input_tokens": 210,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 200},
        "output_tokens": 1000,
        "total_tokens": 1210,
    },
}
HEARD = {"text": "hi", "duration": 2.5, "segments": []}
MEDIA = [
    Recorded("a token", TOKEN),
    Recorded("an image", json.dumps(DRAWN).encode()),
    Recorded("an edited image", json.dumps(DRAWN).encode()),
    Recorded("a sound", b"ID3 sound", headers={"content-type": "audio/mpeg"}),
    Recorded("a text", json.dumps(HEARD).encode()),
]


def test_images_and_audio_of_an_older_version(tmp_path: Path) -> None:
    toml = TOML.replace("tenant_id", 'api_version = "2025-04-01-preview"\ntenant_id')
    with (
        ReplayServer(MEDIA, seed=5) as server,
        RunningGateway(tmp_path, toml.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="100")
        gateway.start()
        picture = Upload("image[]", "cat.png", "image/png", b"\x89PNG")
        sound = Upload("file", "hi.mp3", "audio/mpeg", b"\xff\xfb" * 4000)
        for path, fields, uploads, cost in (
            ("/v1/images/generations", {"model": "drawer", "prompt": "a cat"}, (), "4.205"),
            ("/v1/images/edits", {"model": "drawer", "prompt": "a hat"}, (picture,), "4.205"),
            ("/v1/audio/speech", {"model": "speaker", "input": "hello", "voice": "alloy"}, (), "0.005"),
            (
                "/v1/audio/transcriptions",
                {"model": "listener", "response_format": "verbose_json"},
                (sound,),
                "0.025",
            ),
        ):
            kind, body = "application/json", json.dumps(fields).encode()
            if uploads:
                kind, body = write_form({name: raw(value) for name, value in fields.items()}, uploads, "seed")
            status, reply, headers = gateway.request(
                "POST", path, body, key=key, headers={"content-type": kind}
            )
            assert (status, headers["x-pixapi-cost"]) == (200, cost), reply
        query = "?api-version=2025-04-01-preview"
        assert [request.path for request in server.received[1:]] == [
            f"/openai/deployments/my-drawer/images/generations{query}",
            f"/openai/deployments/my-drawer/images/edits{query}",
            f"/openai/deployments/my-speaker/audio/speech{query}",
            f"/openai/deployments/my-listener/audio/transcriptions{query}",
        ]
        assert {request.headers["authorization"] for request in server.received[1:]} == {
            "Bearer token-of-the-hour"
        }
        assert b"\x89PNG" in server.received[2].body
        assert gateway.cli("ledger", "verify").returncode == 0


def test_a_stream_and_a_blocked_prompt(tmp_path: Path) -> None:
    with (
        ReplayServer(REPLIES, seed=5) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="100")
        gateway.start()
        status, text, _ = gateway.chat(key, model="gpt", stream=True)
        assert status == 200
        chunks = [json.loads(frame) for frame in frames(text)[:-1]]
        assert {chunk["model"] for chunk in chunks} == {"gpt"}
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        assert "".join(choice["delta"].get("content") or "" for choice in choices) == "hi"
        assert choices[-1]["finish_reason"] == "content_filter"
        token, asked = server.received
        assert (token.path, asked.path) == ("/tenant/oauth2/v2.0/token", "/openai/v1/chat/completions")
        assert asked.headers["authorization"] == "Bearer token-of-the-hour"
        assert json.loads(asked.body)["model"] == "my-deployment"
        status, reply, _ = gateway.chat(key, model="gpt")
        assert (status, reply["error"]["code"]) == (400, "content_filter")
        assert len(server.received) == 3, "one token serves many calls"
        assert gateway.cli("ledger", "verify").returncode == 0
