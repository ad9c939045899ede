"""A caller of OpenAI's dialect, a whole gateway, and a server that speaks as Ark does."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from pixapi.interfaces import Upload
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.wire.json import raw
from pixapi.wire.multipart import write_form

TOML = """
[providers.ark]
use = "ark"
api_key = "key-of-the-operator"
base_url = "{url}/api/v3"
watermark = false

[[models]]
id = "drawer"
routes = [ {{ provider = "ark", model = "doubao-seedream-4-5" }} ]
price = {{ input = "0.04", per = "image" }}

[[models]]
id = "by-size"
routes = [ {{ provider = "ark", model = "doubao-seedream-4-5" }} ]
price = {{ input = "0.01", per = "megapixel" }}
"""
USAGE = {"generated_images": 1, "output_tokens": 16384, "total_tokens": 16384}
ITEM = {"b64_json": "aGk=", "size": "2048x2048"}
LARGE = {"b64_json": "aGk=", "size": "5504x3040"}
BLOCKED = {"error": {"code": "OutputImageSensitiveContentDetected", "message": "sensitive"}}
PNG = b"\x89PNG\r\n\x1a\n"


def said(*items: dict[str, object]) -> bytes:
    return json.dumps({"model": "theirs", "created": 1, "data": items, "usage": USAGE}).encode()


def test_pictures_are_made_charged_and_refused(tmp_path: Path) -> None:
    missing = {"error": {"code": "ModelNotOpen", "message": "account 2100000001 has not activated it"}}
    replies = [
        Recorded("two of a group", said(ITEM, BLOCKED, ITEM)),
        Recorded("an edit", said(ITEM)),
        Recorded("a large one", said(LARGE)),
        Recorded("blocked", said(BLOCKED)),
        Recorded("missing", json.dumps(missing).encode(), status=404),
    ]
    with (
        ReplayServer(replies) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="100")
        gateway.start()
        path, asked = "/v1/images/generations", {"model": "drawer", "prompt": "a cat"}

        group = {**asked, "n": 3, "sequential_image_generation": "auto"}
        status, reply, headers = gateway.request("POST", path, group, key=key)
        assert (status, headers["x-pixapi-cost"]) == (200, "8")
        assert [next(iter(item)) for item in reply["data"]] == ["b64_json", "error", "b64_json"]
        sent = json.loads(server.received[0].body)
        assert sent["sequential_image_generation_options"] == {"max_images": 3}
        assert (sent["watermark"], "n" in sent) == (False, False)

        image = Upload("image", "a.png", "image/png", PNG)
        kind, body = write_form({"model": raw("drawer"), "prompt": raw("a hat")}, [image], "seed")
        status, _, headers = gateway.request(
            "POST", "/v1/images/edits", body, key=key, headers={"content-type": kind}
        )
        assert (status, headers["x-pixapi-cost"]) == (200, "4")
        assert server.received[1].path == "/api/v3/images/generations"
        data_url = json.loads(server.received[1].body)["image"]
        assert base64.b64decode(data_url.removeprefix("data:image/png;base64,")) == PNG

        by_size = {**asked, "model": "by-size", "size": "4K"}
        status, _, headers = gateway.request("POST", path, by_size, key=key)
        charge = gateway.request("GET", "/v1/charges/" + headers["x-pixapi-charge"], key=key)[1]
        assert (status, charge["amount"], charge["written_off"]) == (200, "16.73216", "0")
        assert float(charge["held"]) >= 16.73216

        status, reply, headers = gateway.request("POST", path, asked, key=key)
        assert (status, reply["error"]["code"]) == (400, "content_policy_violation")
        status, reply, headers = gateway.request("POST", path, asked, key=key)
        assert (status, reply["error"]["code"]) == (404, "model_not_found")
        assert "2100000001" not in json.dumps(reply)
        assert gateway.json("credits", "balance", "ada@example.com")["balance"] == "71.26784"
        assert gateway.cli("ledger", "verify").returncode == 0
