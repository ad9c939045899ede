"""The example distribution is built, installed beside Pixapi, tested by its own tests, found and called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.replay import ReplayServer

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/pixapi-hello"
MOST_LINES = 120

CALL = """
import asyncio, json, sys
from pathlib import Path

import httpx2
from pixapi.config.load import load_settings
from pixapi.interfaces import HttpReply
from pixapi.pluginhost.host import PluginHost
from pixapi.testing.contracts.calls import chat
from pixapi.testing.contracts.recorded import read_events, read_result

configured = PluginHost.load(load_settings(Path(sys.argv[1]))).providers["toy"]
provider, stream = configured.provider, sys.argv[2] == "stream"
call = chat("hi", stream=stream, output_cap=9)
request = provider.request(call)
with httpx2.Client(trust_env=False, timeout=10) as client:
    sent = client.build_request(request.method, request.url, headers=dict(request.headers), content=request.body)
    reply = client.send(sent, stream=True)
    if stream:
        decoder = provider.decoder(call)
        events = [event for data in reply.iter_raw() for event in decoder.feed(data)] + decoder.close()
        read = read_events(call, events)
    else:
        read = read_result(call, provider.result(call, HttpReply(reply.status_code, {}, reply.read())))
print(json.dumps([configured.type.name, configured.type.evidence, read.text, read.finish_reason]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The process environment in which the built distribution is installed; this checkout stays as it is."""
    folder = tmp_path_factory.mktemp("hello")
    source, target = folder / "source", folder / "installed"
    shutil.copytree(EXAMPLE, source)
    install = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps"]
    install += ["--no-build-isolation", "--no-index", "--target", str(target), str(source)]
    done = subprocess.run(install, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": str(target), "PYTHONDONTWRITEBYTECODE": "1"}


def run(environment: dict[str, str], folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *command]
    return subprocess.run(
        line, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def test_it_is_small() -> None:
    source = EXAMPLE / "src/pixapi_hello/__init__.py"
    assert len(source.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_its_own_tests_pass(environment: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    done = run(
        environment, tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "tests"
    )
    assert done.returncode == 0, done.stdout


def test_the_suite_finds_it_by_its_name(environment: dict[str, str], tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from pixapi.testing import run_contract; sys.exit(run_contract('hello', Path('none.toml')))"
    done = run(environment, tmp_path, "-c", code)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("whole", b'{"says": "hi there", "why": "done", "heard": 1, "said": 2}', "stop"),
        ("stream", b'{"says": "hi "}\n{"says": "there"}\n{"why": "full", "heard": 1, "said": 2}\n', "length"),
    ],
)
def test_a_configuration_names_it_and_it_answers(
    environment: dict[str, str], tmp_path: Path, kind: str, body: bytes, expected: str
) -> None:
    with ReplayServer([Recorded(kind, body, is_stream=kind == "stream")]) as server:
        settings = f'[providers.toy]\nuse = "hello"\napi_key = "its-key"\nbase_url = "{server.url}"\n'
        (tmp_path / "pixapi.toml").write_text(settings, encoding="utf-8")
        done = run(environment, tmp_path, "-c", CALL, "pixapi.toml", kind)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == ["hello", "documented", "hi there", expected]
        received = server.received[0]
    assert (received.method, received.path) == ("POST", "/speak")
    assert received.headers["x-hello-key"] == "its-key"
    sent: dict[str, Any] = json.loads(received.body)
    assert (sent["at_most"], sent["live"]) == (9, kind == "stream")
