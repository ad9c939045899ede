"""`pixapi reload`: it checks first, signals the process of the pid file, and tells the outcome."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pixapi.cli import main

SERVER = """
import json, os, pathlib, signal, sys, time
file, error, notes = pathlib.Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3:]
def write(generation, error):
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({"pid": os.getpid(), "generation": generation, "error": error, "notes": notes}))
    partial.replace(file)
signal.signal(signal.SIGHUP, lambda *_: write(1, error))
write(0, None)
print("up", flush=True)
for _ in range(600):
    time.sleep(0.1)
"""


@pytest.fixture
def serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a process that answers SIGHUP as a gateway does; the argument is the error it will report."""
    monkeypatch.chdir(tmp_path)
    Path("pixapi.toml").write_text("")
    Path("data").mkdir()
    started: list[subprocess.Popen[str]] = []

    def start(error: str, *notes: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-c", SERVER, "data/pixapi.pid", error, *notes]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def reload() -> Result:
    return CliRunner().invoke(main, ["reload"])


def test_it_tells_when_the_gateway_has_reloaded(serving: Callable[[str], subprocess.Popen[str]]) -> None:
    process = serving("")
    result = reload()
    assert (result.exit_code, result.stdout) == (0, f"reloaded process {process.pid}: 0 models\n")


def test_it_tells_what_a_reload_does_not_mend(serving: Callable[..., subprocess.Popen[str]]) -> None:
    serving("", "[server] has changed, which a restart takes up")
    result = reload()
    assert result.exit_code == 0
    assert result.stderr == "warning: [server] has changed, which a restart takes up\n"


def test_it_tells_when_the_gateway_has_not(serving: Callable[[str], subprocess.Popen[str]]) -> None:
    serving("the disk is full")
    result = reload()
    assert result.exit_code == 1
    assert "the gateway kept its old configuration: the disk is full" in result.stderr


def test_a_wrong_file_never_reaches_the_gateway(serving: Callable[[str], subprocess.Popen[str]]) -> None:
    serving("")
    Path("pixapi.toml").write_text("[servre]")
    result = reload()
    assert result.exit_code == 1
    assert "key `servre` is not known" in result.stderr
    assert '"generation": 0' in Path("data/pixapi.pid").read_text()


def test_no_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pixapi.toml").write_text("")
    result = reload()
    assert result.exit_code == 1
    assert "no gateway runs with this configuration" in result.stderr


def test_a_gateway_that_was_killed(serving: Callable[[str], subprocess.Popen[str]]) -> None:
    process = serving("")
    process.kill()
    process.wait(10)
    result = reload()
    assert result.exit_code == 1
    assert f"the gateway of process {process.pid} is gone" in result.stderr


def test_a_number_that_has_passed_to_another_program(serving: Callable[[str], subprocess.Popen[str]]) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        Path("data/pixapi.pid").write_text(f'{{"pid": {other.pid}, "generation": 0, "error": null}}')
        result = reload()
        assert other.poll() is None
        other.kill()
    assert f"the gateway of process {other.pid} is gone" in result.stderr


def test_a_pid_file_that_is_none(serving: Callable[[str], subprocess.Popen[str]]) -> None:
    Path("data/pixapi.pid").write_text("?")
    assert "cannot be read" in reload().stderr
