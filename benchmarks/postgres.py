"""A Postgres server for the length of a measurement, with the durability that it comes with."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

from benchmarks.processes import Failed, Watch, free_port


def programs() -> Path:
    """The folder with initdb and pg_ctl, newest version first.

    Raises:
        Failed: there is none.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    if not found:
        raise Failed("no Postgres server programs are installed (Debian: apt-get install postgresql)")
    return Path(found).parent


def as_owner(command: list[str]) -> list[str]:
    """Postgres refuses to run as root; Debian has a user for it."""
    if os.geteuid() != 0:
        return command
    pwd.getpwnam("postgres")
    return ["runuser", "-u", "postgres", "--", *command]


def run(command: list[str]) -> None:
    owned = as_owner(command)
    done = subprocess.run(owned, capture_output=True, text=True, timeout=120, cwd="/", check=False)
    if done.returncode:
        raise Failed(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout)[-500:]}")


@contextlib.contextmanager
def server(folder: Path) -> Generator[str, None, None]:
    """Its URL, for psycopg through SQLAlchemy; PIXAPI_BENCH_POSTGRES names a server that runs already."""
    if given := os.environ.get("PIXAPI_BENCH_POSTGRES"):
        yield given
        return
    if os.geteuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in folder.parents):
        folder = Path("/var/tmp") / f"pixapi-bench-{os.getpid()}"  # its user cannot come to the checkout
    bin_, data, port = programs(), folder / "data", free_port()
    folder.mkdir(parents=True)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    run([str(bin_ / "initdb"), "-D", str(data), "-A", "trust", "-U", "pixapi", "--no-instructions"])
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    log = str(folder / "postgres.log")
    stop = [str(bin_ / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop"]
    watch = Watch(*as_owner(stop))
    try:
        run([str(bin_ / "pg_ctl"), "-D", str(data), "-w", "-l", log, "-o", options, "start"])
        try:
            run([str(bin_ / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "pixapi", "pixapi"])
            yield f"postgresql+psycopg://pixapi@127.0.0.1:{port}/pixapi"
        finally:
            run(stop)
    finally:
        watch.end()
        shutil.rmtree(folder, ignore_errors=True)
