"""Takes a changed configuration into use without dropping a call.

Calls under way keep the `Configured` they began with; new ones see the new one. A file that is wrong changes
nothing. The outcome lies in ``pixapi.pid`` beside the process's other data, where `pixapi reload` reads it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from pixapi.app.assembly import configure, release
from pixapi.config.load import Loaded, load_settings
from pixapi.errors import PixapiError
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from pixapi.calls.services import Configured, Services

RESTART_ONLY = ("server", "database", "redis", "privacy", "telemetry")
"""Sections that are read once, at start."""
log = logger("app")


class Reloader:
    """Owns the pid file while the process serves, and reloads when asked to."""

    def __init__(self, loaded: Loaded, services: Services, folder: Path) -> None:
        self._loaded = loaded
        self._services = services
        self._file = folder / "pixapi.pid"
        self._generation = 0
        self._task: asyncio.Task[None] | None = None
        self._releasing: list[asyncio.Task[None]] = []

    def request(self) -> None:
        """Reload soon; a request during a reload starts another one after it."""
        before = self._task
        self._task = asyncio.get_running_loop().create_task(self._after(before))

    async def _after(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        error: str | None = None
        notes: list[str] = []
        try:
            notes = await self._reload()
        except PixapiError as refused:
            error = refused.message
            log.error("reload_refused", error=error)
        self._generation += 1
        self._write(error, notes)

    async def _reload(self) -> list[str]:
        """What whoever asked should know of it."""
        services = self._services
        loaded = await asyncio.to_thread(load_settings, self._loaded.path)
        ignored = [
            section for section in RESTART_ONLY
            if getattr(loaded.settings, section) != getattr(self._loaded.settings, section)
        ]  # fmt: skip
        before = services.configured
        services.configured = await asyncio.to_thread(
            configure, loaded, services.database, services.clock, services.board
        )
        _tell(services)
        self._releasing.append(asyncio.create_task(self._release(before)))
        log.info("reloaded", models=len(loaded.settings.models), need_restart=ignored)
        restart = [f"[{section}] has changed, which a restart takes up" for section in ignored]
        return [*restart, *services.configured.missing_secrets]

    async def _release(self, before: Configured) -> None:
        """Give calls that began with the old configuration time to end; they are cut after that at a stop as well."""
        try:
            await asyncio.sleep(before.settings.server.shutdown_s)
        finally:
            await release(before)

    def _write(self, error: str | None, notes: Sequence[str] = ()) -> None:
        state = {"pid": os.getpid(), "generation": self._generation, "error": error, "notes": notes}
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(state))
        partial.replace(self._file)

    async def __aenter__(self) -> Reloader:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._write(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])
        for task in self._releasing:
            task.cancel()
        await asyncio.gather(*self._releasing, return_exceptions=True)
        self._file.unlink(missing_ok=True)


def _tell(services: Services) -> None:
    """Let the board of health know which routes and keys there are now."""
    board, configured = services.board, services.configured
    board.adopt(configured.settings.routing)
    routes = [route for entry in configured.catalog.entries() for route in entry.chooser.routes()]
    board.reloaded(
        [(route.provider_name, route.model, route.key_number) for route in routes],
        [(route.provider_name, route.key_number) for route in routes],
    )
