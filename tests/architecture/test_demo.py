"""`make run` as a newcomer meets it, less the installation: it prints a curl line, and the line works."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

TOML = """
[database]
url = "sqlite:///data/pixapi.db"

[providers.echo]
use = "echo"

[[models]]
id = "echo"
routes = [ { provider = "echo", model = "echo" } ]
price = { input = "1.00", output = "10.00", per = "1M tokens" }
"""
WAIT_S = 60


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "pixapi.toml"
    file.write_text(TOML, encoding="utf-8")
    return file


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Demo:
    """A demo under way; its lines come through a queue, so that waiting for one is bounded."""

    def __init__(self, root: Path, config: Path, port: int) -> None:
        command = [sys.executable, str(root / "deploy/demo.py"), "--config", str(config), "--port", str(port)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.printed: list[str] = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def curl_line(self) -> str:
        while line := self.lines.get(timeout=WAIT_S):
            self.printed.append(line)
            if found := re.search(r"curl [^\n]*/v1/chat/completions[^\n]*", line):
                return found[0]
        raise AssertionError(f"no curl line: {''.join(self.printed)}")

    def end(self) -> int:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        status = self.process.wait(WAIT_S)
        self.reader.join(WAIT_S)
        return status


def reply_of(curl_line: str) -> dict[str, object]:
    done = subprocess.run(curl_line, shell=True, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_printed_line_works_and_the_key_is_kept(root: Path, config: Path) -> None:
    lines = []
    for _ in range(2):
        demo = Demo(root, config, free_port())
        try:
            lines.append(demo.curl_line())
            assert "choices" in reply_of(lines[-1])
        finally:
            assert demo.end() == 0, demo.printed
    keys = [re.findall(r"pix_[A-Za-z0-9_-]+", line)[0] for line in lines]
    assert keys[0] == keys[1]
    kept = config.parent / ".run/demo-key.json"
    assert kept.stat().st_mode & 0o077 == 0


def test_a_lost_database_gets_a_new_key(root: Path, config: Path) -> None:
    folder = config.parent / ".run"
    folder.mkdir()
    (folder / "demo-key.json").write_text('{"id": "key_gone", "key": "pix_gone"}', encoding="utf-8")
    demo = Demo(root, config, free_port())
    try:
        line = demo.curl_line()
        assert "pix_gone" not in line
        assert "choices" in reply_of(line)
    finally:
        assert demo.end() == 0, demo.printed


def test_a_taken_port_is_said(root: Path, config: Path, taken_port: int) -> None:
    command = [sys.executable, str(root / "deploy/demo.py"), "--config", str(config)]
    command += ["--port", str(taken_port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 1
    assert f"Port {taken_port}" in done.stderr
    assert f"make run PORT={taken_port + 1}" in done.stderr
    assert not (config.parent / "data").exists()


def test_a_missing_configuration_is_said(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(root / "deploy/demo.py"), "--config", str(tmp_path / "none.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 1
    assert "pixapi init" in done.stderr
