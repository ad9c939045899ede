"""The secret file and its fingerprint."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pixapi.db.engine import Database
from pixapi.errors import ConfigError
from pixapi.identity.secret import load_secret


def test_it_is_made_once_for_its_owner_alone(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "data" / "secret.key"
    secret = load_secret(database, file)
    assert len(secret) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_secret(database, file) == secret
    assert [path.name for path in file.parent.iterdir()] == ["secret.key"]


def _remove(file: Path) -> None:
    file.unlink()


def _replace(file: Path) -> None:
    file.write_text("00" * 32)


def _damage(file: Path) -> None:
    file.write_text("not hexadecimal")


def _binary(file: Path) -> None:
    file.write_bytes(b"\xff" * 64)


@pytest.mark.parametrize(
    ("mishap", "says"),
    [
        (_remove, "is missing"),
        (_replace, "is not the one"),
        (_damage, "does not hold"),
        (_binary, "cannot be read"),
    ],
)
def test_a_mismatch_refuses_to_go_on(
    database: Database, tmp_path: Path, mishap: Callable[[Path], None], says: str
) -> None:
    file = tmp_path / "secret.key"
    secret = load_secret(database, file)
    mishap(file)
    with pytest.raises(ConfigError, match=says) as refused:
        load_secret(database, file)
    assert secret.hex() not in refused.value.message
    assert not file.exists() or file.read_bytes()


def test_a_folder_that_cannot_be_written(database: Database, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be (read|written)"):
        load_secret(database, tmp_path / "taken" / "secret.key")


def test_two_that_start_at_once_get_the_same(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    with ThreadPoolExecutor(4) as pool:
        secrets = list(pool.map(lambda _: load_secret(database, file), range(4)))
    assert len(set(secrets)) == 1
