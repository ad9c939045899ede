"""The disk is full: callers get a clear error, nothing is lost, and the gateway goes on when there is room again."""

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
