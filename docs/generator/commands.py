"""docs/reference/commands.md, from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator

import click

from generator.markdown import cell, code, document, table
from pixapi.cli import main

_INTRO = """
Exit codes: 0 done, 1 refused or failed (a sentence on stderr says why), 2 wrong usage. `PIXAPI_DEBUG=1` adds the
traceback. `--config` may also be given as the variable `PIXAPI_CONFIG`; without either, `./pixapi.toml` is read.
Amounts are credits, as decimal numbers. Durations are a number and a unit: `90s`, `15m`, `24h`, `30d`, `2w`.
"""


def page() -> str:
    parts = [_INTRO]
    for path, command in leaves(main, ()):
        parts.append(_command(path, command))
    return document("Commands", *parts)


def leaves(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    context = click.Context(group, info_name=" ".join(("pixapi", *path)))
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        elif not command.hidden:
            yield (*path, name), command


def _command(path: tuple[str, ...], command: click.Command) -> str:
    words = "pixapi " + " ".join(path)
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    usage = " ".join([words, *(_shown(p) for p in arguments), "[OPTIONS]"])
    rows = [_option(p) for p in command.params if isinstance(p, click.Option) and not p.hidden]
    help_text = "\n".join(
        line.strip() for line in (command.help or "").replace("\b", "").strip().splitlines()
    )
    return f"## `{words}`\n\n```\n{usage}\n```\n\n{help_text}\n\n" + table(["option", "meaning"], rows)


def _shown(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name.strip('[]')}]"


def _option(option: click.Option) -> tuple[str, str]:
    names = ", ".join(option.opts)
    value = "" if option.is_flag else " " + _value(option)
    secondary = f" / {', '.join(option.secondary_opts)}" if option.secondary_opts else ""
    meaning = cell(option.help or "")
    # Options that print their own default say it in their help.
    if (
        option.show_default
        and not option.is_flag
        and option.default is not None
        and "[default" not in meaning
    ):
        meaning += f" Default: {code(str(option.default))}."
    if option.required:
        meaning += " Required."
    if option.multiple:
        meaning += " May be given more than once."
    return code(names + value + secondary), meaning


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "|".join(str(choice) for choice in option.type.choices)
    return option.metavar or option.type.name.removesuffix(" range").upper()
