"""Each example distribution is built, installed beside Pixapi, tested by its own tests, found and called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pixapi.testing import Recorded
from pixapi.testing.replay import ReplayServer

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/examples"


@dataclass(frozen=True)
class Example:
    """A distribution under docs/examples, and what its vendor answers."""

    use: str
    most_lines: int
    whole: bytes
    stream: bytes
    sent: tuple[str, dict[str, str], dict[str, Any]]
    """Path, some headers and some fields of the request."""

    @property
    def folder(self) -> Path:
        return EXAMPLES / f"pixapi-{self.use.replace('_', '-')}"

    @property
    def module(self) -> Path:
        return self.folder / f"src/pixapi_{self.use}/__init__.py"


HELLO = Example(
    "hello",
    most_lines=120,
    whole=b'{"says": "hi there", "why": "done", "heard": 1, "said": 2}',
    stream=b'{"says": "hi "}\n{"says": "there"}\n{"why": "full", "heard": 1, "said": 2}\n',
    sent=("/speak", {"x-hello-key": "its-key"}, {"at_most": 9}),
)
OLLAMA = Example(
    "ollama_native",
    most_lines=199,
    whole=b'{"message":{"content":"hi there"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":2}',
    stream=b'{"message":{"content":"hi "},"done":false}\n{"message":{"content":"there"},"done":false}\n'
    b'{"message":{"content":""},"done":true,"done_reason":"length","prompt_eval_count":1,"eval_count":2}\n',
    sent=("/api/chat", {"authorization": "Bearer its-key"}, {"options": {"num_predict": 9}}),
)
ALL = (HELLO, OLLAMA)

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


@pytest.fixture(scope="module", params=ALL, ids=lambda example: example.use)
def example(request: pytest.FixtureRequest) -> Example:
    return request.param


@pytest.fixture(scope="module")
def environment(example: Example, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The process environment in which the built distribution is installed; this checkout stays as it is."""
    folder = tmp_path_factory.mktemp(example.use)
    source, target = folder / "source", folder / "installed"
    shutil.copytree(example.folder, source)
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


def test_all_of_them_are_tried() -> None:
    assert {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()} == {e.folder.name for e in ALL}


def test_it_is_one_small_file(example: Example) -> None:
    assert list((example.folder / "src").rglob("*.py")) == [example.module]
    assert len(example.module.read_text(encoding="utf-8").splitlines()) <= example.most_lines


def test_its_own_tests_pass(example: Example, environment: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(example.folder / "tests", tmp_path / "tests")
    done = run(
        environment, tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "tests"
    )
    assert done.returncode == 0, done.stdout


def test_the_suite_finds_it_by_its_name(
    example: Example, environment: dict[str, str], tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from pixapi.testing import run_contract; "
        f"sys.exit(run_contract({example.use!r}, Path('none.toml')))"
    )
    done = run(environment, tmp_path, "-c", code)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize(("kind", "expected"), [("whole", "stop"), ("stream", "length")])
def test_a_configuration_names_it_and_it_answers(
    example: Example, environment: dict[str, str], tmp_path: Path, kind: str, expected: str
) -> None:
    body = example.stream if kind == "stream" else example.whole
    with ReplayServer([Recorded(kind, body, is_stream=kind == "stream")]) as server:
        settings = f'[providers.toy]\nuse = "{example.use}"\napi_key = "its-key"\nbase_url = "{server.url}"\n'
        (tmp_path / "pixapi.toml").write_text(settings, encoding="utf-8")
        done = run(environment, tmp_path, "-c", CALL, "pixapi.toml", kind)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [example.use, "documented", "hi there", expected]
        received = server.received[0]
    path, headers, fields = example.sent
    assert (received.method, received.path) == ("POST", path)
    assert headers.items() <= received.headers.items()
    sent: dict[str, Any] = json.loads(received.body)
    assert {**sent, **fields} == sent
    assert sent["live" if example is HELLO else "stream"] == (kind == "stream")
