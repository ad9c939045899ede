"""Real servers and real SDKs: a llama.cpp server, a server of recordings, and environments with one SDK each."""

import fcntl
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pixapi.testing.gateway import free_port

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]


@pytest.fixture(scope="module")
def model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real model server with a tiny random model; its port."""
    model = tmp_path_factory.mktemp("model") / "tiny.gguf"
    yield from _served(model.parent, "/health", lambda port: [HERE / "tiny_model.py", model, port])


@pytest.fixture(scope="module")
def replay_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that answers with recordings; its port."""
    recordings = Path(os.environ.get("PIXAPI_CASSETTES", REPOSITORY.parent / "shared" / "cassettes"))
    if not recordings.is_dir():
        pytest.skip(f"NOT TESTED: no recordings at {recordings.name}/")
    folder = tmp_path_factory.mktemp("replay")
    yield from _served(folder, "/", lambda port: [HERE / "replay_server.py", port, recordings])


def _served(folder: Path, health: str, command: Callable[[int], list[object]]) -> Iterator[int]:
    port = free_port()
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen([sys.executable, *map(str, command(port))], stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{health}", timeout=2).close()
                break
            except OSError:
                assert server.poll() is None, (folder / "server.log").read_text()[-2000:]
                time.sleep(0.1)
        else:
            raise AssertionError(
                f"no answer from {folder.name}: {(folder / 'server.log').read_text()[-2000:]}"
            )
        yield port
    finally:
        server.kill()
        server.wait(10)


@pytest.fixture(scope="session")
def sdk_environment() -> Callable[[str, str], Path]:
    """Makes an interpreter that has one version of one SDK and nothing else; made once, kept for later runs."""

    def make(package: str, version: str) -> Path:
        kept = Path(os.environ.get("PIXAPI_SDK_ENVS", REPOSITORY / ".sdks"))
        home = kept / f"{package}-{version}"
        kept.mkdir(parents=True, exist_ok=True)
        with (kept / f"{home.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
            if not (home / "made").exists():
                subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True, timeout=120)
                wanted = f"{package}=={version}"
                subprocess.run([home / "bin/pip", "install", "-q", wanted], check=True, timeout=300)
                (home / "made").touch()
        return home / "bin/python"

    return make
