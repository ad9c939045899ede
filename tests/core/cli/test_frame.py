"""The command line's frame: lazy commands, exit codes, printing, shared options."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from pixapi.cli import COMMANDS, RootGroup, main
from pixapi.cli.common import Duration, confirm, emit, load_if_sound, open_database, yes_option
from pixapi.errors import BadRequest, NotFound

HEAVY = ("fastapi", "sqlalchemy", "aiohttp", "pydantic", "alembic", "uvicorn", "httpx2", "psycopg")


def leaves(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for inner, sub in command.commands.items():
            yield from leaves(f"{name} {inner}", sub)
    else:
        yield name, command


@pytest.fixture
def commands() -> dict[str, click.Command]:
    """Every leaf command by its full name."""
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        found |= dict(leaves(name, command))
    return found


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom pixapi.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit as end: assert end.code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Commands:" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists(name: str) -> None:
    module, _, attribute = COMMANDS[name][0].partition(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_every_command_has_a_help_and_takes_a_configuration(commands: dict[str, click.Command]) -> None:
    for name, command in commands.items():
        assert command.help, name
        options = [option for parameter in command.params for option in parameter.opts]
        assert "--config" in options or name in ("init", "plugins new"), name


def test_every_reading_command_has_json(commands: dict[str, click.Command]) -> None:
    reading = (
        "list",
        "show",
        "balance",
        "history",
        "verify",
        "holds",
        "write-offs",
        "report",
        "margin",
        "explain",
        "sync",
        "current",
        "check",
    )
    for name, command in commands.items():
        if name.split()[-1] in reading:
            assert "--json" in [option for parameter in command.params for option in parameter.opts], name


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_the_version() -> None:
    code, out, _ = invoke("--version")
    assert (code, out.split()[0]) == (0, "pixapi")


@pytest.mark.parametrize(
    "arguments", [["modles"], ["models", "lsit"], ["models", "list", "--nonsense"], ["models"]]
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert invoke(*arguments)[0] == 2


def test_a_misspelt_command_is_guessed() -> None:
    assert "Did you mean 'models'?" in invoke("modles")[2]


def failing(error: BaseException) -> RootGroup:
    """A command line with one command, which raises."""

    def run() -> None:
        raise error

    root = RootGroup({"go": (f"{__name__}:none", "")}, name="pixapi")
    command = click.Command("go", callback=run)
    root.get_command = lambda ctx, cmd_name: command  # type: ignore[method-assign]
    return root


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (NotFound("there is no such thing"), 1, "Error: there is no such thing\n"),
        (click.UsageError("not like that"), 2, "Error: not like that\n"),
        (click.Abort(), 1, "Nothing was done.\n"),
        (KeyboardInterrupt(), 130, ""),
        (RuntimeError("broken"), 1, "Error: unexpected RuntimeError: broken\n"),
    ],
)
def test_errors_become_exit_codes(error: BaseException, code: int, text: str) -> None:
    result = CliRunner().invoke(failing(error), ["go"])
    assert result.exit_code == code
    assert text in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("error", [RuntimeError("broken"), NotFound("gone")])
def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setenv("PIXAPI_DEBUG", "1")
    result = CliRunner().invoke(failing(error), ["go"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


def test_sigint_is_quiet(tmp_path: Path) -> None:
    """A real process, a real signal: no traceback, the exit code that shells expect."""
    fifo = tmp_path / "pixapi.toml"
    os.mkfifo(fifo)
    # Whoever runs the tests in the background of a shell has the signal ignored, and so would the command.
    heeds = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"
    waiting = subprocess.Popen(
        [sys.executable, "-c", heeds, sys.executable, "-m", "pixapi.cli", "models", "list", "--config", str(fifo)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with fifo.open("w"):  # returns once the command reads the file, which then never ends
        waiting.send_signal(signal.SIGINT)
        _, errors = waiting.communicate(timeout=30)
    assert (waiting.returncode, errors.strip()) == (130, "")


def test_a_reader_who_leaves_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m pixapi.cli config schema --config {tmp_path / 'none'} | head -c 10",
        shell=True, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""


ROWS: list[dict[str, Any]] = [
    {"id": "a", "count": 5, "note": None, "on": True},
    {"id": "longer", "count": 1234, "note": "x", "on": False, "hidden": {"k": [1]}},
]


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    emit(ROWS, False, columns=["id", "count", "note", "on"])
    assert capsys.readouterr().out.splitlines() == [
        "id      count  note  on",
        "a           5  -     yes",
        "longer   1234  x     no",
    ]


def test_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    emit(ROWS[1], False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "id      longer"
    assert lines[-1] == 'hidden  {"k": [1]}'


def test_json_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    emit(ROWS, True, columns=["id"])
    assert json.loads(capsys.readouterr().out) == ROWS


@pytest.mark.parametrize(("as_json", "expected"), [(False, "No cats here.\n"), (True, "[]\n")])
def test_nothing_to_show(capsys: pytest.CaptureFixture[str], as_json: bool, expected: str) -> None:
    emit([], as_json, empty="No cats here.")
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("24h", 86400), ("30d", 2_592_000), ("2w", 1_209_600)]
)
def test_a_duration(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1.5h", "1y"])
def test_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a duration; expected a number and s, m, h, d or w"):
        Duration().convert(text, None, None)


def test_a_question_without_a_terminal_is_refused() -> None:
    @click.command()
    @yes_option
    def ask(yes: bool) -> None:
        confirm("Really?", yes=yes)

    assert isinstance(CliRunner().invoke(ask, []).exception, BadRequest)
    assert CliRunner().invoke(ask, ["--yes"]).exit_code == 0


def test_the_configuration_is_named_by_option_then_environment_then_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pixapi", "by_env", "by_option"):
        text = f'[providers.e]\nuse="e"\n[[models]]\nid="{name}"\nroutes=[{{provider="e",model="m"}}]\nprice={{}}'
        (tmp_path / f"{name}.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIXAPI_CONFIG", raising=False)
    assert json.loads(invoke("models", "list", "--json")[1])[0]["id"] == "pixapi"
    monkeypatch.setenv("PIXAPI_CONFIG", "by_env.toml")
    assert json.loads(invoke("models", "list", "--json")[1])[0]["id"] == "by_env"
    assert (
        json.loads(invoke("models", "list", "--json", "--config", "by_option.toml")[1])[0]["id"]
        == "by_option"
    )


def test_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, errors = invoke("models", "list")
    assert code == 1
    assert "there is no configuration file pixapi.toml; `pixapi init` writes one" in errors


def test_what_needs_no_configuration_goes_on_with_a_wrong_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pixapi.toml").write_text("port = 1")
    assert load_if_sound(str(tmp_path / "pixapi.toml")) is None
    assert "going on without the configuration" in capsys.readouterr().err
    assert load_if_sound(str(tmp_path / "none.toml")) is None


def test_the_database_is_opened_where_the_configuration_says(tmp_path: Path) -> None:
    (tmp_path / "pixapi.toml").write_text('[database]\nurl = "sqlite:///sub/x.db"')
    with open_database(str(tmp_path / "pixapi.toml")) as database:
        assert database.path == tmp_path / "sub/x.db"
