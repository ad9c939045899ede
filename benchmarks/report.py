"""What was measured, as a table, as JSON, and against the bars."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

BARE = "bare proxy"
SAME_CLIENT = "bare proxy, our client"
SQLITE = "Pixapi, SQLite"
POSTGRES = "Pixapi, Postgres"
ROUTED = "Pixapi, SQLite, three routes"
TRANSLATED = "Pixapi, SQLite, Messages on chat"

SHARE_SQLITE = 0.60
SHARE_POSTGRES = 0.40
SHARE_TRANSLATED = 0.40
"""Of the bare proxy's streams/s, for the same bytes from upstream in the caller's other dialect."""
ROUTING_COSTS = 0.05
"""Of the calls/s of a model with one route."""
TIMES_PORTKEY = 5
TIMES_LITELLM = 40
ADDED_MS = 2.0
START_S = 2.5
IDLE_MB = 150

KINDS = {"calls_per_s": "calls/s", "streams_per_s": "streams/s"}


@dataclass
class Figures:
    """Of one contender: one value a round in each list."""

    name: str
    start_s: float
    idle_mb: float
    calls_per_s: list[float] = field(default_factory=list)
    call_cpu_us: list[float] = field(default_factory=list)
    streams_per_s: list[float] = field(default_factory=list)
    stream_cpu_us: list[float] = field(default_factory=list)
    call_p50_ms: list[float] = field(default_factory=list)
    first_byte_ms: list[float] = field(default_factory=list)
    loaded_mb: float = 0.0
    verified: bool | None = None


@dataclass
class Report:
    """A whole run."""

    rounds: int
    duration_s: int
    connections: int
    fsync_ms: float
    machine: dict[str, str]
    contenders: dict[str, Figures] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def share(self, name: str, kind: str, of: str = BARE) -> float | None:
        """Median over the rounds of a contender's rate as a share of another's in the same round."""
        mine, theirs = self.contenders.get(name), self.contenders.get(of)
        if mine is None or theirs is None:
            return None
        pairs = zip(getattr(mine, kind), getattr(theirs, kind), strict=False)
        shares = [a / b for a, b in pairs if b]
        return median(shares) if shares else None

    def added_ms(self, name: str, kind: str) -> float | None:
        """Median over the rounds of the time that a contender takes beyond the bare proxy."""
        mine, base = self.contenders.get(name), self.contenders.get(BARE)
        if mine is None or base is None:
            return None
        more = [a - b for a, b in zip(getattr(mine, kind), getattr(base, kind), strict=False)]
        return median(more) if more else None

    def below(self) -> list[str]:
        """A sentence for each bar that was not reached, or could not be looked at."""
        found: list[str] = []
        for name, bar in ((SQLITE, SHARE_SQLITE), (POSTGRES, SHARE_POSTGRES)):
            found += self._below_bare(name, bar)
            found += self._too_slow(name)
        found += self._below_bare(TRANSLATED, SHARE_TRANSLATED, {"streams_per_s": "streams/s"})
        found += self._routing_too_dear()
        for other, times in (("Portkey", TIMES_PORTKEY), ("LiteLLM", TIMES_LITELLM)):
            for full in self.contenders:
                reached = self.share(SQLITE, "calls_per_s", full) if full.startswith(other) else None
                if reached is not None and reached < times:
                    found.append(f"{SQLITE}: {reached:.1f} times the calls/s of {full}, the bar is {times}")
        return found

    def routing_costs(self) -> float | None:
        """The share of calls/s that choosing among three routes takes; below 0 where chance gave some back."""
        left = self.share(ROUTED, "calls_per_s", SQLITE)
        return None if left is None else 1 - left

    def _routing_too_dear(self) -> list[str]:
        costs = self.routing_costs()
        if costs is None:
            return [f"{ROUTED}: calls/s were not measured: {self.left_out.get(ROUTED, 'no figures')}"]
        if costs > ROUTING_COSTS:
            return [f"{ROUTED}: {costs:.1%} fewer calls/s than with one, the bar is {ROUTING_COSTS:.0%}"]
        return []

    def _below_bare(self, name: str, bar: float, kinds: dict[str, str] = KINDS) -> list[str]:
        found = []
        for kind, word in kinds.items():
            reached = self.share(name, kind)
            if reached is None:
                found.append(f"{name}: {word} were not measured: {self.left_out.get(name, 'no figures')}")
            elif reached < bar:
                found.append(f"{name}: {reached:.0%} of the bare proxy's {word}, the bar is {bar:.0%}")
        return found

    def _too_slow(self, name: str) -> list[str]:
        figures = self.contenders.get(name)
        if figures is None:
            return []
        most = ADDED_MS + 2 * self.fsync_ms
        found = []
        times = (("call_p50_ms", "p50 at one connection"), ("first_byte_ms", "a stream's first byte"))
        for kind, word in times:
            added = self.added_ms(name, kind)
            if added is not None and added > most:
                found.append(f"{name}: {word} takes {added:.2f} ms more than bare, the bar is {most:.2f} ms")
        if name == SQLITE and figures.start_s > START_S:
            found.append(f"{name}: start to first answer {figures.start_s:.2f} s, the bar is {START_S} s")
        if name == SQLITE and figures.idle_mb > IDLE_MB:
            found.append(f"{name}: {figures.idle_mb:.0f} MB at rest, the bar is {IDLE_MB} MB")
        if figures.verified is False:
            found.append(f"{name}: `pixapi ledger verify` found a problem")
        return found

    def table(self) -> str:
        """A Markdown table, one row a contender, medians over the rounds."""
        heads = ["", "calls/s", "of bare", "CPU µs", "streams/s", "of bare", "CPU µs"]
        heads += ["p50 ms", "first byte ms", "start s", "idle MB", "loaded MB"]
        rows = [heads, ["---"] + ["---:"] * (len(heads) - 1)]
        for name, figures in self.contenders.items():
            rows.append([
                name,
                number(figures.calls_per_s, 0), share(self.share(name, "calls_per_s")),
                number(figures.call_cpu_us, 0),
                number(figures.streams_per_s, 0), share(self.share(name, "streams_per_s")),
                number(figures.stream_cpu_us, 0),
                number(figures.call_p50_ms, 2), number(figures.first_byte_ms, 2),
                f"{figures.start_s:.2f}", f"{figures.idle_mb:.0f}", f"{figures.loaded_mb:.0f}",
            ])  # fmt: skip
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        return "\n".join(
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
            for row in rows
        )

    def text(self) -> str:
        """Everything, for people."""
        lines = [
            self.table(),
            "",
            f"Median of {self.rounds} runs of {self.duration_s} s, in turns, {self.connections} connections.",
            "Each gateway has one core; load, upstream and Postgres have the other.",
            "CPU: of the gateway's own processes, a request. p50 and first byte: at one connection.",
            f"Three routes, of which one cools down, cost {share(self.routing_costs(), 1)} of the calls/s of one.",
            f"One fsync takes {self.fsync_ms:.2f} ms here.",
            ", ".join(f"{key} {value}" for key, value in self.machine.items()),
        ]
        lines += [f"Left out: {name}: {why}" for name, why in self.left_out.items()]
        return "\n".join(lines)

    def write(self, folder: Path) -> Path:
        """Write the JSON, dated and as `latest.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        body: dict[str, Any] = asdict(self)
        body["shares_of_bare"] = {
            name: {kind: self.share(name, kind) for kind in KINDS} for name in self.contenders
        }
        body["routing_costs"] = self.routing_costs()
        body["below_the_bars"] = self.below()
        now = datetime.now(UTC)
        body["measured_at"] = now.isoformat(timespec="seconds")
        text = json.dumps(body, indent=2) + "\n"
        dated = folder / f"bench-{now:%Y%m%dT%H%M%S}.json"
        dated.write_text(text, encoding="utf-8")
        (folder / "latest.json").write_text(text, encoding="utf-8")
        return dated


def number(values: list[float], digits: int) -> str:
    return f"{median(values):,.{digits}f}" if values else "-"


def share(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}%}"


def machine(root: Path) -> dict[str, str]:
    """What it ran on, without a word on whose it is."""
    cpu = ""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    ask = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(ask, capture_output=True, text=True, timeout=10, check=False)
    versions = {name: metadata.version(name) for name in ("uvicorn", "uvloop", "aiohttp")}
    return {
        "CPU": cpu or platform.machine(),
        "Linux": platform.release(),
        "Python": platform.python_version(),
        **versions,
        "commit": commit.stdout.strip() or "unknown",
    }
