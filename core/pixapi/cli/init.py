"""`pixapi init`: write a starter configuration."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from pixapi.errors import Conflict


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Write a commented pixapi.toml, a data folder and a .gitignore into DIR (default: here).

    Nothing that exists is overwritten.
    """
    target = folder / "pixapi.toml"
    if target.exists():
        raise Conflict(f"{target} exists already; edit it, or name another folder")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data").chmod(0o700)
    target.write_text((files("pixapi.cli") / "starter.toml").read_text(encoding="utf-8"), encoding="utf-8")
    click.echo(f"wrote {target}")
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text("/data/\n/secrets/\n", encoding="utf-8")
        click.echo(f"wrote {ignored}")
    where = "" if folder == Path() else f" --config {target}"
    click.echo(
        "\nNext:\n"
        f"  pixapi db upgrade{where}\n"
        f"  pixapi users create you@example.com{where}\n"
        f"  pixapi credits grant you@example.com 1000{where}\n"
        f"  pixapi keys create you@example.com --title first{where}\n"
        f"  pixapi serve{where}"
    )
