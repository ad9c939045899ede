"""Other gateways, where they can be had: installed once, into a cache outside the project."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.gateways import Contender, ready
from benchmarks.load import Target
from benchmarks.processes import Failed, free_port, start

PORTKEY = "@portkey-ai/gateway"
LITELLM = "litellm[proxy]"


def cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "pixapi-benchmarks"


def install(home: Path, *commands: list[str]) -> None:
    """Run ``commands`` unless they ran before.

    Raises:
        Failed: one did not end well; nothing is kept.
    """
    done = home / "installed"
    if done.exists():
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for command in commands:
        try:
            ran = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=900, check=False)
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            raise Failed(f"cannot be installed here: {type(error).__name__}: {command[0]}") from None
        if ran.returncode:
            raise Failed(f"cannot be installed here: {ran.stderr.strip()[-300:]}")
    done.touch()


def start_portkey(folder: Path, upstream: int) -> Contender:
    """Portkey's open-source gateway on Node: no accounts, no billing."""
    home = cache() / "portkey"
    install(home, ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(home), PORTKEY])
    package = home / "node_modules/@portkey-ai/gateway"
    version = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    port = free_port()
    command = ["node", str(package / "build/start-server.js"), f"--port={port}", "--headless"]
    program = start("portkey", command, folder, environment={"NODE_ENV": "production"})
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1"}
    target = Target(f"http://127.0.0.1:{port}", headers=headers)
    return ready(f"Portkey {version}", target, program)


def start_litellm(folder: Path, upstream: int) -> Contender:
    """LiteLLM's proxy with one worker, one key and no database: no accounts, no billing."""
    home = cache() / "litellm"
    install(
        home,
        [sys.executable, "-m", "venv", str(home / "venv")],
        [str(home / "venv/bin/python"), "-m", "pip", "install", "-q", LITELLM],
    )
    asked = "import importlib.metadata as m; print(m.version('litellm'))"
    found = subprocess.run(
        [str(home / "venv/bin/python"), "-c", asked], capture_output=True, text=True, timeout=60, check=True
    )
    folder.mkdir(parents=True)
    config = folder / "litellm.json"
    vendor = f"http://127.0.0.1:{upstream}/v1"
    params = {"model": "openai/bench", "api_base": vendor, "api_key": "sk-upstream"}
    model = {"model_name": "bench", "litellm_params": params}
    config.write_text(json.dumps({"model_list": [model]}), encoding="utf-8")
    port = free_port()
    command = [str(home / "venv/bin/litellm"), "--config", str(config), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--num_workers", "1"]
    key = f"sk-{secrets.token_hex(32)}"
    environment = {
        "LITELLM_MASTER_KEY": key,
        "LITELLM_LOG": "ERROR",
        "LITELLM_TELEMETRY": "False",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    program = start("litellm", command, folder, environment=environment)
    target = Target(f"http://127.0.0.1:{port}", [key])
    return ready(f"LiteLLM {found.stdout.strip()}", target, program)
