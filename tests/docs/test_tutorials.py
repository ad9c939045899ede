"""The tutorials run, block by block, in a folder of their own, with a real gateway."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pixapi.testing.gateway import ECHO, RunningGateway, free_port

if TYPE_CHECKING:
    from conftest import Block

_SERVE = """
{command} > serve.log 2>&1 &
for _ in $(seq 300); do
  curl -sf -o healthz http://127.0.0.1:8000/healthz && break
  sleep 0.1
done
grep -q ok healthz || { cat serve.log; exit 1; }
"""


@contextmanager
def _session(script: str, folder: Path, env: dict[str, str]) -> Iterator[str]:
    """What a shell prints that runs the script; whatever it started is ended."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env={**os.environ, "PATH": path, **env}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        printed, _ = shell.communicate(timeout=100)
        assert shell.returncode == 0, printed
        yield printed
    finally:
        with suppress(ProcessLookupError):  # it started nothing that is left
            os.killpg(shell.pid, signal.SIGTERM)


def _script(blocks: list[Block]) -> str:
    parts = []
    for block in blocks:
        if block.mark == "run":
            parts.append(block.text)
        elif block.mark == "run: serve":
            parts.append(_SERVE.replace("{command}", block.text.strip()))
        elif block.mark == "run: python" and importlib.util.find_spec("openai") is not None:
            parts.append(f"python3 - <<'PYTHON'\n{block.text}PYTHON\n")
    assert parts
    # What runs in the background keeps the pipe open until it is ended.
    return "trap 'jobs -p | xargs -r kill; wait || true' EXIT\n" + "\n".join(parts)


def test_first_gateway(root: Path, blocks_of: Callable[[Path], list[Block]], tmp_path: Path) -> None:
    port = free_port()
    script = _script(blocks_of(root / "docs/tutorial/first-gateway.md")).replace(
        "127.0.0.1:8000", f"127.0.0.1:{port}"
    )
    with _session(script, tmp_path, {"PIXAPI_SERVER__PORT": str(port)}) as printed:
        for expected in (
            '"choices"',
            "x-pixapi-cost",
            "x-pixapi-charge",
            '"max_cost"',
            '"amount":"0.0059"',
            "Proven",
        ):
            assert expected in printed, printed
    assert (tmp_path / "data/pixapi.db").exists()


def test_first_gateway_with_the_official_sdk() -> None:
    if importlib.util.find_spec("openai") is None:
        pytest.skip("NOT TESTED: the tutorial's block for the openai SDK, which is not installed here")


def test_first_plugin(root: Path, blocks_of: Callable[[Path], list[Block]], tmp_path: Path) -> None:
    blocks = blocks_of(root / "docs/tutorial/first-plugin.md")
    more = "".join(block.text for block in blocks if block.mark == "append: pixapi.toml")
    for block in blocks:
        if block.mark.startswith("file: "):
            (tmp_path / block.mark.removeprefix("file: ")).write_text(block.text)
    with RunningGateway(tmp_path, f"{ECHO}\n{more}") as gateway:
        with _session(_script(blocks), tmp_path, {}) as printed:
            assert "sound" in printed
        assert (tmp_path / "pixapi-acme/pyproject.toml").exists()
        key = gateway.account()
        gateway.start()
        assert gateway.chat(key)[0] == 200
        messages = [{"role": "user", "content": "hello"}] * 3
        body = {"model": "echo", "messages": messages}
        status, reply, _ = gateway.request("POST", "/v1/chat/completions", body, key=key)
    assert (status, reply["error"]["code"]) == (403, "content_refused")
    assert "2 messages" in reply["error"]["message"]
