"""A caller of OpenAI's dialect, a whole gateway, and a server that speaks as Stability AI does."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from pixapi.interfaces import Upload
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.wire.json import decode_any, raw
from pixapi.wire.multipart import read_form, write_form

TOML = """
[providers.stability]
use = "stability"
api_key = "sk-of-the-operator"
base_url = "{url}"

[[models]]
id = "drawer"
routes = [ {{ provider = "stability", model = "core" }} ]
price = {{ input = "0.03", per = "image" }}

[[models]]
id = "mender"
routes = [ {{ provider = "stability", model = "inpaint" }} ]
price = {{ input = "0.05", per = "image" }}
"""
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x04\0\x08\x02\0\0\0" + bytes(3_000_000)
PICTURE = base64.b64encode(PNG).decode()
MADE = {"image": PICTURE, "finish_reason": "SUCCESS", "seed": 7}
FLAGGED = {
    "id": "1",
    "name": "content_moderation",
    "errors": ["Your request was flagged by our content moderation system"],
}
DENIED = {"id": "2", "name": "unauthorized", "errors": ["sk-of-the-operator is unknown"]}


def test_pictures_are_made_charged_and_refused(tmp_path: Path) -> None:
    replies = [
        Recorded("a picture", json.dumps(MADE).encode()),
        Recorded("an edit", json.dumps(MADE).encode()),
        Recorded("withheld", json.dumps({**MADE, "finish_reason": "CONTENT_FILTERED"}).encode()),
        Recorded("flagged", json.dumps(FLAGGED).encode(), status=403),
        Recorded("denied", json.dumps(DENIED).encode(), status=401),
    ]
    with (
        ReplayServer(replies) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="100")
        gateway.start()
        path, asked = "/v1/images/generations", {"model": "drawer", "prompt": "a cat"}

        status, reply, headers = gateway.request("POST", path, {**asked, "size": "1536x1024"}, key=key)
        assert (status, headers["x-pixapi-cost"]) == (200, "3")
        assert base64.b64decode(reply["data"][0]["b64_json"]) == PNG
        sent = server.received[0]
        assert (sent.path, sent.headers["accept"]) == (
            "/v2beta/stable-image/generate/core",
            "application/json",
        )
        form, _ = read_form(sent.headers["content-type"], sent.body)
        assert {name: decode_any(value) for name, value in form.items()} == {
            "prompt": "a cat",
            "aspect_ratio": "3:2",
        }

        files = [Upload("image", "a.png", "image/png", PNG), Upload("mask", "m.png", "image/png", PNG)]
        kind, body = write_form({"model": raw("mender"), "prompt": raw("a hat")}, files, "seed")
        status, reply, headers = gateway.request(
            "POST", "/v1/images/edits", body, key=key, headers={"content-type": kind}
        )
        assert (status, headers["x-pixapi-cost"]) == (200, "5")
        _, uploads = read_form(server.received[1].headers["content-type"], server.received[1].body)
        assert [(upload.name, upload.data) for upload in uploads] == [("image", PNG), ("mask", PNG)]

        for code in ("content_policy_violation", "content_policy_violation", "upstream_denied"):
            status, reply, headers = gateway.request("POST", path, asked, key=key)
            assert (status, reply["error"]["code"]) == (502 if code == "upstream_denied" else 400, code)
            charge = gateway.request("GET", "/v1/charges/" + headers["x-pixapi-charge"], key=key)[1]
            assert charge["status"] == "voided"
            assert "sk-of-the-operator" not in json.dumps(reply)

        refused = gateway.request("POST", path, {**asked, "n": 2}, key=key)
        assert (refused[0], refused[1]["error"]["param"]) == (400, "n")
        assert len(server.received) == 5
        assert gateway.json("credits", "balance", "ada@example.com") == {"balance": "92", "held": "0"}
        assert gateway.cli("ledger", "verify").returncode == 0
