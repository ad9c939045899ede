"""`pixapi plugins`: what is installed; write one; test one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click

from pixapi.cli.common import config_option, config_path, emit, json_option, load_if_sound

# In a process of its own: pytest changes how modules are imported, and is needed for nothing else here.
_RUN_CONTRACT = """
import pathlib, sys
from pixapi.errors import PixapiError
try:
    from pixapi.testing import run_contract
    sys.exit(run_contract(sys.argv[1], pathlib.Path(sys.argv[2])))
except PixapiError as error:
    sys.exit(f"Error: {error.message}")
"""


@click.group("plugins")
def group() -> None:
    """Installed plugins; write one, test one."""


@group.command("list")
@config_option
@json_option
def list_plugins(config: str | None, as_json: bool) -> None:
    """All installed plugins, and the one-file plugins of the configuration.

    `evidence` says what a provider was tested against: a live server, recorded traffic, or documents only.
    """
    from pixapi.pluginhost.catalog import available

    loaded = load_if_sound(config)
    rows: list[dict[str, Any]] = []
    for item in available(loaded):
        row = asdict(item)
        row.pop("config")
        rows.append({**row, "configured": item.configured if as_json else ", ".join(item.configured) or None})
    columns = ["use", "family", "evidence", "configured", "distribution", "summary"]
    sound = rows if as_json else [row for row in rows if row["problem"] is None]
    emit(sound, as_json, columns=columns, empty="No plugins are installed.")
    for row in rows if not as_json else []:
        if row["problem"]:
            click.echo(f"cannot be used: {row['problem']}", err=True)


@group.command("new")
@click.argument("name")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--kind",
    type=click.Choice(["provider", "dialect", "guard"]),
    default="provider",
    show_default=True,
    help="What it offers: a provider of OpenAI's dialect, one with a dialect of its own, or a guard.",
)
def new(name: str, folder: Path | None, kind: Literal["provider", "dialect", "guard"]) -> None:
    """Write a small distribution with a plugin NAME and its tests, ready to be installed."""
    from pixapi.pluginhost.scaffold import write_plugin

    written = write_plugin(name, kind, folder)
    for file in written:
        click.echo(f"wrote {file}")
    top = next(file.parent for file in written if file.name == "pyproject.toml")
    click.echo(f"\nNext:\n  pip install -e '{top}[test]'\n  pytest {top}\n  pixapi plugins list")


@group.command("test")
@click.argument("use")
@config_option
def test(use: str, config: str | None) -> None:
    """Run the contract suite on a plugin: an installed one's name, or a file such as ./acme.py."""
    line = [sys.executable, "-c", _RUN_CONTRACT, use, str(config_path(config))]
    sys.exit(subprocess.run(line, check=False).returncode)
