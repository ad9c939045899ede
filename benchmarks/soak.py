"""Ten minutes of what goes wrong in a day: `make soak [MINUTES=10]`.

Streams, callers that leave, upstreams that break off, refuse, fail or say nothing, bad keys and bad JSON,
all at once. Afterwards nothing may be left: no call in flight, no hold, no connection on either side; and
the memory of minutes 8-10 is at most 5 % above that of minutes 3-5 (a shorter run is divided alike).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import aiohttp
from benchmarks import gateways
from benchmarks.dialects import CHAT
from benchmarks.processes import Failed, Program, take_the_load_core
from benchmarks.run import RESULTS, ROOT, working_folder

MODELS = ("bench", "paced", "cut", "error", "busy", "silent")
GROWTH = 0.05
SETTLE_S = 40
SAMPLE_S = 2.0
# What a worker does next, how often, and the statuses that it may see.
SCENES: tuple[tuple[str, int, tuple[int, ...]], ...] = (
    ("plain", 20, (200,)),
    ("stream", 20, (200,)),
    ("paced", 10, (200,)),
    ("leave", 15, (200,)),
    ("cut plain", 5, (502, 503)),
    ("cut stream", 10, (200, 502, 503)),
    ("error", 5, (502, 503)),
    ("busy", 5, (429, 502, 503)),
    ("silent", 5, ()),
    ("bad key", 5, (401,)),
    ("bad JSON", 5, (400,)),
    ("unknown model", 5, (404,)),
)


@dataclass
class Seen:
    """What came back, and how much memory there was when."""

    counts: Counter[str] = field(default_factory=Counter)
    strange: Counter[str] = field(default_factory=Counter)
    rss: list[tuple[float, float]] = field(default_factory=list)

    def note(self, scene: str, status: int, expected: tuple[int, ...]) -> None:
        self.counts[scene] += 1
        if status not in expected:
            self.strange[f"{scene}: {status}"] += 1

    def memory(self, since: float, until: float) -> float:
        """Mean over a part of the run, both ends as shares of it."""
        total = self.rss[-1][0]
        inside = [rss for at, rss in self.rss if since * total <= at <= until * total]
        return mean(inside) if inside else 0.0


class Caller:
    """One of many, each with a connection pool of its own that it sometimes throws away."""

    def __init__(self, url: str, keys: list[str], seed: int, seen: Seen) -> None:
        self.url, self.keys, self.seen = url + CHAT.path, keys, seen
        self.random = random.Random(seed)
        self.expected = {name: statuses for name, _, statuses in SCENES}

    async def work(self, until: float) -> None:
        names, weights = [scene[0] for scene in SCENES], [scene[1] for scene in SCENES]
        limit = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=limit, trust_env=False) as session:
            while time.monotonic() < until:
                scene = self.random.choices(names, weights)[0]
                try:
                    await self.play(session, scene)
                except (aiohttp.ClientError, TimeoutError) as error:
                    self.seen.strange[f"{scene}: {type(error).__name__}"] += 1
                await asyncio.sleep(self.random.uniform(0, 0.05))

    async def play(self, session: aiohttp.ClientSession, scene: str) -> None:
        model = scene.split()[0] if scene.split()[0] in MODELS else "bench"
        model = {"leave": "paced", "unknown model": "no-such-model"}.get(scene, model)
        stream = scene in {"stream", "paced", "leave", "cut stream"}
        body = json.dumps({
            "model": model,
            "stream": stream,
            "max_tokens": 128,
            "messages": [{"role": "user", "content": "Still there? " * self.random.randint(1, 200)}],
        })  # fmt: skip
        key = "pix_unknown" if scene == "bad key" else self.random.choice(self.keys)
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        if scene == "silent":
            await self.give_up(session, body, headers)
            return
        data = body[:-5] if scene == "bad JSON" else body
        async with session.post(self.url, data=data, headers=headers) as reply:
            self.seen.note(scene, reply.status, self.expected[scene])
            if scene == "leave":
                await reply.content.readany()
                await asyncio.sleep(self.random.uniform(0, 0.5))
                reply.close()
            else:
                await reply.read()

    async def give_up(self, session: aiohttp.ClientSession, body: str, headers: dict[str, str]) -> None:
        """The upstream says nothing; the caller does not wait for it."""
        soon = aiohttp.ClientTimeout(total=self.random.uniform(0.1, 0.6))
        with contextlib.suppress(TimeoutError):
            async with session.post(self.url, data=body, headers=headers, timeout=soon) as reply:
                self.seen.note("silent", reply.status, (503,))
                return
        self.seen.counts["silent"] += 1


async def soak(url: str, keys: list[str], program: Program, asked: argparse.Namespace) -> Seen:
    """Play all scenes for the time asked, with memory sampled all along."""
    seen, began = Seen(), time.monotonic()
    until = began + asked.minutes * 60
    callers = [Caller(url, keys, asked.seed + number, seen) for number in range(asked.callers)]
    tasks = [asyncio.create_task(caller.work(until)) for caller in callers]
    while not all(task.done() for task in tasks):
        seen.rss.append((time.monotonic() - began, program.rss_mb()))
        await asyncio.wait(tasks, timeout=SAMPLE_S)
    await asyncio.gather(*tasks)
    return seen


async def read_text(url: str) -> str:
    limit = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=limit, trust_env=False) as session, session.get(url) as reply:
        return await reply.text()


def in_flight(metrics: str) -> float:
    """The sum of the gauge over its labels.

    Raises:
        Failed: there is no such gauge.
    """
    found = re.findall(r"^pixapi_in_flight(?:\{[^}]*\})? (\S+)$", metrics, re.MULTILINE)
    if not found:
        raise Failed("/metrics has no pixapi_in_flight")
    return sum(float(value) for value in found)


async def left_over(url: str, upstream: str, program: Program, sockets: int) -> dict[str, float]:
    """What is still there when all callers have gone; waits until it is nothing, for a while."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        counts = json.loads(await read_text(f"{upstream}/count"))
        left = {
            "calls in flight": in_flight(await read_text(f"{url}/metrics")),
            "connections to the upstream": counts["open"],
            "sockets": max(0, program.sockets() - sockets),
        }
        if not any(left.values()) or time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.5)


