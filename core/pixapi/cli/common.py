"""What the commands share: their common options, how they print, how they come to settings and database."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixapi.errors import BadRequest, ConfigError

if TYPE_CHECKING:
    from pixapi.config.load import Loaded
    from pixapi.db.engine import Database

DEFAULT_CONFIG = "pixapi.toml"

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"(\d+)\s*([smhdw])")

config_option: Callable[..., Any] = click.option(
    "--config",
    metavar="FILE",
    envvar="PIXAPI_CONFIG",
    help=f"The configuration file.  [default: $PIXAPI_CONFIG, else ./{DEFAULT_CONFIG}]",
)
"""``--config FILE``, as the parameter ``config: str | None``."""

json_option: Callable[..., Any] = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
"""``--json``, as the parameter ``as_json: bool``."""

yes_option: Callable[..., Any] = click.option("--yes", is_flag=True, help="Do not ask.")
"""``--yes``, as the parameter ``yes: bool``, for `confirm`."""


class Duration(click.ParamType):
    """A span of time such as ``90s``, ``15m``, ``24h``, ``30d`` or ``2w``; the value is whole seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = _DURATION.fullmatch(value.strip())
        if match is None or not int(match[1]):
            self.fail(
                f"{value!r} is not a duration; expected a number and s, m, h, d or w, such as 30d", param, ctx
            )
        return int(match[1]) * _UNITS_S[match[2]]


def config_path(config: str | None) -> Path:
    """The configuration file that ``--config`` or its default means."""
    return Path(config or DEFAULT_CONFIG)


def load(config: str | None) -> Loaded:
    """The settings of the configuration file.

    Raises:
        ConfigError: there is no such file, or something in it is wrong; the message lists everything.
    """
    from pixapi.config.load import load_settings

    return load_settings(config_path(config))


def load_if_sound(config: str | None) -> Loaded | None:
    """As `load`, for what works without a configuration too: None where there is none, or a wrong one (said)."""
    if not config_path(config).exists():
        return None
    try:
        return load(config)
    except ConfigError as error:
        click.echo(f"going on without the configuration: {error.message}", err=True)
        return None


@contextmanager
def open_database(config: str | None) -> Generator[Database]:
    """The configured database, closed at the end of the block. Its schema is not looked at.

    Raises:
        ConfigError: as `load`.
    """
    from pixapi.db.engine import Database

    loaded = load(config)
    database = Database(loaded.settings.database.url, base_dir=loaded.base_dir)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def migrated_database(config: str | None) -> Generator[Database]:
    """The configured database, at the schema that this version needs.

    Raises:
        ConfigError: as `load`.
        OperatorError: its schema is another one; the sentence names the command that upgrades it.
    """
    from pixapi.db.schema import require_current

    with open_database(config) as database:
        require_current(database)
        yield database


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone; returns when the answer is yes.

    Raises:
        BadRequest: nobody can be asked, for the input is no terminal.
        click.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadRequest(f"{question} Nobody can be asked here; add --yes to go on")
    click.confirm(question, abort=True)


def emit(
    rows: Sequence[Mapping[str, Any]] | Mapping[str, Any],
    as_json: bool,
    columns: Sequence[str] | None = None,
    empty: str = "There is nothing to show.",
) -> None:
    """Print records or one record.

    Args:
        rows: a list of records becomes a table, one record a list of its fields.
        as_json: print everything as JSON instead.
        columns: which fields the table has, in this order; all of the first record where it is left out.
        empty: the sentence for an empty list.
    """
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False, default=str))
    elif isinstance(rows, Mapping):
        width = max((len(name) for name in rows), default=0)
        for name, value in rows.items():
            click.echo(f"{name:<{width}}  {_text(value)}".rstrip())
    elif rows:
        _print_table(rows, list(columns or rows[0]))
    else:
        click.echo(empty)


def _print_table(rows: Sequence[Mapping[str, Any]], columns: list[str]) -> None:
    cells = [[_text(row.get(column)) for column in columns] for row in rows]
    numeric = [_is_numeric(rows, column) for column in columns]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    lines = []
    for line in [columns, *cells]:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    click.echo("\n".join(lines))


def _is_numeric(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    values = [row.get(column) for row in rows if row.get(column) is not None]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
