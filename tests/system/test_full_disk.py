"""The disk is full: callers get a clear error, nothing is lost, and the gateway goes on when there is room again."""

import os
import subprocess
import time

import pytest

from pixapi.testing.gateway import ECHO, RunningGateway

ROOM = 24 * 1024 * 1024
LIMITS = (
    "[limits]\nrequests_per_minute = 10000000\ntokens_per_minute = 10000000000\nconcurrent_requests = 1000\n"
)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(
            f"NOT TESTED: a file system of a fixed size cannot be mounted here: {mounted.stderr.strip()}"
        )
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_calls_and_loses_nothing(small_disk):
    with RunningGateway(small_disk, ECHO + LIMITS) as gateway:
        key = gateway.account(credits="1000")
        gateway.start()
        assert gateway.chat(key)[0] == 200
        ballast = small_disk / "ballast"
        with ballast.open("wb") as file:
            try:
                while True:
                    file.write(b"x" * 65536)
                    file.flush()
            except OSError:
                pass
        statuses = []
        for _ in range(400):
            status, reply, _ = gateway.chat(key, "x" * 2000)
            statuses.append(status)
            if status != 200:
                assert status == 503, reply
                assert reply["error"]["message"]
                break
        assert statuses[-1] == 503, "the disk did not fill up"
        assert gateway.process.poll() is None
        ballast.unlink()
        for _ in range(100):
            if gateway.chat(key)[0] == 200:
                break
            time.sleep(0.2)
        assert gateway.chat(key)[0] == 200
        for _ in range(100):
            if gateway.json("credits", "balance", "ada@example.com")["held"] == "0":
                break
            time.sleep(0.2)
        assert gateway.json("credits", "balance", "ada@example.com")["held"] == "0"
        assert gateway.cli("ledger", "verify").returncode == 0


def test_a_full_disk_refuses_large_files_and_gives_their_room_back(small_disk, tmp_path):
    """The database lies elsewhere; only the folder for uploads is small."""
    toml = ECHO.replace("price = {", "default_output = 1\nprice = {")
    with RunningGateway(tmp_path, toml + LIMITS, server=f'upload_folder = "{small_disk}"') as gateway:
        key = gateway.account(credits="1000")
        gateway.start()
        free = os.statvfs(small_disk).f_bavail
        kind = {"content-type": "multipart/form-data; boundary=b"}

        def sent(megabytes):
            file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n%s\r\n' % bytes(
                megabytes * 1024 * 1024
            )
            model = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\necho\r\n--b--\r\n'
            return gateway.request("POST", "/v1/audio/transcriptions", file + model, key=key, headers=kind)

        status, reply, headers = sent(28)
        assert (status, reply["error"]["code"]) == (503, "no_disk_space")
        assert headers["retry-after"]
        assert sent(12)[0] == 200
        for _ in range(100):
            if os.statvfs(small_disk).f_bavail == free:
                break
            time.sleep(0.05)
        assert os.statvfs(small_disk).f_bavail == free
        assert gateway.json("credits", "balance", "ada@example.com")["held"] == "0"
        assert "upload_not_kept" in gateway.log.read_text()
