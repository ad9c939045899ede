"""`pixapi config`: the schema of the configuration, and the values in force."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pixapi.cli.common import config_option, emit, json_option, load, load_if_sound


@click.group("config")
def group() -> None:
    """The configuration: its schema, its effective values."""


@group.command("schema")
@config_option
@click.option(
    "--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write it there."
)
def schema(config: str | None, out: Path | None) -> None:
    """Print the JSON schema of pixapi.toml, with the settings of every installed plugin."""
    from pixapi.config.schema import json_schema
    from pixapi.pluginhost.catalog import configs

    # The installed plugins are known without a file; one-file plugins need the file that names them.
    loaded = load_if_sound(config)
    text = json.dumps(json_schema(configs(loaded)), indent=2, ensure_ascii=False)
    if out is None:
        click.echo(text)
        return
    out.write_text(text + "\n", encoding="utf-8")
    click.echo(f"wrote {out}")


@group.command("show")
@config_option
@json_option
@click.option("--origins", is_flag=True, help="Say where each value comes from.")
def show(config: str | None, as_json: bool, origins: bool) -> None:
    """Print every setting as it is in force, defaults included, secrets masked."""
    from pixapi.config.effective import effective, rows
    from pixapi.pluginhost.host import PluginHost

    loaded = load(config)
    host = PluginHost.load(loaded)
    tree = effective(loaded, host.configs(), host.keys())
    if as_json and not origins:
        emit(tree, as_json)
        return
    listed = list(rows(tree, loaded))
    if as_json:
        emit(listed, as_json)
    elif origins:
        emit([{**row, "value": json.dumps(row["value"], ensure_ascii=False)} for row in listed], False)
    else:
        emit({row["key"]: row["value"] for row in listed}, False)
