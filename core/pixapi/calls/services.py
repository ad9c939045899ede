"""What the stages work with: one of each for a process, put together by `pixapi.app`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pixapi.calls.heavy import Heavy
from pixapi.calls.request_log import RequestLog
from pixapi.catalog.board import Board
from pixapi.catalog.catalog import Catalog
from pixapi.clock import Clock
from pixapi.config.settings import Settings
from pixapi.db.engine import Database
from pixapi.identity.keyring import Keyring
from pixapi.interfaces import Guard
from pixapi.ledger.writer import CallLedger
from pixapi.limits import Arrivals, Limiter
from pixapi.pluginhost.confidential import Confidential
from pixapi.telemetry.afterwards import Afterwards
from pixapi.telemetry.metrics import Metrics
from pixapi.telemetry.tracing import Tracer
from pixapi.transport.credentials import CredentialCache
from pixapi.transport.outbound import OutboundClient
from pixapi.transport.pulse import Pulse
from pixapi.transport.upstream import UpstreamClient


@dataclass(frozen=True, slots=True)
class Configured:
    """All that a reload replaces, as one: a call keeps the one that it began with."""

    settings: Settings
    catalog: Catalog
    guards: Sequence[Guard]
    credentials: Mapping[str, CredentialCache]
    """By `Route.key_label`; only providers whose credentials expire or sign are in it."""
    confidential: Mapping[str, Confidential]
    """By `Route.key_label`: what errors of this provider must not show."""
    outbound: OutboundClient
    """The guards' way to the network."""
    files: Mapping[str, OutboundClient]
    """By `Route.key_label`: the way to the files that replies of this provider name, for those that have such."""
    missing_secrets: Sequence[str] = ()
    """Sentences about secrets that this process found no value for. Calls that need one fail until there is one."""


@dataclass(slots=True)
class Services:
    """The process's parts. Only ``configured`` is ever replaced."""

    clock: Clock
    database: Database
    keyring: Keyring
    limiter: Limiter
    ledger: CallLedger
    request_log: RequestLog
    metrics: Metrics
    tracer: Tracer
    afterwards: Afterwards
    upstream: UpstreamClient
    pulse: Pulse
    board: Board
    """What is known of the health of routes and keys."""
    configured: Configured
    arrivals: Arrivals = field(default_factory=Arrivals)
    """The bodies that are being received."""
    heavy: Heavy = field(default_factory=Heavy)
    """Where bodies of many megabytes are read and written."""
