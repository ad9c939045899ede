"""Where the gateway's time goes: `python -m benchmarks.profiler [--stream] [--seconds 10]`.

Pixapi runs on one core under the standard library's profiler while wrk calls it from the other; the
functions are listed by the time spent in themselves. The profiler slows small Python functions more than
anything else: take the list as a hint where to look, and let `make bench` decide.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pstats
import signal
import sys

from benchmarks import gateways, load
from benchmarks.processes import Failed, start, take_the_load_core
from benchmarks.run import RESULTS, need_tools, working_folder


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=40)
    asked = parser.parse_args()
    try:
        need_tools()
        take_the_load_core()
        with working_folder() as folder, contextlib.ExitStack() as stack:
            upstream = gateways.start_upstream(folder / "upstream")
            stack.callback(upstream.stop)
            port = int(upstream.target.url.rpartition(":")[2])
            database = f"sqlite:///{folder}/sqlite/pixapi.db"
            gateway = gateways.Pixapi(folder / "sqlite", port, database)
            target = load.Target(f"http://127.0.0.1:{gateway.port}", gateway.prepare())
            out = RESULTS / "profile.pstats"
            command = [sys.executable, "-m", "cProfile", "-o", str(out), "-m", "pixapi.cli", "serve"]
            program = start("profiled", [*command, "--config", str(gateway.config)], gateway.folder)
            stack.callback(program.stop)
            program.wait_until(lambda: load.answers(target))
            rate = load.measure(target, stream=asked.stream, connections=32, duration_s=asked.seconds)
            os.killpg(program.process.pid, signal.SIGINT)
            program.process.wait(60)
    except Failed as failed:
        sys.stderr.write(f"{failed}\n")
        return 2
    print(f"{rate.per_s:,.0f} a second under the profiler; {out}")
    pstats.Stats(str(out)).strip_dirs().sort_stats("tottime").print_stats(asked.rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
