"""A secret that cannot be what it is for: the gateway does not begin with it, whether it starts or reloads."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixapi.testing.gateway import ECHO, GatewayFailed, RunningGateway

GUARD = '[guards.house]\nuse = "webhook"\nurl = "https://guard.example.com"\nsecret = {secret}\n'
SAID = "key `guards.house.secret`: the secret of a webhook"
SOUND = f"whsec_{'QUJD' * 8}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("topsecret")
    return tmp_path


def gateway(folder: Path, secret: str = '{ file = "secret" }') -> RunningGateway:
    made = RunningGateway(folder, ECHO + GUARD.format(secret=secret))
    made.cli("db", "upgrade")
    return made


def test_it_does_not_start(folder: Path) -> None:
    with gateway(folder) as made:
        with pytest.raises(GatewayFailed, match=SAID):
            made.start()
        assert made.process is not None
        assert made.process.wait(10) == 1
        told = made.log.read_text()
        problem = made.cli("check", check=False).stderr
    assert problem.strip().splitlines()[-1].removeprefix("error: ") in told  # word for word what `check` says
    assert "topsecret" not in told


def test_it_starts_with_one_that_is_sound_or_not_there_yet(folder: Path) -> None:
    """Secrets are read when used: what is missing may come, and `check` says that it is not there."""
    (folder / "secret").write_text(SOUND)
    with gateway(folder) as made:
        made.start()
    (folder / "secret").unlink()
    with gateway(folder) as made:
        made.start()


def test_a_reload_keeps_what_was_sound(folder: Path) -> None:
    (folder / "secret").write_text(SOUND)
    with gateway(folder) as made:
        made.start()
        made.config.write_text(made.config.read_text().replace('{ file = "secret" }', '"topsecret"'))
        done = made.cli("reload", check=False)
        assert done.returncode == 1
        assert "the gateway kept its old configuration: " in done.stderr
        assert SAID in done.stderr
        assert SAID in made.log.read_text()
        assert made.request("GET", "/healthz")[0] == 200


def test_start_and_reload_tell_of_what_is_missing(folder: Path) -> None:
    missing = "key `guards.house.secret` has no value: the environment variable NOT_THERE is not set"
    with gateway(folder, '{ env = "NOT_THERE" }') as made:
        made.start()
        assert "secret_missing" in made.log.read_text()
        made.config.write_text(made.config.read_text() + "\n[privacy]\npayload_logging = 'off'\n")
        done = made.cli("reload", check=False)
    assert done.returncode == 0
    assert missing in done.stderr
    assert "[privacy] has changed, which a restart takes up" in done.stderr
