"""Compare Pixapi with what forwarding costs, and with other gateways, in one run: `make bench`.

Everything is up at once and measured in turns, so that what else the machine does hits all alike. Gateways
run on one core; the load (wrk), the upstream stand-in and Postgres run on the other. Shares are taken
within a round, and the median over the rounds is reported: use the shares, the rates belong to the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

from benchmarks import gateways, load, others, postgres, report
from benchmarks.gateways import Contender, Pixapi
from benchmarks.processes import Failed, take_the_load_core

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results"
TOOLS = ("wrk", "taskset")


def need_tools() -> None:
    """Raises Failed where the load generator is missing; installs it where that is allowed."""
    if shutil.which("wrk") is None and shutil.which("apt-get") and os.geteuid() == 0:
        print("Installing wrk", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in ("update -q", "install -q -y --no-install-recommends wrk"):
            command = ["apt-get", *words.split()]
            subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, timeout=600, check=False)
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise Failed(f"not installed: {', '.join(missing)} (Debian: apt-get install wrk util-linux)")


class Run:
    """The contenders and the rounds over them."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        self.rounds, self.duration_s = asked.rounds, asked.seconds
        self.report = report.Report(
            asked.rounds, asked.seconds, asked.connections, load.fsync_ms(folder), report.machine(ROOT)
        )
        self.up: list[Contender] = []
        self.pixapi: dict[str, Pixapi] = {}

    def start_all(self, stack: contextlib.ExitStack) -> None:
        upstream = self.enter(stack, "direct", lambda: gateways.start_upstream(self.folder / "upstream"))
        if upstream is None:
            raise Failed(self.report.left_out["direct"])
        port = int(upstream.target.url.rpartition(":")[2])
        self.enter(stack, "nginx", lambda: gateways.start_nginx(self.folder / "nginx", port))
        for name, client in ((report.BARE, "aiohttp"), (report.SAME_CLIENT, "pixapi")):
            start = partial(gateways.start_bare, name, self.folder / f"bare-{client}", port, client)
            self.enter(stack, name, start)
        database = f"sqlite:///{self.folder}/sqlite/pixapi.db"
        pixapi = self.enter(
            stack, report.SQLITE, lambda: self.start_pixapi(report.SQLITE, "sqlite", port, database)
        )
        if pixapi is not None:
            self.enter(stack, report.ROUTED, lambda: gateways.routed(pixapi, report.ROUTED))
            self.enter(stack, report.TRANSLATED, lambda: gateways.translated(pixapi, report.TRANSLATED))
        if self.asked.postgres:
            self.start_on_postgres(stack, port)
        if self.asked.others:
            self.enter(stack, "Portkey", lambda: others.start_portkey(self.folder / "portkey", port))
            self.enter(stack, "LiteLLM", lambda: others.start_litellm(self.folder / "litellm", port))

    def start_on_postgres(self, stack: contextlib.ExitStack, port: int) -> None:
        try:
            url = stack.enter_context(postgres.server(self.folder / "postgres"))
        except (Failed, KeyError) as failed:
            self.leave_out(report.POSTGRES, failed)
            return
        name = report.POSTGRES
        self.enter(stack, name, lambda: self.start_pixapi(name, "on-postgres", port, url))

    def start_pixapi(self, name: str, folder: str, port: int, database: str) -> Contender:
        self.pixapi[name], contender = gateways.start_pixapi(name, self.folder / folder, port, database)
        return contender

    def enter(
        self, stack: contextlib.ExitStack, name: str, make: Callable[[], Contender]
    ) -> Contender | None:
        """Start one, prove that it passes everything on, and note it; a failure leaves it out, loudly."""
        try:
            contender = make()
            stack.callback(contender.stop)
            load.prove_call(contender.target, contender.name)
        except Failed as failed:
            self.leave_out(name, failed)
            return None
        if contender.streams:
            try:
                load.prove_stream(contender.target, contender.name)
            except Failed as failed:
                contender.streams = False
                self.leave_out(f"{name}'s streams", failed)
        print(f"up: {contender.name} in {contender.start_s:.2f} s", flush=True)
        figures = report.Figures(contender.name, contender.start_s, contender.idle_mb)
        self.report.contenders[contender.name] = figures
        self.up.append(contender)
        return contender

    def leave_out(self, what: str, why: Exception) -> None:
        self.report.left_out[what] = str(why)
        print(f"left out: {what}: {why}", flush=True)

    def measure(self) -> None:
        for contender in self.up:
            load.measure(contender.target, stream=False, connections=8, duration_s=1)
        for number in range(1, self.rounds + 1):
            for stream in (False, True):
                for contender in self.up:
                    if contender.streams or not stream:
                        self.one(contender, self.report.contenders[contender.name], stream=stream)
            for contender in self.up:
                figures = self.report.contenders[contender.name]
                alone = load.measure(contender.target, stream=False, connections=1, duration_s=2)
                figures.call_p50_ms.append(alone.p50_ms)
                if contender.streams:
                    figures.first_byte_ms.append(load.first_byte_ms(contender.target, 100))
                figures.loaded_mb = contender.program.rss_mb()
            print(f"round {number} of {self.rounds} done", flush=True)

    def one(self, contender: Contender, figures: report.Figures, *, stream: bool) -> None:
        before = contender.program.cpu_s()
        rate = load.measure(
            contender.target, stream=stream, connections=self.asked.connections, duration_s=self.duration_s
        )
        cpu_us = (contender.program.cpu_s() - before) / rate.requests * 1e6
        (figures.streams_per_s if stream else figures.calls_per_s).append(rate.per_s)
        (figures.stream_cpu_us if stream else figures.call_cpu_us).append(cpu_us)

    def verify(self) -> None:
        """Let the calls that wrk cut off come to their end, then have every balance recomputed."""
        time.sleep(2)
        for name, gateway in self.pixapi.items():
            if name in self.report.contenders:
                try:
                    gateway.command("ledger", "verify")
                    self.report.contenders[name].verified = True
                except Failed as failed:
                    self.report.contenders[name].verified = False
                    print(failed, flush=True)
        for contender in self.up:
            if contender.name == report.ROUTED and not gateways.is_cooling(contender.target):
                raise Failed("the route that is to cool down was called during the measurement")


