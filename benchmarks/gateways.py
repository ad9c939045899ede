"""Who is measured: the upstream itself, a proxy in C, the bare proxy, and Pixapi on each database.

Each `start_...` returns a `Contender`, ready to be called. All of Pixapi's is on: keys, limits, holds and
receipts, durable before the answer; the limits are only set where they do not bite.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.dialects import MESSAGES
from benchmarks.load import Target, answers, metric
from benchmarks.processes import LOAD_CORE, Failed, Program, free_port, start

BIN = Path(sys.executable).parent
BENCHMARKS = Path(__file__).parent
ACCOUNTS = 8
CREDITS = "1000000000"

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  upstream vendor {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""

PIXAPI = """
[server]
host = "127.0.0.1"
port = {port}
public_url = "http://127.0.0.1:{port}"

[database]
url = "{database}"

[providers.vendor]
use = "openai_compatible"
base_url = "http://127.0.0.1:{upstream}/v1"
api_key = "sk-upstream"

[providers.twin]
use = "openai_compatible"
base_url = "http://127.0.0.1:{upstream}/v1"
api_key = "sk-upstream"

{models}
[routing]
cooldown_s = 3600
cooldown_max_s = 3600

[limits]
requests_per_minute = 100000000
tokens_per_minute = 100000000000
concurrent_requests = 10000

[telemetry]
log_level = "warning"
"""

MODEL = """[[models]]
id = "{model}"
routes = [ {{ provider = "vendor", model = "{model}" }} ]
price = {{ input = "1.00", output = "10.00", per = "1M tokens" }}

"""

ROUTED = """[[models]]
id = "routed"
routes = [
  {{ provider = "vendor", model = "bench", weight = 3 }},
  {{ provider = "twin", model = "bench", weight = 2 }},
  {{ provider = "twin", model = "error" }},
]
price = {{ input = "1.00", output = "10.00", per = "1M tokens" }}

"""
COOLING = 'pixapi_route_state{route="twin/error"}'


@dataclass
class Contender:
    """Something that answers calls, and what is known of it before the load comes."""

    name: str
    target: Target
    program: Program
    start_s: float
    idle_mb: float
    streams: bool = True

    def stop(self) -> None:
        self.program.stop()


def ready(name: str, target: Target, program: Program) -> Contender:
    try:
        start_s = program.wait_until(lambda: answers(target), within_s=120)
    except Failed:
        program.stop()
        raise
    return Contender(name, target, program, start_s, program.rss_mb())


def start_upstream(folder: Path, core: int | None = LOAD_CORE) -> Contender:
    """The stand-in, on the load's core; on any if ``core`` is None."""
    port = free_port()
    command = [sys.executable, str(BENCHMARKS / "upstream.py"), str(port)]
    program = start("upstream", command, folder, core=core)
    return ready("direct", Target(f"http://127.0.0.1:{port}"), program)


def start_nginx(folder: Path, upstream: int) -> Contender:
    """A proxy in C that looks at nothing.

    Raises:
        Failed: it is not installed.
    """
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not found:
        raise Failed("nginx is not installed (Debian: apt-get install nginx)")
    port = free_port()
    folder.mkdir(parents=True)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, upstream=upstream, port=port), encoding="utf-8")
    program = start("nginx", [found, "-p", str(folder), "-c", str(config)], folder)
    return ready("nginx", Target(f"http://127.0.0.1:{port}"), program)


def start_bare(name: str, folder: Path, upstream: int, client: str) -> Contender:
    """`bare.py`, served as Pixapi is; ``client``: "aiohttp" or "pixapi"."""
    port = free_port()
    command = [str(BIN / "uvicorn"), "--factory", "bare:create", "--app-dir", str(BENCHMARKS)]
    command += ["--port", str(port), "--loop", "uvloop", "--http", "httptools"]
    command += ["--no-access-log", "--log-level", "warning"]
    environment = {"UPSTREAM": f"http://127.0.0.1:{upstream}", "CLIENT": client}
    program = start("bare", command, folder, environment=environment)
    return ready(name, Target(f"http://127.0.0.1:{port}"), program)


class Pixapi:
    """A gateway in a folder of its own."""

    def __init__(
        self, folder: Path, upstream: int, database: str, models: tuple[str, ...] = ("bench",)
    ) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "pixapi.toml"
        rows = "".join(MODEL.format(model=model) for model in models) + ROUTED.format()
        text = PIXAPI.format(port=self.port, database=database, upstream=upstream, models=rows)
        self.config.write_text(text, encoding="utf-8")

    def command(self, *words: str) -> str:
        """Run the project's command line and return what it printed.

        Raises:
            Failed: it exited with another status than 0.
        """
        line = [str(BIN / "pixapi"), *words, "--config", str(self.config)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=300, cwd=self.folder, check=False)
        if done.returncode:
            raise Failed(f"pixapi {' '.join(words)}: {(done.stderr or done.stdout).strip()[-500:]}")
        return done.stdout

    def prepare(self, accounts: int = ACCOUNTS) -> list[str]:
        """Database, accounts with credits; their keys."""
        self.command("db", "upgrade")
        keys = []
        for number in range(accounts):
            email = f"bench{number}@example.com"
            self.command("users", "create", email)
            self.command("credits", "grant", email, CREDITS)
            made = self.command("keys", "create", email, "--title", "bench", "--json")
            keys.append(json.loads(made)["key"])
        return keys

    def start(self, name: str, keys: list[str]) -> Contender:
        command = [str(BIN / "pixapi"), "serve", "--config", str(self.config)]
        program = start("pixapi", command, self.folder)
        target = Target(f"http://127.0.0.1:{self.port}", keys)
        return ready(name, target, program)


def start_pixapi(name: str, folder: Path, upstream: int, database: str) -> tuple[Pixapi, Contender]:
    """A gateway that has never served, on ``database``."""
    gateway = Pixapi(folder, upstream, database)
    return gateway, gateway.start(name, gateway.prepare())


def routed(gateway: Contender, name: str) -> Contender:
    """The same gateway, asked for a model with three routes: two in good health, and one that cools down for long.

    Raises:
        Failed: the third is called all the same.
    """
    target = replace(gateway.target, model="routed")
    for _ in range(100):
        answers(target)
        if is_cooling(target):
            return replace(gateway, name=name, target=target, streams=False)
    raise Failed("the route that fails was not left alone")


def is_cooling(target: Target) -> bool:
    """Whether the failing one of three routes is left alone."""
    return metric(target, COOLING) == 2


def translated(gateway: Contender, name: str) -> Contender:
    """The same gateway, asked in a dialect that the upstream does not speak; the upstream sends the same bytes."""
    return replace(gateway, name=name, target=replace(gateway.target, dialect=MESSAGES))
