"""A caller of OpenAI's dialect, a whole gateway, a server that speaks as Ideogram does, and the host of its pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer

TOML = """
[providers.ideogram]
use = "ideogram"
api_key = "key-of-the-operator"
base_url = "{api}"
file_hosts = ["{files}"]

[[models]]
id = "drawer"
routes = [ {{ provider = "ideogram", model = "ideogram-4-5" }} ]
price = {{ input = "0.04", per = "image" }}
"""
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x04\0\x08\x02\0\0\0" + bytes(1_500_000)
PICTURE = Recorded("a picture", PNG, headers={"content-type": "image/png"})
AWAY = Recorded("away", b"busy", status=503)
GONE = Recorded("gone", b"expired", status=403)
PAGE = Recorded("a page", b"<!doctype html><title>Sign in</title>", headers={"content-type": "text/html"})


class World:
    """A gateway, the vendor's API and the host of its files; each request to either takes the next reply."""

    def __init__(self, gateway: RunningGateway, api: ReplayServer, files: ReplayServer) -> None:
        self.gateway, self.api, self.files = gateway, api, files
        self.key = ""

    def ask(self, items: list[dict[str, Any]], *files: Recorded, **fields: Any) -> tuple[int, Any, Any]:
        said = {"generation_id": "g", "data": items}
        self.api.replies[:] = [
            *self.api.replies[: len(self.api.received)],
            Recorded("a reply", json.dumps(said).encode()),
        ]
        self.files.replies[:] = [*self.files.replies[: len(self.files.received)], *files]
        self.asked = len(self.files.received)
        body = {"model": "drawer", "prompt": "a cat", "n": len(items), **fields}
        return self.gateway.request("POST", "/v1/images/generations", body, key=self.key)

    @property
    def fetched(self) -> int:
        return len(self.files.received) - self.asked

    def item(self, number: int = 1, root: str | None = None, **changed: Any) -> dict[str, Any]:
        url = f"{root or self.files.url}/ephemeral/{number}.png?exp=1&sig=2"
        return {"prompt": "p", "resolution": "1024x1024", "is_image_safe": True, "url": url, **changed}

    def charge(self, headers: dict[str, str]) -> Any:
        return self.gateway.request("GET", "/v1/charges/" + headers["x-pixapi-charge"], key=self.key)[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("ideogram")
    with (
        ReplayServer([]) as api,
        ReplayServer([]) as files,
        RunningGateway(folder, TOML.format(api=api.url, files=files.url)) as gateway,
    ):
        world = World(gateway, api, files)
        world.key = gateway.account(credits="1000")
        gateway.start()
        yield world
        assert gateway.json("credits", "balance", "ada@example.com")["held"] == "0"
        assert gateway.cli("ledger", "verify").returncode == 0


def test_bytes_are_fetched_without_the_credential_and_with_patience(world) -> None:
    status, reply, headers = world.ask([world.item()], AWAY, PICTURE)
    assert (status, headers["x-pixapi-cost"], world.fetched) == (200, "4", 2)
    assert base64.b64decode(reply["data"][0]["b64_json"]) == PNG
    assert "url" not in reply["data"][0]
    asked, fetched = world.api.received[-1], world.files.received[-1]
    assert (asked.path, asked.headers["api-key"]) == (
        "/v2/image/generate/ideogram-4-5",
        "key-of-the-operator",
    )
    assert fetched.path == "/ephemeral/1.png?exp=1&sig=2"
    assert "key-of-the-operator" not in str(fetched)
    assert "api-key" not in fetched.headers
    assert "authorization" not in fetched.headers


@pytest.mark.parametrize(
    ("files", "fetched"), [((AWAY,), 3), ((GONE,), 1), ((PAGE,), 1)], ids=["away", "gone", "page"]
)
def test_what_cannot_be_fetched_stays_an_address_and_is_paid_for_once(world, files, fetched) -> None:
    made = len(world.api.received)
    item = world.item()
    status, reply, headers = world.ask([item], *files)
    assert (status, headers["x-pixapi-cost"], world.fetched) == (200, "4", fetched)
    assert reply["data"] == [{"url": item["url"], "revised_prompt": "p"}]
    assert len(world.api.received) == made + 1
    assert world.charge(headers)["status"] == "settled"


def test_other_hosts_are_not_asked(world) -> None:
    elsewhere = world.item(root=world.files.url.replace("127.0.0.1", "localhost"))
    inside = world.item(root="http://169.254.169.254")
    api = world.item(root=world.api.url)
    made = len(world.api.received)
    status, reply, headers = world.ask([elsewhere, inside, api], PICTURE)
    assert (status, headers["x-pixapi-cost"], world.fetched) == (200, "12", 0)
    assert [item["url"] for item in reply["data"]] == [elsewhere["url"], inside["url"], api["url"]]
    assert len(world.api.received) == made + 1


def test_who_asks_for_an_address_gets_it(world) -> None:
    item = world.item()
    status, reply, _ = world.ask([item], response_format="url")
    assert (status, reply["data"][0]["url"], world.fetched) == (200, item["url"], 0)


def test_what_was_withheld_is_told_and_not_charged(world) -> None:
    status, reply, headers = world.ask([world.item(), world.item(is_image_safe=False, url="")], PICTURE)
    assert (status, headers["x-pixapi-cost"]) == (200, "4")
    assert [sorted(item) for item in reply["data"]] == [["b64_json", "revised_prompt"], ["error"]]
    status, reply, headers = world.ask([world.item(is_image_safe=False, url=None)])
    assert (status, reply["error"]["code"], world.fetched) == (400, "content_policy_violation", 0)
    assert world.charge(headers)["status"] == "voided"