def judge(seen: Seen, left: dict[str, float], holds: int, is_long: bool) -> list[str]:
    """A sentence for each promise that was not kept."""
    found = [f"{what} left behind: {count:g}" for what, count in left.items() if count]
    if holds:
        found.append(f"holds left behind: {holds}")
    early, late = seen.memory(0.3, 0.5), seen.memory(0.8, 1.0)
    if is_long and late > early * (1 + GROWTH):
        found.append(f"memory grew from {early:.1f} to {late:.1f} MB, at most {GROWTH:.0%} is allowed")
    total = sum(seen.counts.values())
    strange = sum(seen.strange.values())
    if strange > total / 1000:
        found.append(f"{strange} of {total} answers were not what they should be: {dict(seen.strange)}")
    return found


def held(gateway: gateways.Pixapi) -> int:
    listed = json.loads(gateway.command("ledger", "holds", "--json"))
    return len(listed if isinstance(listed, list) else listed["holds"])


def run(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The whole of it, as what is written down."""
    with contextlib.ExitStack() as stack:
        upstream = gateways.start_upstream(folder / "upstream")
        stack.callback(upstream.stop)
        port = int(upstream.target.url.rpartition(":")[2])
        database = f"sqlite:///{folder}/sqlite/pixapi.db"
        gateway = gateways.Pixapi(folder / "sqlite", port, database, MODELS)
        contender = gateway.start("Pixapi, SQLite", gateway.prepare())
        stack.callback(contender.stop)
        target, program = contender.target, contender.program
        time.sleep(6)  # what the first call opened is closed by now
        sockets = program.sockets()
        seen = asyncio.run(soak(target.url, target.keys, program, asked))
        left = asyncio.run(left_over(target.url, upstream.target.url, program, sockets))
        holds = held(gateway)
        gateway.command("ledger", "verify")
    return {
        "minutes": asked.minutes,
        "calls": dict(seen.counts),
        "not as expected": dict(seen.strange),
        "rss_mb": {"minutes 3-5 of 10": seen.memory(0.3, 0.5), "minutes 8-10": seen.memory(0.8, 1.0)},
        "left": {**left, "holds": holds},
        "broken": judge(seen, left, holds, asked.minutes >= 5),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--callers", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    try:
        take_the_load_core()
        with working_folder() as folder:
            result = run(asked, folder)
    except Failed as failed:
        sys.stderr.write(f"{failed}\n")
        return 2
    file = RESULTS / "soak.json"
    file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    print(f"{file.relative_to(ROOT)}: {'kept' if not result['broken'] else 'broken'}")
    return 1 if result["broken"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
