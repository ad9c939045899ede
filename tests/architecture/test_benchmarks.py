"""The measuring programs run, so that they are there when a figure is doubted. How fast is not asked here."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

MEASURES = pytest.mark.skipif(
    shutil.which("wrk") is None or shutil.which("taskset") is None or len(os.sched_getaffinity(0)) < 2,
    reason="measuring needs wrk, taskset and two cores",
)


LAUNCH = """
import sys
from pathlib import Path
from benchmarks.gateways import start_upstream
contender = start_upstream(Path(sys.argv[1]), core=None)
print(contender.target.url.rpartition(":")[2], contender.program.process.pid, flush=True)
sys.stdin.read()
contender.stop()
"""
"""Starts the stand-in as the measuring programs do, and ends it when its own input ends."""


@contextmanager
def launched(root: Path, folder: Path) -> Generator[tuple[subprocess.Popen[str], int, int]]:
    """The program that has started a stand-in, the stand-in's port and its process id."""
    command = [sys.executable, "-c", LAUNCH, str(folder)]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        port, pid = map(int, program.stdout.readline().split())
        yield program, port, pid


@pytest.fixture
def upstream(root: Path, tmp_path: Path) -> Iterator[int]:
    """The port of a running stand-in."""
    with launched(root, tmp_path) as (_, port, _):
        yield port


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def listens(port: int) -> bool:
    """Whether somebody takes connections. A process that is no more may, as long as one of its threads has not ended."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:
        return True  # it is just ending


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NOT TESTED: there is no /proc")
def test_what_a_measurement_has_started_does_not_outlive_it(root: Path, tmp_path: Path) -> None:
    with launched(root, tmp_path) as (program, port, pid):
        assert is_alive(pid)
        program.kill()
        program.wait(10)
        until = time.monotonic() + 5
        while (is_alive(pid) or listens(port)) and time.monotonic() < until:
            time.sleep(0.02)
        assert not is_alive(pid)
        assert not listens(port)


def call(port: int, model: str, *, stream: bool) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps({"model": model, "stream": stream}))
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_the_stand_in_answers_as_it_says(upstream: int) -> None:
    status, body = call(upstream, "bench", stream=False)
    assert status == 200
    assert json.loads(body)["usage"]["total_tokens"] == 90
    for model in ("bench", "paced"):
        status, body = call(upstream, model, stream=True)
        events = body.split(b"\n\n")
        assert (status, events[-2:], body.count(b" token")) == (200, [b"data: [DONE]", b""], 100), model
        assert json.loads(events[-3].removeprefix(b"data: "))["usage"]["completion_tokens"] == 100
    assert call(upstream, "error", stream=False)[0] == 500
    assert call(upstream, "busy", stream=True)[0] == 429
    for stream in (False, True):
        with pytest.raises(http.client.IncompleteRead):
            call(upstream, "cut", stream=stream)


MEASURE = """
import os, runpy, signal, sys, threading
def until_the_end():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=until_the_end, daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a module that is interrupted when its input ends, so that it ends with the tests, what it has started too."""


def measure(root: Path, *arguments: str) -> tuple[int | None, str]:
    """Runs a measuring program; one that takes too long is interrupted, so that it ends what it has started."""
    program = subprocess.Popen(
        [sys.executable, "-c", MEASURE, *arguments],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert program.stdout is not None
    with ThreadPoolExecutor(1) as reader:
        said = reader.submit(program.stdout.read)
        try:
            program.wait(240)
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGINT)
            program.wait(50)
            return None, f"not done within 240 s\n{said.result()}"
        return program.returncode, said.result()


@MEASURES
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_quick_comparison_measures_the_gateway(root: Path) -> None:
    code, said = measure(root, "benchmarks.run", "--quick", "--no-others", "--seconds", "1")
    assert code == 0, said
    measured = json.loads((root / "benchmarks/results/latest.json").read_text(encoding="utf-8"))
    for name in ("bare proxy", "Pixapi, SQLite"):
        assert measured["contenders"][name]["calls_per_s"], measured["left_out"]
    assert measured["contenders"]["Pixapi, SQLite"]["verified"] is True


@MEASURES
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_short_soak_leaves_nothing_behind(root: Path) -> None:
    code, said = measure(root, "benchmarks.soak", "--minutes", "0.3")
    assert code == 0, said
