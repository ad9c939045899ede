"""Who is alive, and who only was."""

import subprocess
import sys
from pathlib import Path

import pytest

from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.errors import NotReady

CHILD = """
import sys
from pathlib import Path
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
owner = Ownership(Database(sys.argv[1], base_dir=Path.cwd()))
owner.acquire()
print(owner.id, flush=True)
sys.stdin.read()
"""


def another_process(url: str) -> tuple[subprocess.Popen[str], str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child, child.stdout.readline().strip()


def test_one_process_serves_a_file(sqlite_url: str, tmp_path: Path) -> None:
    child, _ = another_process(sqlite_url)
    database = Database(sqlite_url, base_dir=tmp_path)
    owner = Ownership(database)
    with pytest.raises(NotReady, match=rf"pid {child.pid}"):
        owner.acquire()
    child.kill()
    child.wait()
    owner.acquire()
    owner.keep()
    assert owner.is_alive(owner.id)
    assert not owner.is_alive("own_before")
    owner.release()
    database.close()


@pytest.mark.postgres
def test_many_processes_serve_postgres(postgres_database_url: str, tmp_path: Path) -> None:
    child, other = another_process(postgres_database_url)
    database = Database(postgres_database_url, base_dir=tmp_path)
    owner = Ownership(database)
    owner.acquire()
    assert owner.is_alive(other)
    assert not owner.is_alive("own_before")
    child.kill()
    child.wait()
    for _ in range(1000):
        if not owner.is_alive(other):
            break
    assert not owner.is_alive(other)
    owner.release()
    database.close()


@pytest.mark.postgres
def test_a_lost_connection_takes_its_lock_again(postgres_database_url: str, tmp_path: Path) -> None:
    database = Database(postgres_database_url, base_dir=tmp_path)
    mine, other = Ownership(database), Ownership(database)
    mine.acquire()
    other.acquire()
    killer = database.driver_connection()
    killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    killer.close()
    for owner in (mine, other):
        for _ in range(100):
            try:
                owner.keep()
            except Exception:
                continue
            break
    assert other.is_alive(mine.id)
    mine.release()
    other.release()
    database.close()