@contextlib.contextmanager
def working_folder() -> Generator[Path, None, None]:
    """On the disk that holds the project: a folder in memory would make every fsync free."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="work-", dir=RESULTS))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        if not os.environ.get("KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="exit 1 below a bar")
    parser.add_argument("--quick", action="store_true", help="one short round, without the other gateways")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, help="of one run")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--others", action=argparse.BooleanOptionalAction, help="Portkey and LiteLLM")
    parser.add_argument("--postgres", action=argparse.BooleanOptionalAction, default=True)
    asked = parser.parse_args()
    asked.rounds = asked.rounds or (1 if asked.quick else 5)
    asked.seconds = asked.seconds or (2 if asked.quick else 6)
    asked.others = (not asked.quick) if asked.others is None else asked.others
    return asked


def main() -> int:
    asked = arguments()
    try:
        need_tools()
        take_the_load_core()
        with working_folder() as folder, contextlib.ExitStack() as stack:
            run = Run(asked, folder)
            run.start_all(stack)
            run.measure()
            run.verify()
    except Failed as failed:
        sys.stderr.write(f"{failed}\n")
        return 2
    written = run.report.write(RESULTS)
    below = run.report.below()
    print(f"\n{run.report.text()}\n\n{written.relative_to(ROOT)}")
    for sentence in below:
        print(f"below the bar: {sentence}")
    return 1 if asked.check and below else 0


if __name__ == "__main__":
    raise SystemExit(main())
