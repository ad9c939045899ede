"""Two runs of the tests at once, by one user: each has its own servers and folders, and leaves the other's alone."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from pixapi.db.engine import Database

ROOT = Path(__file__).parents[2]
PART = [
    "tests/core/ledger/test_lots.py", "-k", "entries_of_a_charge", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"
]  # fmt: skip


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.timeout(300)
def test_runs_side_by_side_leave_each_other_alone(postgres_url, tmp_path):
    """Neither is given a folder of its own; and this run's server is still there when they are gone."""
    line = [sys.executable, "-m", "pytest", *PART]
    runs = [
        subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    said = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], "\n".join(said)
    assert all("4 passed" in words for words in said), said
    with Database(postgres_url, base_dir=tmp_path).read() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
