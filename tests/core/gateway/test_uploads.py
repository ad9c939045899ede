"""Large files through a whole gateway: where they lie, what they cost in memory, and that they are let go."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pixapi.interfaces import Upload
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.wire.json import raw
from pixapi.wire.multipart import read_form, write_form

MB = 1024 * 1024
TOML = """
[providers.bad]
use = "openai_compatible"
base_url = "{bad}/v1"
api_key = "none"
[providers.good]
use = "openai_compatible"
base_url = "{good}/v1"
api_key = "none"
[providers.slow]
use = "echo"
gate_file = "never"
gate_timeout_s = 30
[[models]]
id = "ears"
routes = [ {{ provider = "bad", model = "x", priority = 1 }}, {{ provider = "good", model = "x", priority = 2 }} ]
price = {{ input = "0.0000001", per = "second" }}
[[models]]
id = "good"
routes = [ {{ provider = "good", model = "x" }} ]
price = {{ input = "0.0000001", per = "second" }}
[[models]]
id = "slow"
routes = [ {{ provider = "slow", model = "x" }} ]
price = {{ input = "0.0000001", per = "second" }}
"""
SECRET = b"words that nobody else shall read"


class Place:
    """A gateway, its two model servers and the folder for large files."""

    def __init__(self, gateway, bad, good, folder, key) -> None:
        self.gateway, self.bad, self.good, self.folder, self.key = gateway, bad, good, folder, key

    @property
    def process(self) -> Path:
        return Path("/proc") / str(self.gateway.process.pid)

    def megabytes(self) -> float:
        """The memory of its own that the gateway's process has."""
        for line in (self.process / "status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("the kernel does not tell")

    def open_files(self) -> list[str]:
        """What it has open in the folder."""
        found = []
        for link in (self.process / "fd").iterdir():
            try:
                name = str(link.readlink())
            except OSError:
                continue
            if name.startswith(str(self.folder)):
                found.append(name)
        return found

    def post(self, model: str, content: bytes, *, chunked: bool = False) -> tuple[int, dict]:
        kind, body = form(model, content)
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=60)
        headers = {"content-type": kind, "authorization": f"Bearer {self.key}"}
        sent = (body[at : at + MB] for at in range(0, len(body), MB)) if chunked else body
        connection.request("POST", "/v1/audio/transcriptions", sent, headers, encode_chunked=chunked)
        reply = connection.getresponse()
        said = json.loads(reply.read())
        connection.close()
        return reply.status, said

    def until(self, condition) -> None:
        for _ in range(200):
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError("it did not come to pass within 10 s")


def form(model: str, content: bytes) -> tuple[str, bytes]:
    kind, body = write_form({"model": raw(model)}, [Upload("file", "a.mp3", "audio/mpeg", content)], "seed")
    assert isinstance(body, bytes)
    return kind, body


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("NOT TESTED: this system does not tell what a process has open")
    home, folder = tmp_path_factory.mktemp("gateway"), tmp_path_factory.mktemp("large")
    fails = [Recorded("busy", b'{"error":{"message":"busy"}}', status=503)]
    server = f'max_body_bytes = {30 * MB}\nupload_folder = "{folder}"'
    with (
        ReplayServer(fails) as bad,
        ReplayServer([Recorded("heard", b'{"text":"x"}')]) as good,
        RunningGateway(home, TOML.format(bad=bad.url, good=good.url), server=server) as gateway,
    ):
        key = gateway.account(credits="1000000")
        gateway.start()
        yield Place(gateway, bad, good, folder, key)
        assert gateway.json("credits", "balance", "ada@example.com")["held"] == "0"
        assert gateway.cli("ledger", "verify").returncode == 0


def hash_of_last(server: ReplayServer) -> str:
    received = server.received[-1]
    _, (upload,) = read_form(received.headers["content-type"], received.body)
    assert (upload.name, upload.filename, upload.media_type) == ("file", "a.mp3", "audio/mpeg")
    return hashlib.sha256(upload.data).hexdigest()


