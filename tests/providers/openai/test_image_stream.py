"""Streams of images over a whole gateway in front of a server of OpenAI's API, whose bytes come in random pieces."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from pixapi.interfaces import Upload
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.testing.scripted import LAST_CHUNK, STREAM_HEAD, ScriptedUpstream, chunked, frames
from pixapi.wire.json import raw
from pixapi.wire.multipart import read_form, write_form

TOML = """
[providers.upstream]
use = "openai"
api_key = "sk-of-the-operator"
base_url = "{url}/v1"

[providers.other]
use = "openai_compatible"
base_url = "{url}/v1"

[[models]]
id = "drawer"
operation = "any"
routes = [ {{ provider = "other", model = "whole-only" }}, {{ provider = "upstream", model = "gpt-image", priority = 2 }} ]
price = {{ input = "5.00", image_input = "10.00", image_output = "40.00", per = "1M tokens" }}
default_output = 5000

[[models]]
id = "whole"
operation = "any"
routes = [ {{ provider = "other", model = "whole-only" }} ]
price = {{ input = "0.04", per = "image" }}
"""
TOLD = {
    "input_tokens": 210,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 200},
    "output_tokens": 1100,
    "total_tokens": 1310,
}
PICTURE = "iVBORw0KGgo" * 20_000


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


SKETCH = event("image_generation.partial_image", b64_json=PICTURE, partial_image_index=0)
DONE = event("image_generation.completed", b64_json=PICTURE, size="1024x1024", usage=TOLD)
EDITED = event("image_edit.completed", b64_json=PICTURE, size="1024x1024", usage=TOLD)
BLOCKED = event("error", error={"code": "moderation_blocked", "type": "user_error", "message": "Not that."})


def charge(gateway: RunningGateway, key: str, headers: dict[str, str]) -> Any:
    return gateway.request("GET", "/v1/charges/" + headers["x-pixapi-charge"], key=key)[1]


def test_a_stream_of_an_image_is_charged_as_its_end_states(tmp_path: Path) -> None:
    streams = [SKETCH + DONE, EDITED, BLOCKED, SKETCH]
    with (
        ReplayServer([Recorded(str(n), s, is_stream=True) for n, s in enumerate(streams)], seed=5) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="1000")
        gateway.start()
        asked = {"model": "drawer", "prompt": "a cat", "stream": True, "partial_images": 1}
        status, text, headers = gateway.request("POST", "/v1/images/generations", asked, key=key)
        assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        sketch, done = map(json.loads, frames(text))
        assert (sketch["type"], done["type"]) == (
            "image_generation.partial_image",
            "image_generation.completed",
        )
        assert sketch["b64_json"] == done["b64_json"] == PICTURE
        paid = charge(gateway, key, headers)
        # 10 of text, 200 of images put in, 1100 put out: 0.005 + 0.2 + 4.4 credits
        assert (paid["status"], paid["amount"], paid["usage_source"]) == ("settled", "4.605", "reported")
        assert float(paid["held"]) >= 5100 * 0.004
        assert json.loads(server.received[0].body) == {**asked, "model": "gpt-image"}

        cat = Upload("image", "cat.png", "image/png", b"\x89PNG")
        edit = {"model": "drawer", "prompt": "a hat", "stream": "true"}
        kind, body = write_form({name: raw(value) for name, value in edit.items()}, [cat], "seed")
        status, text, headers = gateway.request(
            "POST", "/v1/images/edits", body, key=key, headers={"content-type": kind}
        )
        assert (status, json.loads(frames(text)[0])["type"]) == (200, "image_edit.completed")
        assert charge(gateway, key, headers)["amount"] == "4.605"
        fields, uploads = read_form(server.received[1].headers["content-type"], server.received[1].body)
        assert (fields["stream"], uploads) == (raw("true"), (cat,))

        status, reply, headers = gateway.request("POST", "/v1/images/generations", asked, key=key)
        assert (status, reply["error"]["code"]) == (400, "moderation_blocked"), "nothing was sent yet"
        assert charge(gateway, key, headers)["status"] == "voided"

        status, text, headers = gateway.request("POST", "/v1/images/generations", asked, key=key)
        *_, last = map(json.loads, frames(text))
        assert (status, last["error"]["code"]) == (200, "upstream_cut")
        cut = charge(gateway, key, headers)
        assert (cut["status"], cut["usage_source"]) == ("settled", "estimated")
        assert float(cut["amount"]) < 1, "what was sent of it, and no image"

        for fields, param in (({**asked, "n": 2}, "n"), ({**asked, "model": "whole"}, "stream")):
            status, reply, _ = gateway.request("POST", "/v1/images/generations", fields, key=key)
            assert (status, reply["error"]["param"]) == (400, param)
        assert len(server.received) == 4
        assert gateway.json("credits", "balance", "ada@example.com")["held"] == "0"
        assert gateway.cli("ledger", "verify").returncode == 0


def test_who_leaves_after_a_sketch_pays_for_the_image(tmp_path: Path) -> None:
    """A sketch shows nearly all of it, and the server goes on drawing at the operator's cost."""
    upstream = ScriptedUpstream(
        {"gpt-image": [STREAM_HEAD + chunked(SKETCH), 1.5, chunked(DONE), LAST_CHUNK]}
    )
    toml = TOML.format(url=f"http://127.0.0.1:{upstream.port}")
    with RunningGateway(tmp_path, toml) as gateway:
        key = gateway.account(credits="1000")
        gateway.start()
        body = json.dumps({"model": "drawer", "prompt": "a cat", "stream": True}).encode()
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as caller:
            caller.sendall(
                b"POST /v1/images/generations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                + f"authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
                + body
            )
            came = b""
            while b"partial_image" not in came:
                came += caller.recv(65536)
        deadline_s = time.monotonic() + 10
        while (row := gateway.json("requests", "list")[0])["status"] == "held":
            assert time.monotonic() < deadline_s, "the hold was never resolved"
            time.sleep(0.1)
        assert (row["status"], row["usage_source"]) == ("settled", "reported")
        assert gateway.json("credits", "balance", "ada@example.com")["balance"] == "995.395"
        assert upstream.left["gpt-image"] == 0
        assert gateway.cli("ledger", "verify").returncode == 0
    upstream.close()
