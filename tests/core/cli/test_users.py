"""`pixapi users`, run on a real database."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pixapi.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Run:
    """Runs a command on a configuration of its own."""
    (tmp_path / "pixapi.toml").write_text(f'[database]\nurl = "{sqlite_url}"\n')

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(tmp_path / "pixapi.toml")])

    return command


def test_a_user_is_made_listed_and_shown(run: Run) -> None:
    made = run("users", "create", "Ada@example.com", "--admin", "--group", "partners")
    assert made.exit_code == 0, made.output
    assert "pixapi keys create Ada@example.com" in made.output
    (listed,) = json.loads(run("users", "list", "--json").stdout)
    shown = json.loads(run("users", "show", "ada@EXAMPLE.com", "--json").stdout)
    assert {name: shown[name] for name in listed} == listed
    assert (shown["email"], shown["admin"], shown["group"], shown["status"]) == (
        "Ada@example.com", True, "partners", "active",
    )  # fmt: skip
    assert (shown["balance"], shown["held"], shown["active_keys"]) == ("0", "0", 0)
    assert "Ada@example.com" in run("users", "list").stdout


def test_an_address_that_is_taken_is_refused(run: Run) -> None:
    run("users", "create", "ada@example.com")
    again = run("users", "create", "ADA@example.com")
    assert again.exit_code == 1
    assert "already a user ada@example.com" in again.stderr
    assert len(json.loads(run("users", "list", "--json").stdout)) == 1


def test_disable_and_enable(run: Run) -> None:
    run("users", "create", "ada@example.com")
    for command, status in (
        ("disable", "disabled"),
        ("disable", "disabled"),
        ("enable", "active"),
        ("enable", "active"),
    ):
        assert run("users", command, "ada@example.com").exit_code == 0
        assert json.loads(run("users", "show", "ada@example.com", "--json").stdout)["status"] == status


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("users", "show", "bob@example.com"), 1, "pixapi users create bob@example.com"),
        (("users", "disable", "bob@example.com"), 1, "there is no user"),
        (("users", "create", "not-an-address"), 1, "not an e-mail address"),
        (("users", "create"), 2, "EMAIL"),
    ],
)
def test_what_cannot_be_done_is_told(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    outcome = run(*arguments)
    assert outcome.exit_code == code
    assert says in outcome.stderr


def test_an_empty_list_says_what_to_do(run: Run) -> None:
    assert "pixapi users create" in run("users", "list").stdout
    assert json.loads(run("users", "list", "--json").stdout) == []
