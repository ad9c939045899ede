"""A caller of OpenAI's dialect, a whole gateway, and a server that speaks as Recraft does."""

from __future__ import annotations

import json
from pathlib import Path

from pixapi.interfaces import Upload
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.wire.json import raw
from pixapi.wire.multipart import write_form

TOML = """
[providers.recraft]
use = "recraft"
api_key = "token-of-the-operator"
base_url = "{url}/v1"

[[models]]
id = "drawer"
routes = [ {{ provider = "recraft", model = "recraftv4" }} ]
price = {{ input = "0.06", per = "image" }}
"""
ITEM = {"image_id": "theirs", "b64_json": "aGk="}
MADE = {"created": 1, "credits": 40, "data": [ITEM]}
LINKED = {"created": 1, "credits": 40, "data": [{"image_id": "theirs", "url": "https://img.recraft.ai/x"}]}
DRY = {"code": "not_enough_credits", "message": "token-of-the-operator has none"}


def test_pictures_are_made_charged_and_refused(tmp_path: Path) -> None:
    replies = [
        Recorded("one of two", json.dumps(MADE).encode()),
        Recorded("an address", json.dumps(LINKED).encode()),
        Recorded("an edit", json.dumps(MADE).encode()),
        Recorded("dry", json.dumps(DRY).encode(), status=400),
    ]
    with (
        ReplayServer(replies) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="100")
        gateway.start()
        path, asked = "/v1/images/generations", {"model": "drawer", "prompt": "a cat"}

        status, reply, headers = gateway.request(
            "POST", path, {**asked, "n": 2, "style": "Hand-drawn"}, key=key
        )
        assert (status, headers["x-pixapi-cost"]) == (200, "6")
        assert reply == {"created": 1, "data": [{"b64_json": "aGk="}]}
        sent = json.loads(server.received[0].body)
        assert (sent["model"], sent["style"], sent["response_format"]) == (
            "recraftv4",
            "Hand-drawn",
            "b64_json",
        )

        status, reply, _ = gateway.request("POST", path, {**asked, "response_format": "url"}, key=key)
        assert (status, reply["data"]) == (200, [{"url": "https://img.recraft.ai/x"}])

        image = Upload("image", "a.png", "image/png", b"\x89PNG")
        kind, body = write_form({"model": raw("drawer"), "prompt": raw("a hat")}, [image], "seed")
        status, _, headers = gateway.request(
            "POST", "/v1/images/edits", body, key=key, headers={"content-type": kind}
        )
        assert (status, headers["x-pixapi-cost"]) == (200, "6")
        assert server.received[2].path == "/v1/images/imageToImage"

        status, reply, headers = gateway.request("POST", path, asked, key=key)
        assert (status, reply["error"]["code"]) == (502, "upstream_quota_exhausted")
        assert "token-of-the-operator" not in json.dumps(reply)
        margin = gateway.json("usage", "margin")
        assert "0.12" in json.dumps(margin)  # what the vendor says it was paid, of three calls
        assert gateway.json("credits", "balance", "ada@example.com") == {"balance": "82", "held": "0"}
        assert gateway.cli("ledger", "verify").returncode == 0
