"""The command line, `pixapi`.

A command's module is imported when the command is called. The table below holds names and one-line helps,
so that `pixapi --help` loads nothing else.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from pixapi import __version__
from pixapi.errors import PixapiError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("pixapi.cli.init:command", "Write a starter pixapi.toml."),
    "serve": ("pixapi.cli.serve:command", "Run the gateway."),
    "check": ("pixapi.cli.check:command", "Say what is wrong with the configuration."),
    "config": ("pixapi.cli.config:group", "The configuration: its schema, its effective values."),
    "reload": ("pixapi.cli.reload:command", "Make the running gateway take up a changed configuration."),
    "plugins": ("pixapi.cli.plugins:group", "Installed plugins; write one, test one."),
    "db": ("pixapi.cli.db:group", "The database: upgrade, back up, copy."),
    "users": ("pixapi.cli.users:group", "Who may use the gateway."),
    "keys": ("pixapi.cli.keys:group", "API keys."),
    "credits": ("pixapi.cli.credits:group", "Grant credits, read balances."),
    "ledger": ("pixapi.cli.ledger:group", "Prove every balance; holds and write-offs."),
    "models": ("pixapi.cli.models:group", "The catalog of models."),
    "requests": ("pixapi.cli.requests:group", "What was called, and what failed."),
    "usage": ("pixapi.cli.usage:group", "Reports of use."),
    "privacy": ("pixapi.cli.privacy:group", "Forget what is older than it may be."),
}
"""Command -> (module:attribute, help)."""

INTERRUPTED = 130
"""The exit code after SIGINT, as shells have it."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(self, lazy: Mapping[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(**more)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._lazy.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        return getattr(import_module(module), attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._lazy and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.exceptions.NoSuchCommand(name, possibilities=list(self._lazy), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[1]) for name, entry in self._lazy.items()])


class RootGroup(LazyGroup):
    """Turns errors into exit codes: 0 done, 1 refused or failed (a sentence on stderr), 2 wrong usage."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        def run() -> Any:
            # In click's own standalone mode every interrupt and refusal would end with exit code 1.
            return click.Group.main(
                self,
                args,
                prog_name or "pixapi",
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )

        if not standalone_mode:
            return run()
        sys.exit(_exit_code(run))


def _exit_code(run: Callable[[], Any]) -> int:
    debug = os.environ.get("PIXAPI_DEBUG") not in (None, "", "0")
    try:
        outcome = run()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            return INTERRUPTED
        click.echo("Nothing was done.", err=True)
        return 1
    except PixapiError as error:
        if debug:
            traceback.print_exc()
        click.echo(f"Error: {error.message}", err=True)
        return 1
    except BrokenPipeError:
        # Whoever read the output has left (`pixapi ... | head`); Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort: named for people, in full with PIXAPI_DEBUG
        if debug:
            traceback.print_exc()
        else:
            click.echo(
                f"Error: unexpected {type(error).__name__}: {error}\n"
                "This is a fault in Pixapi or in a plugin; PIXAPI_DEBUG=1 shows where it happened.",
                err=True,
            )
        return 1
    return outcome if isinstance(outcome, int) else 0


main = RootGroup(
    COMMANDS,
    name="pixapi",
    help="A self-hosted, plugin-based gateway for AI model APIs with strict prepaid credits.",
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=lambda ctx, _param, asked: _print_version(ctx) if asked else None,
            help="Show the version and exit.",
        )
    ],
)


def _print_version(ctx: click.Context) -> None:
    click.echo(f"pixapi {__version__}")
    ctx.exit()
