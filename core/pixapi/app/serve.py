"""Runs a gateway: the server, its signals, and reloads."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from pixapi.api.build import build_api
from pixapi.app.assembly import data_folder, services
from pixapi.app.protocol import GatewayProtocol
from pixapi.app.reload import Reloader
from pixapi.clock import SystemClock
from pixapi.errors import ConfigError
from pixapi.telemetry.logs import configure_logging, logger

if TYPE_CHECKING:
    from pixapi.config.load import Loaded

SWITCH_INTERVAL_S = 0.002
"""How long the event loop may keep the interpreter from the ledger's writer. Longer, and commits wait for it as soon as
the loop is busy; shorter, and switching back and forth costs more than it gains (measured: docs, performance)."""
GC_THRESHOLD = (20_000, 20, 20)
"""A call leaves no cycles behind, so the collector hardly ever finds anything; it need not look every 700 objects."""
BACKLOG = 4096
KEEP_ALIVE_S = 75
"""Longer than the idle connections that clients and proxies commonly keep, so that they close first."""
_MOST_WRITE_S = 2_000_000
"""Twenty-three days; the system takes no more than 2**31 milliseconds."""
log = logger("app")


def run(loaded: Loaded, *, host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM; SIGHUP reloads the configuration.

    Raises:
        PixapiError: it cannot start; the sentence says why.
    """
    telemetry = loaded.settings.telemetry
    configure_logging(telemetry.log_level, telemetry.log_format)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    server = loaded.settings.server
    with (
        listen(host or server.host, server.port if port is None else port, server.write_s) as listener,
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        runner.run(_serve(loaded, listener))


def listen(host: str, port: int, write_s: float) -> socket.socket:
    """A listening socket. A connection whose other side takes nothing for ``write_s`` is closed, where the system can
    do that (Linux): what is left of a reply would lie in memory for as long as a caller who does not read likes.

    Raises:
        ConfigError: the address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"cannot listen on {host} port {port}: {reason}; end whatever uses it, or set server.port or --port"
        ) from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Connections have it from their listener (tcp(7)); 0 would mean the system's own, which is far longer.
        write_ms = round(max(0.001, min(write_s, _MOST_WRITE_S)) * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, write_ms)
    return listener


def _loop_factory():
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


class _Server(uvicorn.Server):
    """Uvicorn's server without its habit to raise the signal again at the end, which would skip our own ending."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def _serve(loaded: Loaded, listener: socket.socket) -> None:
    clock = SystemClock()
    settings = loaded.settings
    async with services(loaded, clock) as parts:
        server = _Server(
            uvicorn.Config(
                build_api(parts),
                http=GatewayProtocol,
                ws="none",
                lifespan="off",
                access_log=False,
                proxy_headers=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=round(settings.server.shutdown_s),
            )
        )
        async with Reloader(loaded, parts, data_folder(loaded)) as reloader:
            if hasattr(signal, "SIGHUP"):
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloader.request)
            # What exists now lives as long as the process: the collector need not look at it again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLD)
            log.info("serving", host=listener.getsockname()[0], port=listener.getsockname()[1])
            await server.serve(sockets=[listener])
    log.info("stopped")