def test_trap_23_large_files_are_not_in_memory_and_stop_nobody(place) -> None:
    content = (SECRET + os.urandom(MB)) * 24
    assert place.post("good", content)[0] == 200
    before, most, waits, stop = place.megabytes(), 0.0, [], threading.Event()

    def look() -> None:
        nonlocal most
        while not stop.is_set():
            began_s = time.monotonic()
            assert place.gateway.request("GET", "/healthz")[0] == 200
            waits.append(time.monotonic() - began_s)
            most = max(most, place.megabytes())

    looking = threading.Thread(target=look)
    looking.start()
    with ThreadPoolExecutor(4) as pool:
        statuses = [status for status, _ in pool.map(lambda _: place.post("good", content), range(6))]
    stop.set()
    looking.join()
    assert statuses == [200] * 6
    assert most - before < 48, "one such file in memory twice, or two of them once"
    assert sorted(waits)[len(waits) // 2] < 0.5
    assert hash_of_last(place.good) == hashlib.sha256(content).hexdigest()
    assert SECRET.decode() not in place.gateway.log.read_text()


@pytest.mark.parametrize("size", [0, 1000, MB - 1, MB, MB + 1, 5 * MB + 7])
def test_a_file_arrives_whole_at_the_second_server_when_the_first_fails(place, size) -> None:
    content = os.urandom(size)
    asked = len(place.bad.received)
    assert place.post("ears", content) == (200, {"text": "x"})
    assert hash_of_last(place.good) == hashlib.sha256(content).hexdigest()
    if len(place.bad.received) > asked:  # until it is on cool-down
        assert hash_of_last(place.bad) == hashlib.sha256(content).hexdigest()
    place.until(lambda: not place.open_files())


@pytest.mark.parametrize("chunked", [False, True])
def test_the_cap_holds_however_the_length_is_told(place, chunked) -> None:
    status, said = place.post("good", bytes(31 * MB), chunked=chunked)
    assert (status, said["error"]["code"]) == (413, "request_too_large")
    place.until(lambda: not place.open_files())


def test_what_turns_out_to_be_no_form_is_refused_and_gone(place) -> None:
    kind, body = form("good", bytes(3 * MB))
    for sent in (body[:-10], body.replace(b"filename", b"filenome", 1)):
        status, reply, _ = place.gateway.request(
            "POST", "/v1/audio/transcriptions", sent, key=place.key, headers={"content-type": kind}
        )
        assert (status, reply["error"]["code"]) == (400, "invalid_request")
    place.until(lambda: not place.open_files())


@pytest.mark.parametrize("share", [0.6, 1.0])
def test_who_leaves_takes_the_file_along(place, share) -> None:
    """In the middle of sending it, or while its model's server thinks."""
    kind, body = form("slow", bytes(8 * MB))
    head = f"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n"
    head += f"authorization: Bearer {place.key}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", place.gateway.port), timeout=20) as caller:
        caller.sendall(head.encode() + body[: int(len(body) * share)])
        place.until(place.open_files)
        assert list(place.folder.iterdir()) == [], "the file has a name"
    place.until(lambda: not place.open_files())


def test_a_quote_of_a_large_file_keeps_nothing(place) -> None:
    kind, body = form("good", bytes(3 * MB))
    status, quote, _ = place.gateway.request(
        "POST", "/v1/quote?operation=transcriptions", body, key=place.key, headers={"content-type": kind}
    )
    assert (status, quote["units_max"]) == (200, {"seconds": "4195"})
    assert place.open_files() == []


def test_a_folder_that_cannot_be_written_to_is_told_and_small_files_go_on(place) -> None:
    mode = place.folder.stat().st_mode
    away = place.folder.with_name("away")
    place.folder.rename(away)
    try:
        status, said = place.post("good", bytes(3 * MB))
        assert (status, said["error"]["code"]) == (503, "no_disk_space")
        assert "nothing was charged" in said["error"]["message"]
        assert str(place.folder) not in said["error"]["message"]
        assert place.post("good", bytes(1000))[0] == 200
    finally:
        away.rename(place.folder)
    assert place.folder.stat().st_mode == mode
    assert place.post("good", bytes(3 * MB))[0] == 200
