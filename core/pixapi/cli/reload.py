"""`pixapi reload`: make the running gateway take up a changed configuration."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import click

from pixapi.cli.common import config_option, load
from pixapi.errors import NotFound, NotReady, OperatorError

_WAIT_S = 30.0
_LOOK_S = 0.05


@click.command("reload")
@config_option
def command(config: str | None) -> None:
    """Check the configuration, then make the running gateway take it up without dropping a call.

    Models, prices, groups, limits, providers and guards change; what is under server, database, redis and
    telemetry needs a restart.
    """
    from pixapi.pluginhost.host import PluginHost

    loaded = load(config)
    PluginHost.load(loaded)
    file = (loaded.base_dir / loaded.settings.server.secret_file).parent / "pixapi.pid"
    pid, generation, _, _ = _state(file)
    if not hasattr(signal, "SIGHUP"):
        raise OperatorError("this system has no SIGHUP; restart the gateway instead")
    try:
        _require_gateway(pid)
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        raise NotFound(f"the gateway of process {pid} is gone; start it with `pixapi serve`") from None
    except PermissionError:
        raise OperatorError(f"process {pid} belongs to another user; reload as that user") from None
    error, notes = _outcome(file, pid, generation)
    if error is not None:
        raise OperatorError(f"the gateway kept its old configuration: {error}")
    for note in notes:
        click.echo(f"warning: {note}", err=True)
    count = len(loaded.settings.models)
    click.echo(f"reloaded process {pid}: {count} model{'' if count == 1 else 's'}")


def _state(file: Path) -> tuple[int, int, str | None, list[str]]:
    """Process, number of reloads so far, what the last one failed with, and what is to be said of it."""
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        return int(state["pid"]), int(state["generation"]), state["error"], state.get("notes", [])
    except FileNotFoundError:
        raise NotFound(f"no gateway runs with this configuration: there is no {file}") from None
    except (ValueError, KeyError, TypeError):
        raise NotReady(f"{file} cannot be read; restart the gateway, which writes it anew") from None


def _require_gateway(pid: int) -> None:
    """Raises ProcessLookupError where the number has passed to another program, which SIGHUP would end."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return  # no such system, or no such process: the signal itself will tell
    if b"pixapi" not in line:
        raise ProcessLookupError


def _outcome(file: Path, pid: int, generation: int) -> tuple[str | None, list[str]]:
    deadline_s = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline_s:
        now_pid, now, error, notes = _state(file)
        if now_pid != pid or now > generation:
            return error, notes
        time.sleep(_LOOK_S)
    raise NotReady(
        f"process {pid} did not say within {_WAIT_S:g} s that it has reloaded; its log may say why"
    )
