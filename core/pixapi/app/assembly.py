"""Puts the parts of a process together, and takes them apart in the reverse order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pixapi import __version__
from pixapi.app.margin_watch import MarginWatch
from pixapi.calls.request_log import RequestLog
from pixapi.calls.services import Configured, Services
from pixapi.calls.usage_rollup import UsageRoller
from pixapi.catalog.board import Board
from pixapi.catalog.catalog import build_catalog, label
from pixapi.clock import Clock
from pixapi.config.advice import losses
from pixapi.config.load import Loaded
from pixapi.config.settings import Privacy
from pixapi.db.engine import Database
from pixapi.db.ownership import Ownership
from pixapi.db.schema import require_current
from pixapi.gateway.fetching import FILE_LIMIT_BYTES
from pixapi.identity.keyring import Keyring
from pixapi.identity.secret import load_secret
from pixapi.interfaces import Credentials, Fetches
from pixapi.ledger.writer import CallLedger
from pixapi.limits import Limiter, MemoryLimiter
from pixapi.pluginhost.host import PluginHost
from pixapi.pluginhost.unfit import missing_secrets, require_sound_secrets
from pixapi.telemetry.afterwards import Afterwards
from pixapi.telemetry.logs import logger
from pixapi.telemetry.metrics import Metrics
from pixapi.telemetry.tracing import Tracer
from pixapi.transport.addresses import public_addresses
from pixapi.transport.credentials import CredentialCache
from pixapi.transport.outbound import OutboundClient
from pixapi.transport.upstream import UpstreamClient

log = logger("app")


def data_folder(loaded: Loaded) -> Path:
    """Where the process keeps what is its own: the secret, the spool, its pid."""
    return (loaded.base_dir / loaded.settings.server.secret_file).parent


def configure(loaded: Loaded, database: Database, clock: Clock, board: Board) -> Configured:
    """Everything that the configuration says and a reload replaces.

    Raises:
        ConfigError, PluginError: it is wrong; nothing has changed.
    """
    host = PluginHost.load(loaded)
    require_sound_secrets(loaded, host)
    missing = [str(problem) for problem in missing_secrets(loaded, host)]
    for problem in missing:
        log.warning("secret_missing", problem=problem)
    for loss in losses(loaded.settings):
        log.warning("priced_below_cost", problem=loss)
    providers = {name: [key.provider for key in item.keys] for name, item in host.providers.items()}
    keys = {
        label(name, key.table.number, len(item.keys)): key
        for name, item in host.providers.items()
        for key in item.keys
    }
    outbound = OutboundClient(host.hosts())
    return Configured(
        settings=loaded.settings,
        catalog=build_catalog(loaded.settings, providers, database, clock, board),
        guards=[guard.guard for guard in host.guards],
        credentials={
            name: CredentialCache(key.provider, outbound, clock, key.confidential)
            for name, key in keys.items()
            if isinstance(key.provider, Credentials)
        },
        confidential={name: key.confidential for name, key in keys.items()},
        outbound=outbound,
        files={
            name: OutboundClient(
                key.provider.file_hosts, limit_bytes=FILE_LIMIT_BYTES, lookup=public_addresses
            )
            for name, key in keys.items()
            if isinstance(key.provider, Fetches)
        },
        missing_secrets=missing,
    )


async def release(configured: Configured) -> None:
    """Let go of what a configuration had opened; no call uses it any more."""
    for cache in configured.credentials.values():
        await cache.close()
    await configured.outbound.close()
    for client in configured.files.values():
        await client.close()


@asynccontextmanager
async def services(loaded: Loaded, clock: Clock) -> AsyncGenerator[Services]:
    """The running parts of one process, from the database up to the sockets."""
    settings = loaded.settings
    async with AsyncExitStack() as stack:
        database = Database(settings.database.url, base_dir=loaded.base_dir)
        stack.callback(database.close)
        require_current(database)
        secret = load_secret(database, loaded.base_dir / settings.server.secret_file)
        metrics = Metrics()
        afterwards = Afterwards(asyncio.get_running_loop())
        ledger = await _ledger(database, clock, data_folder(loaded), metrics, afterwards, stack)
        keyring = Keyring(database, secret, clock)
        await keyring.start()
        stack.push_async_callback(keyring.stop)
        request_log = _request_log(settings.privacy, database, clock, stack)
        upstream = UpstreamClient()
        await upstream.start()
        stack.push_async_callback(upstream.close)
        _start_reports(database, clock, metrics, stack)
        limiter = await _limiter(loaded, clock, stack)
        board = Board()
        board.adopt(settings.routing)
        tracer = Tracer(settings.telemetry.otlp_endpoint, version=__version__)
        stack.push_async_callback(tracer.close)
        parts = Services(
            clock=clock,
            database=database,
            keyring=keyring,
            limiter=limiter,
            ledger=ledger,
            request_log=request_log,
            metrics=metrics,
            tracer=tracer,
            afterwards=afterwards,
            upstream=upstream,
            pulse=upstream.pulse,
            board=board,
            configured=configure(loaded, database, clock, board),
        )
        try:
            yield parts
        finally:
            afterwards.do()
            await release(parts.configured)


async def _ledger(
    database: Database,
    clock: Clock,
    folder: Path,
    metrics: Metrics,
    afterwards: Afterwards,
    stack: AsyncExitStack,
) -> CallLedger:
    owner = Ownership(database)
    owner.acquire()
    stack.callback(owner.release)
    ledger = CallLedger(
        database,
        owner=owner,
        clock=clock,
        spool_dir=folder / "spool",
        metrics=metrics,
        leisure=afterwards.do,
    )
    await ledger.start()
    stack.push_async_callback(ledger.stop)
    return ledger


def _start_reports(database: Database, clock: Clock, metrics: Metrics, stack: AsyncExitStack) -> None:
    """What sums usage up, and looks at margins, beside the calls."""
    roller = UsageRoller(database)
    roller.start()
    stack.callback(roller.stop)
    margins = MarginWatch(database, clock, metrics)
    margins.start()
    stack.push_async_callback(margins.stop)


def _request_log(privacy: Privacy, database: Database, clock: Clock, stack: AsyncExitStack) -> RequestLog:
    request_log = RequestLog(
        database,
        clock,
        keep_days=privacy.retention.requests_days,
        enabled=privacy.payload_logging != "off",
    )
    request_log.start()
    stack.callback(request_log.stop)
    return request_log


async def _limiter(loaded: Loaded, clock: Clock, stack: AsyncExitStack) -> Limiter:
    if loaded.settings.redis is None:
        return MemoryLimiter(clock)
    from pixapi.limits.redis import RedisLimiter  # its package comes with the extra `redis`

    limiter = RedisLimiter(loaded.settings.redis.url, clock)
    await limiter.start()
    stack.push_async_callback(limiter.stop)
    return limiter
