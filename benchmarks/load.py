"""Load, and what came of it: wrk for rates, a plain client for single calls and a stream's first byte."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks.dialects import CHAT, Dialect
from benchmarks.processes import LOAD_CORE, Failed

SCRIPT = Path(__file__).with_name("post.lua")
UNIT_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Target:
    """Where calls go, and with what."""

    url: str
    keys: list[str] = field(default_factory=lambda: ["sk-none"])
    headers: dict[str, str] = field(default_factory=dict)
    model: str = "bench"
    dialect: Dialect = CHAT


class NoAnswer(Failed):
    """The run ended before the first answer came."""


@dataclass(frozen=True)
class Rate:
    """One run of wrk."""

    requests: int
    per_s: float
    p50_ms: float


def measure(target: Target, *, stream: bool, connections: int, duration_s: int) -> Rate:
    """Run wrk on the load's core; five times as long where not one request was answered.

    Raises:
        Failed: wrk saw an error (a rate with errors in it is no rate), or still no answer.
    """
    try:
        return run_wrk(target, stream=stream, connections=connections, duration_s=duration_s)
    except NoAnswer:
        return run_wrk(target, stream=stream, connections=connections, duration_s=5 * duration_s)


def run_wrk(target: Target, *, stream: bool, connections: int, duration_s: int) -> Rate:
    """One run, as `measure`."""
    environment = {
        **os.environ,
        "KEYS": ",".join(target.keys),
        "BODY": json.dumps(target.dialect.body(target.model, stream)),
        "HEADERS": "\n".join(f"{name}: {value}" for name, value in target.headers.items()),
    }
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{duration_s}s"]
    command += ["--timeout", "30s", "--latency", "-s", str(SCRIPT), target.url + target.dialect.path]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=duration_s + 60, check=True
    )
    return read(done.stdout, target.url)


def read(printed: str, url: str) -> Rate:
    """What wrk printed, as figures."""
    trouble = re.findall(r"(Non-2xx.*|Socket errors:.*)", printed)
    if trouble:
        raise Failed(f"{url} answered with errors: {'; '.join(trouble)}")
    total = re.search(r"(\d+) requests in", printed)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    p50 = re.search(r"50%\s+([\d.]+)(us|ms|s)", printed)
    if not (total and rate and p50) or int(total[1]) == 0:
        raise NoAnswer(f"{url}: no request was answered")
    return Rate(int(total[1]), float(rate[1]), float(p50[1]) * UNIT_MS[p50[2]])


def connect(target: Target, timeout_s: float = 10) -> http.client.HTTPConnection:
    parts = urlsplit(target.url)
    return http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_s)


def ask(connection: http.client.HTTPConnection, target: Target, *, stream: bool) -> http.client.HTTPResponse:
    body = target.dialect.body(target.model, stream)
    headers = {"content-type": "application/json", "authorization": f"Bearer {target.keys[0]}"}
    connection.request("POST", target.dialect.path, json.dumps(body), {**headers, **target.headers})
    return connection.getresponse()


def answers(target: Target) -> bool:
    """Whether a call is answered with 200."""
    connection = connect(target)
    try:
        reply = ask(connection, target, stream=False)
        return reply.read() != b"" and reply.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def whole(target: Target, *, stream: bool) -> str:
    """The text of one reply."""
    connection = connect(target)
    try:
        return ask(connection, target, stream=stream).read().decode(errors="replace")
    finally:
        connection.close()


def metric(target: Target, name: str) -> float | None:
    """A sample of the gateway's `/metrics`, named with its labels; None where there is none."""
    connection = connect(target)
    try:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    finally:
        connection.close()
    found = [line.rpartition(" ")[2] for line in lines if line.rpartition(" ")[0] == name]
    return float(found[0]) if found else None


def prove_call(target: Target, name: str) -> None:
    """Raises Failed unless a call is answered with the upstream's usage."""
    text = whole(target, stream=False)
    try:
        used = json.loads(text)["usage"]
    except (ValueError, KeyError):
        raise Failed(f"{name}: the reply has no usage: {text[:300]}") from None
    if tuple(used.get(name) for name in target.dialect.usage) != (42, 48):
        raise Failed(f"{name}: the usage is not the upstream's: {used}")


def prove_stream(target: Target, name: str) -> None:
    """Raises Failed unless a stream comes whole, with usage and its end."""
    text = whole(target, stream=True)
    dialect = target.dialect
    if " token99" not in text or dialect.end not in text or f'"{dialect.usage[1]}":' not in text:
        raise Failed(f"{name}: a stream is not answered whole: {text[-300:]}")


def first_byte_ms(target: Target, calls: int) -> float:
    """Median time from a call to the first byte of its streamed body, one call after another."""
    connection = connect(target)
    times = []
    try:
        for _ in range(calls):
            began = time.perf_counter()
            reply = ask(connection, target, stream=True)
            reply.read1(1)
            times.append((time.perf_counter() - began) * 1000)
            reply.read()
    finally:
        connection.close()
    return median(times)


def fsync_ms(folder: Path, times: int = 200) -> float:
    """Median time of writing 4 KiB to the end of a file and waiting until the disk has it."""
    taken = []
    file = folder / "fsync.probe"
    with file.open("wb", buffering=0) as out:
        for _ in range(times):
            began = time.perf_counter()
            out.write(bytes(4096))
            os.fsync(out.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    file.unlink()
    return median(taken)
