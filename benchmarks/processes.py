"""Programs under measurement: started on one core, watched through /proc, ended with all they started; also where the
measuring program is killed, whatever the signal.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

GATEWAY_CORE = 0
LOAD_CORE = 1
WATCH = 'read -r _ && exit; "$@"'
"""Ends at a line; where its input ends without one, whoever held the other end is gone, and the arguments are run."""
WAIT = 'read -r _ && exec "$@" </dev/null'
"""Becomes its arguments at a line, so that nothing runs before it is watched."""
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """The measurement cannot go on; the message says why."""


def take_the_load_core() -> None:
    """Move this process, and what it starts without a word, away from the gateways' core.

    Raises:
        Failed: there are no two cores to keep apart.
    """
    if not {GATEWAY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise Failed(
            f"cores {GATEWAY_CORE} and {LOAD_CORE} are needed to keep gateway and load apart; "
            f"this process may use {sorted(os.sched_getaffinity(0))}"
        )
    os.sched_setaffinity(0, {LOAD_CORE})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Watch:
    """Runs ``command`` when this process is gone without having called `end`: killed, or crashed.

    It is a shell in a session of its own, out of reach of what ends this process's group. It sees the end of a pipe
    that nobody else holds, so it needs nothing of this process to be well.
    """

    def __init__(self, *command: str) -> None:
        self._shell = subprocess.Popen(
            ["sh", "-c", WATCH, "watch", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def end(self) -> None:
        """There is nothing left to do after this process."""
        if self._shell.poll() is None:
            self._shell.communicate(b"\n")


@dataclass
class Program:
    """A process group of its own, and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    started_at: float
    watch: Watch

    def pids(self) -> list[int]:
        """Of the whole group."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(folder.name)) == self.process.pid:
                    found.append(int(folder.name))
            except ProcessLookupError:
                continue
        return found

    def cpu_s(self) -> float:
        """User and system time that the group has used so far."""
        total = 0
        for pid in self.pids():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            total += int(fields[11]) + int(fields[12])
        return total / TICKS_PER_S

    def rss_mb(self) -> float:
        """Resident memory of the group."""
        total = 0
        for pid in self.pids():
            try:
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        return total / 1024

    def sockets(self) -> int:
        """Open sockets of the leader, those that listen and those of its own making included."""
        found = 0
        for descriptor in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                found += str(descriptor.readlink()).startswith("socket:")
            except FileNotFoundError:
                continue
        return found

    def wait_until(self, answers: Callable[[], bool], within_s: float = 60) -> float:
        """Seconds from the start until ``answers`` says yes."""
        while time.monotonic() - self.started_at < within_s:
            if answers():
                return time.monotonic() - self.started_at
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended at once: {self.log_end()}")
            time.sleep(0.01)
        raise Failed(f"{self.name} did not answer within {within_s:.0f} s: {self.log_end()}")

    def log_end(self) -> str:
        return self.log.read_text(errors="replace")[-600:].strip() or "(it wrote nothing)"

    def stop(self, wait_s: float = 10) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(wait_s)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.watch.end()


def start(
    name: str,
    command: list[str],
    folder: Path,
    *,
    core: int | None = GATEWAY_CORE,
    environment: Mapping[str, str] | None = None,
) -> Program:
    """Start ``command`` in ``folder``, on one core unless ``core`` is None. It does not outlive this process."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    pinned = command if core is None else ["taskset", "-c", str(core), *command]
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["sh", "-c", WAIT, name, *pinned],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    watch = Watch("kill", "-s", "KILL", "--", f"-{process.pid}")
    started_at = time.monotonic()
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.close()
    return Program(name, process, log, started_at, watch)
