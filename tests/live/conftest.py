"""Real servers and real SDKs: a llama.cpp server, a server of recordings, and environments with one SDK each."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pixapi.testing.gateway import ECHO, RunningGateway, free_port

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]


@pytest.fixture(scope="module")
def model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real model server with a tiny random model; its port."""
    model = tmp_path_factory.mktemp("model") / "tiny.gguf"
    yield from _served(model.parent, "/health", lambda port: [HERE / "tiny_model.py", model, port])


@pytest.fixture(scope="module")
def replay_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that answers with recordings; its port, or 0 where there are none."""
    recordings = Path(os.environ.get("PIXAPI_CASSETTES", REPOSITORY.parent / "shared" / "cassettes"))
    if not recordings.is_dir():
        yield 0
        return
    folder = tmp_path_factory.mktemp("replay")
    yield from _served(folder, "/", lambda port: [HERE / "replay_server.py", port, recordings])


MODEL = """
[[models]]
id = "{id}"
routes = [ {{ provider = "{provider}", model = "{model}" }} ]
price = {{ input = "1.00", output = "10.00", per = "1M tokens" }}
"""


@pytest.fixture(scope="module")
def in_front_of_all(
    replay_server: int, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[RunningGateway]]:
    """Runs a gateway in front of every server of sdks/servers.toml, with these models (id, provider, model)."""

    @contextmanager
    def run(models: list[tuple[str, str, str]], llama_cpp: int = 0) -> Iterator[RunningGateway]:
        servers = (HERE / "sdks/servers.toml").read_text()
        toml = ECHO + servers.replace("{llama_cpp}", str(llama_cpp)).replace("{replay}", str(replay_server))
        toml += "".join(MODEL.format(id=id_, provider=name, model=model) for id_, name, model in models)
        with RunningGateway(tmp_path_factory.mktemp("gateway"), toml) as running:
            running.owner = running.account(credits="1000")
            running.start()
            yield running

    return run


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
def sdk_environment() -> Callable[[str, str, Path], list[Path]]:
    """The command for a program in an environment that has one version of one SDK of Python and nothing else."""

    def make(package: str, version: str, program: Path) -> list[Path]:
        with _environment(f"{package}-{version}") as home:
            if not (home / "made").exists():
                subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True, timeout=120)
                wanted = f"{package}=={version}"
                subprocess.run([home / "bin/pip", "install", "-q", wanted], check=True, timeout=300)
                (home / "made").touch()
        return [home / "bin/python", program]

    return make


@pytest.fixture(scope="session")
def node_environment() -> Callable[..., list[Path]]:
    """The same for Node; the programs are copied there, for Node looks for packages beside the program."""

    def make(package: str, version: str, program: Path, *besides: str) -> list[Path]:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            pytest.skip("NOT TESTED: node and npm are not installed")
        with _environment(f"node-{package.strip('@').replace('/', '-')}-{version}") as home:
            home.mkdir(exist_ok=True)
            if not (home / "made").exists():
                (home / "package.json").write_text('{"private": true}')
                command = [
                    npm,
                    "install",
                    "--no-audit",
                    "--no-fund",
                    "--ignore-scripts",
                    f"{package}@{version}",
                    *besides,
                ]
                subprocess.run(command, cwd=home, check=True, timeout=300, capture_output=True)
                (home / "made").touch()
            for name in (program.name, "running.mjs"):
                shutil.copy(program.with_name(name), home)
        return [Path(node), home / program.name]

    return make


@contextmanager
def _environment(name: str) -> Iterator[Path]:
    """The folder of an environment, for one process at a time; made once, kept for later runs."""
    kept = Path(os.environ.get("PIXAPI_SDK_ENVS", REPOSITORY / ".sdks"))
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield kept / name
