"""What `make run` starts: the gateway of a configuration file, with a demo account, credits and a key.

The accounts are made once; the key is kept in `.run/` beside the configuration file, readable by its owner
only. The gateway is a child process in this process's group, so that Ctrl-C and a signal to the group reach
both. Nothing but the standard library is used here.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ADMIN = "admin@example.com"
DEMO = "demo@example.com"
DEMO_CREDITS = "1000"
START_S = 60.0


class Refused(Exception):
    """Something a person must see to; the message says what."""


class Command:
    """The project's own command line, on one configuration file."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.program = Path(sys.executable).parent / "pixapi"

    def line(self, *words: str) -> list[str]:
        return [str(self.program), *words, "--config", str(self.config)]

    def run(self, *words: str) -> str:
        done = subprocess.run(self.line(*words), capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise Refused(f"`pixapi {' '.join(words)}` failed:\n{done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


def address(config: Path, port: int | None) -> tuple[str, int]:
    """Where to listen: as the file says, unless a port was asked for."""
    try:
        server = tomllib.loads(config.read_text(encoding="utf-8")).get("server", {})
    except FileNotFoundError:
        raise Refused(f"There is no {config}. `pixapi init` writes one.") from None
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{config} is not valid TOML: {error}") from None
    return str(server.get("host", "127.0.0.1")), port or int(server.get("port", 8000))


def refuse_taken(host: str, port: int) -> None:
    """Raises Refused where another program listens already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = f"Port {port} on {host} cannot be used ({error.strerror})."
            raise Refused(f"{reason} Take another: make run PORT={port + 1}") from None


def kept_key(file: Path, pixapi: Command) -> str | None:
    """The key of an earlier run, where the database still knows it."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        listed = json.loads(pixapi.run("keys", "list", DEMO, "--json"))
    except (FileNotFoundError, ValueError, Refused):
        return None
    active = {row["id"] for row in listed if row.get("status") == "active"}
    return kept["key"] if kept["id"] in active else None


def provide(pixapi: Command, folder: Path) -> str:
    """Database, accounts, credits and key. Every step may have been done before."""
    pixapi.run("db", "upgrade")
    file = folder / "demo-key.json"
    if key := kept_key(file, pixapi):
        return key
    known = {row["email"] for row in json.loads(pixapi.run("users", "list", "--json"))}
    for email, more in ((ADMIN, ["--admin"]), (DEMO, [])):
        if email not in known:
            pixapi.run("users", "create", email, *more)
    once = ["--reason", "demo", "--idempotency-key", "demo-credits"]
    pixapi.run("credits", "grant", DEMO, DEMO_CREDITS, *once)
    made = json.loads(pixapi.run("keys", "create", DEMO, "--title", "demo", "--json"))
    folder.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps({"id": made["id"], "key": made["key"]}), encoding="utf-8")
    return made["key"]


def fetch(host: str, port: int, path: str, key: str | None = None) -> bytes | None:
    """The body of a 200, or None."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {key}"} if key else {})
        reply = connection.getresponse()
        return reply.read() if reply.status == 200 else None
    except (http.client.HTTPException, OSError):
        return None
    finally:
        connection.close()


def wait_until_up(host: str, port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Refused(f"The gateway ended with status {server.returncode}; its last lines say why.")
        if fetch(host, port, "/healthz") is not None:
            return
        time.sleep(0.05)
    raise Refused(f"The gateway did not answer at http://{host}:{port}/healthz within {START_S:.0f} s.")


def demo_model(host: str, port: int, key: str) -> str:
    body = fetch(host, port, "/v1/models", key)
    ids = [str(row["id"]) for row in json.loads(body)["data"]] if body else []
    return "echo" if "echo" in ids or not ids else ids[0]


def greeting(url: str, key: str, model: str, folder: Path) -> str:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello, gateway!"}]})
    call = ["curl", "-sS", f"{url}/v1/chat/completions", "-H", f"Authorization: Bearer {key}"]
    call += ["-H", "Content-Type: application/json", "-d", body]
    return "\n".join([
        "",
        f"  Pixapi answers at   {url}",
        f"  OpenAI base URL     {url}/v1",
        f"  demo account, key   {DEMO}, {key}   (kept in {folder}/)",
        f"  admin account       {ADMIN}",
        "",
        shlex.join(call),
        "",
        "Ctrl-C stops it.",
    ])  # fmt: skip


def run(config: Path, port_wanted: int | None) -> int:
    host, port = address(config, port_wanted)
    refuse_taken(host, port)
    pixapi = Command(config)
    folder = config.parent / ".run"
    key = provide(pixapi, folder)
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    url = f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"
    environment = {"PIXAPI_SERVER__PUBLIC_URL": url, **os.environ}
    server = subprocess.Popen(pixapi.line("serve", "--host", host, "--port", str(port)), env=environment)
    try:
        wait_until_up(near, port, server)
        sys.stdout.write(greeting(url, key, demo_model(near, port, key), folder) + "\n")
        sys.stdout.flush()
        return server.wait()
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(40)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description="Start the gateway with a demo account and key.")
    parser.add_argument("--config", type=Path, default=Path("pixapi.toml"))
    parser.add_argument("--port", type=int)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    try:
        return run(asked.config, asked.port)
    except KeyboardInterrupt:
        return 0
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
