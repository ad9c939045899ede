"""A whole gateway in a process of its own, for end-to-end tests.

::

    with RunningGateway(folder, '[providers.echo]\\nuse = "echo"\\n...') as gateway:
        key = gateway.account(credits="10")
        gateway.start()
        ...  # gateway.url, gateway.cli("ledger", "verify"), gateway.kill()
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

ECHO = """
[providers.echo]
use = "echo"

[[models]]
id = "echo"
routes = [ { provider = "echo", model = "echo" } ]
price = { input = "1.00", output = "10.00", per = "1M tokens" }
"""
"""Configuration of the shipped stand-in: one model, `echo`, at 1 and 10 USD per million tokens."""

_START_S = 30
_STOP_S = 20


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class GatewayFailed(AssertionError):
    """The gateway did not start, or a command refused."""


class RunningGateway:
    """One `pixapi.toml` in a folder, its database, and the process that serves it."""

    def __init__(
        self,
        folder: Path,
        toml: str = ECHO,
        *,
        database: str | None = None,
        server: str = "",
        env: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "pixapi.toml"
        self.log = folder / "gateway.log"
        self.env = {**os.environ, **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.config.write_text(
            f'[server]\nhost = "127.0.0.1"\nport = {self.port}\npublic_url = "{self.url}"\n{server}\n'
            f'[database]\nurl = "{database or "sqlite:///data/pixapi.db"}"\n{toml}'
        )

    def cli(
        self, *arguments: str, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a `pixapi` command on this configuration. Raises GatewayFailed on a non-zero exit, if ``check``."""
        done = subprocess.run(
            [sys.executable, "-m", "pixapi.cli", *arguments, "--config", str(self.config)],
            text=True, capture_output=True, cwd=self.folder, input=stdin, env=self.env, timeout=120, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise GatewayFailed(
                f"pixapi {' '.join(arguments)}: exit {done.returncode}: {done.stderr or done.stdout}"
            )
        return done

    def json(self, *arguments: str) -> Any:
        """What a command prints with `--json`."""
        return json.loads(self.cli(*arguments, "--json").stdout)

    def account(self, email: str = "ada@example.com", credits: str | None = "1000") -> str:
        """A user with credits; returns a new key of theirs."""
        self.cli("db", "upgrade")
        self.cli("users", "create", email)
        if credits:
            self.cli("credits", "grant", email, credits)
        return self.key(email)

    def key(self, email: str = "ada@example.com", *more: str) -> str:
        return self.json("keys", "create", email, "--title", "test", *more)["key"]

    def start(self) -> None:
        """Serve; returns when `/healthz` answers. Raises GatewayFailed with the end of the log otherwise."""
        command = [sys.executable, "-m", "pixapi.cli", "serve", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                start_new_session=True,
            )
        deadline_s = time.monotonic() + _START_S
        while time.monotonic() < deadline_s and self.process.poll() is None:
            with contextlib.suppress(OSError):
                if self.request("GET", "/healthz", timeout_s=2)[0] == 200:
                    return
            time.sleep(0.05)
        raise GatewayFailed(f"the gateway did not start: {self.log.read_text()[-2000:]}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the process with a signal and wait for it."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            self.process.wait(_STOP_S)

    def request(
        self, method: str, path: str, body: Any = None, *,
        key: str | None = None, headers: dict[str, str] | None = None,
        timeout_s: float = 60,
    ) -> tuple[int, Any, dict[str, str]]:  # fmt: skip
        """One request; (status, JSON or text, headers with lower-case names). ``body``: bytes, or anything JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "content-type": "application/json",
            **({"authorization": f"Bearer {key}"} if key else {}),
            **(headers or {}),
        }
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=sent)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as reply:  # noqa: S310
                status, raw, got = reply.status, reply.read(), reply.headers
        except urllib.error.HTTPError as error:
            status, raw, got = error.code, error.read(), error.headers
        text = raw.decode(errors="replace")
        with contextlib.suppress(ValueError):
            return status, json.loads(text), {k.lower(): v for k, v in got.items()}
        return status, text, {k.lower(): v for k, v in got.items()}

    def chat(
        self, key: str, text: str = "hello there", *, model: str = "echo", **more: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """One chat call with a single user message."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.request("POST", "/v1/chat/completions", body, key=key)

    def __enter__(self) -> RunningGateway:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill(signal.SIGTERM)
