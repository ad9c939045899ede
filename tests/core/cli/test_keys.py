"""`pixapi keys`, run on a real database."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pixapi.cli import main
from pixapi.clock import SystemClock
from pixapi.db.engine import Database
from pixapi.identity.keyring import Keyring
from pixapi.identity.secret import load_secret

Run = Callable[..., Result]
EMAIL = "ada@example.com"


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Run:
    """Runs a command on a configuration of its own, in which there is one user."""
    (tmp_path / "pixapi.toml").write_text(f'[database]\nurl = "{sqlite_url}"\n')

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(tmp_path / "pixapi.toml")])

    assert command("users", "create", EMAIL).exit_code == 0
    return command


def made(run: Run, *more: str) -> dict[str, Any]:
    outcome = run("keys", "create", EMAIL, "--title", "laptop", *more, "--json")
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def listed(run: Run) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in json.loads(run("keys", "list", "--json").stdout)}


async def test_the_key_that_is_printed_is_the_key_that_works(
    run: Run, sqlite_url: str, tmp_path: Path
) -> None:
    key = made(run)
    plain = run("keys", "create", EMAIL, "--title", "desktop")
    database = Database(sqlite_url, base_dir=tmp_path)
    keyring = Keyring(database, load_secret(database, tmp_path / "data" / "secret.key"), SystemClock())
    await keyring.start()
    assert keyring.lookup(key["key"], None).key_id == key["id"]
    assert keyring.lookup(plain.stdout.strip(), None).user_id
    await keyring.stop()
    database.close()


def test_a_key_is_shown_once(run: Run) -> None:
    key = made(run)
    assert key["key"].startswith("pix_")
    for later in (run("keys", "list"), run("keys", "list", EMAIL, "--json"), run("users", "show", EMAIL)):
        assert later.exit_code == 0
        assert key["key"] not in later.output
    assert listed(run)[key["id"]]["prefix"] == key["key"][:10]


def test_the_terms_are_kept(run: Run) -> None:
    key = made(
        run, "--models", "echo, gpt-*", "--budget", "12.5", "--expires", "30d", "--rpm", "7",
        "--networks", "192.0.2.0/24,2001:db8::/32",
    )  # fmt: skip
    row = listed(run)[key["id"]]
    assert (row["models"], row["networks"]) == (["echo", "gpt-*"], ["192.0.2.0/24", "2001:db8::/32"])
    assert (row["requests_per_minute"], row["budget"], row["spent"]) == (7, "12.5", "0")
    assert row["expires_at"] > row["created_at"]


def test_a_model_that_is_not_there_is_noted(run: Run) -> None:
    outcome = run("keys", "create", EMAIL, "--title", "t", "--models", "ecko,gpt-*")
    assert outcome.exit_code == 0
    assert "no model of this name is configured: ecko" in outcome.stderr


def test_revoke(run: Run) -> None:
    key = made(run)
    assert run("keys", "revoke", key["id"]).exit_code == 0
    assert listed(run)[key["id"]]["status"] == "revoked"


def test_rotate_prints_a_new_secret_of_the_same_key(run: Run) -> None:
    old = made(run, "--models", "echo", "--budget", "5")
    new = json.loads(run("keys", "rotate", old["id"], "--overlap", "1h", "--json").stdout)
    assert (new["key"] != old["key"], new["id"]) == (True, old["id"])
    rows = listed(run)
    key = rows.pop(old["id"])
    assert (key["status"], key["prefix"], key["budget"]) == ("active", new["key"][:10], "5")
    (former,) = rows.values()
    assert (former["status"], former["replaced_by"], former["prefix"]) == (
        "rotated",
        old["id"],
        old["prefix"],
    )
    assert former["budget"] is None
    again = run("keys", "rotate", former["id"])
    assert again.exit_code == 1
    assert "is rotated" in again.stderr
    assert json.loads(run("users", "show", EMAIL, "--json").stdout)["active_keys"] == 1


def test_import_stores_hashes_and_reports_each_line(run: Run, tmp_path: Path) -> None:
    old = "sk-legacy-" + "k" * 30
    file = tmp_path / "keys.csv"
    file.write_text(f"email,key\n{EMAIL},{old}\n{EMAIL},short\n")
    outcome = run("keys", "import", str(file), "--json")
    assert outcome.exit_code == 1
    assert [row["outcome"] for row in json.loads(outcome.stdout)] == ["imported", "refused"]
    assert old not in outcome.output
    assert old.encode() not in (tmp_path / "pixapi.db").read_bytes()
    file.write_text(f"{EMAIL},{old}\n")
    again = run("keys", "import", str(file), "--json")
    assert again.exit_code == 0
    assert [row["outcome"] for row in json.loads(again.stdout)] == ["present"]
    assert len(listed(run)) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("create", "bob@example.com", "--title", "t"), 1, "pixapi users create bob@example.com"),
        (("create", EMAIL), 2, "--title"),
        (("create", EMAIL, "--title", " "), 1, "needs a title"),
        (("create", EMAIL, "--title", "t", "--budget", "much"), 1, "not an amount of credits"),
        (("create", EMAIL, "--title", "t", "--budget", "-1"), 1, "cannot be negative"),
        (("create", EMAIL, "--title", "t", "--rpm", "0"), 2, "--rpm"),
        (("create", EMAIL, "--title", "t", "--expires", "soon"), 2, "not a duration"),
        (("create", EMAIL, "--title", "t", "--networks", "here"), 1, "not a network"),
        (("revoke", "key_none"), 1, "pixapi keys list"),
        (("rotate", "key_none"), 1, "pixapi keys list"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_left(
    run: Run, arguments: tuple[str, ...], code: int, says: str
) -> None:
    outcome = run("keys", *arguments)
    assert outcome.exit_code == code, outcome.output
    assert says in outcome.stderr
    assert listed(run) == {}


def test_without_its_secret_the_database_makes_no_keys(run: Run, tmp_path: Path) -> None:
    made(run)
    (tmp_path / "data" / "secret.key").unlink()
    outcome = run("keys", "create", EMAIL, "--title", "t")
    assert outcome.exit_code == 1
    assert "is missing" in outcome.stderr
    assert not (tmp_path / "data" / "secret.key").exists()
