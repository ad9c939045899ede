"""Fixtures that any test may use: real databases, a real Redis; and how large a test is to be.

A server that is not configured is started once for each worker, from the system's own binaries, in a folder
and on a port of its own. Where it cannot be had the test is skipped and says so; under CI it fails.

Some tests (kill rounds, random histories) prove more the longer they run. They carry the marker ``sized`` and ask
the fixture ``size`` how far to go; PIXAPI_TEST_LONG (unset, ``short``, ``full``) is read here and nowhere else.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from pixapi.db.engine import Database
from pixapi.db.schema import upgrade


def pytest_configure(config: pytest.Config) -> None:
    if _how_long() not in ("", "short", "full"):
        raise pytest.UsageError(f"PIXAPI_TEST_LONG is {_how_long()!r}; leave it out, or say short or full")


def _how_long() -> str:
    return os.environ.get("PIXAPI_TEST_LONG", "")


@pytest.fixture
def size(request: pytest.FixtureRequest) -> int:
    """How many rounds, seconds or examples: of the test's ``sized(usual, short=..., full=...)``, the one asked for.

    ``usual`` is what `make test` does; tests that are also marked ``long`` have none, for it leaves them out.
    """
    marker = request.node.get_closest_marker("sized")
    assert marker is not None, (
        "a test that asks for its size says its sizes: @pytest.mark.sized(3, short=8, full=50)"
    )
    usual = marker.args[0] if marker.args else marker.kwargs["short"]
    return {"": usual, **marker.kwargs}[_how_long()]


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(f"NOT TESTED: {what}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@dataclass
class PostgresServer:
    """A server of the tests' own, which may be stopped and started."""

    binaries: Path
    data: Path
    port: int

    @property
    def url(self) -> str:
        """Where its maintenance database is."""
        return f"postgresql+psycopg://pixapi@127.0.0.1:{self.port}/postgres"

    def run(self, command: str, *arguments: str) -> None:
        """Runs one of the server's binaries as a user that it accepts; it refuses root."""
        line = [str(self.binaries / command), *arguments]
        if os.geteuid() == 0:
            line = ["runuser", "-u", "postgres", "--", *line]
        subprocess.run(line, check=True, capture_output=True, timeout=60, cwd=self.data.parent)

    def create(self) -> None:
        self.run(
            "initdb", "-D", str(self.data), "-U", "pixapi", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"
        )

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.data} "
            "-c max_connections=100 -c shared_buffers=64MB -c log_min_messages=fatal"
        )
        self.run("pg_ctl", "-D", str(self.data), "-w", "-o", options, "-l", str(self.data / "log"), "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Ends it, in whatever state a test left it, and removes its folder."""
        if (self.data / "postmaster.pid").exists():
            subprocess.run(["kill", "-CONT", str(self.pid())], check=False)
            self.stop()
        shutil.rmtree(self.data.parent, ignore_errors=True)

    def pid(self) -> int:
        """The process id of the postmaster."""
        return int((self.data / "postmaster.pid").read_text().split()[0])


def _find_postgres() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path is None:
        _missing("Postgres is not installed; set PIXAPI_TEST_POSTGRES_URL or install it")
    return Path(str(on_path)).resolve().parent


@pytest.fixture(scope="session")
def postgres_factory() -> Iterator[Callable[[], PostgresServer]]:
    """Makes a running server; all of them end with the session."""
    servers: list[PostgresServer] = []

    def make() -> PostgresServer:
        # A new folder each time, so that runs side by side have nothing in common. Not in pytest's own folder:
        # that is closed to all users but one, and Postgres refuses to run as root.
        binaries = _find_postgres()
        home = Path(tempfile.mkdtemp(prefix="pixapi-postgres-"))
        server = PostgresServer(binaries, home / "data", _free_port())
        servers.append(server)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(home, user.pw_uid, user.pw_gid)
        server.create()
        _start(server)
        return server

    yield make
    for server in servers:
        server.remove()


def _start(server: PostgresServer) -> None:
    """Starts the server, on another port if somebody took its own meanwhile."""
    for attempt in range(5):
        try:
            server.start()
        except subprocess.CalledProcessError:
            if attempt == 4:
                raise
            server.port = _free_port()
        else:
            return


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> str:
    """A Postgres server's URL: PIXAPI_TEST_POSTGRES_URL, else one started here. Tests make databases in it."""
    configured = os.environ.get("PIXAPI_TEST_POSTGRES_URL")
    if configured:
        return configured
    return request.getfixturevalue("postgres_factory")().url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server's URL: PIXAPI_TEST_REDIS_URL, else one started here."""
    configured = os.environ.get("PIXAPI_TEST_REDIS_URL")
    if configured:
        yield configured
        return
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        _missing("Redis is not installed; set PIXAPI_TEST_REDIS_URL or install it")
    port = _free_port()
    line = [str(binary), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(line, stdout=subprocess.DEVNULL, cwd=tmp_path_factory.mktemp("redis"))
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.01)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(10)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "pixapi.db"
    database = Database(f"sqlite:///{path}", base_dir=path.parent)
    upgrade(database)
    database.close()
    return path


def create_postgres(url: str, *, template: str = "template0") -> str:
    """Makes an empty database in the server at ``url`` and returns its URL."""
    name = f"pixapi_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(False), autocommit=True
    ) as c:
        c.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    return make_url(url).set(database=name).render_as_string(False)


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """The name of an empty Postgres database at the newest schema, to be copied."""
    url = create_postgres(postgres_url)
    database = Database(url, base_dir=Path.cwd())
    upgrade(database)
    database.close()
    yield str(make_url(url).database)
    _drop(postgres_url, str(make_url(url).database))


def _drop(server_url: str, name: str) -> None:
    plain = make_url(server_url).set(drivername="postgresql").render_as_string(False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh SQLite database at the newest schema."""
    path = tmp_path / "pixapi.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_database_url(postgres_url: str, postgres_template: str) -> Iterator[str]:
    """The URL of a fresh Postgres database at the newest schema."""
    url = create_postgres(postgres_url, template=postgres_template)
    yield url
    _drop(postgres_url, str(make_url(url).database))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database at the newest schema, on each of the two kinds."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_database_url")


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """The same, opened."""
    opened = Database(database_url, base_dir=tmp_path)
    yield opened
    opened.close()
