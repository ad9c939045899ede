"""Which upstream answers: tries the routes of a model in order until one begins to answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pixapi.clock import as_datetime
from pixapi.errors import UpstreamError
from pixapi.interfaces import Exchange, HttpReply, HttpRequest, Serves
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from pixapi.calls.flight import Flight
    from pixapi.calls.services import Services
    from pixapi.catalog.catalog import Route

ERROR_BODY_LIMIT_BYTES = 1024 * 1024
log = logger("gateway")


def routes_of(flight: Flight) -> Iterator[Route]:
    """The routes to try, in order; sets the route and the upstream's model name on the call."""
    entry, call = flight.entry, flight.call
    assert entry is not None
    assert call is not None
    for route in entry.routes_in_order():
        if call.operation not in route.provider.operations:
            continue
        flight.route = route
        flight.attempts += 1
        call.model = route.model
        flight.suit(route.provider)
        yield route


async def open_route(
    services: Services, flight: Flight, route: Route, request: HttpRequest | None = None
) -> Exchange:
    """Ask the route's provider for the call, or for ``request``; returns when a 2xx status and the headers have come.

    Raises:
        UpstreamError: it could not be reached, did not answer, or answered with an error.
        BadRequest: the provider cannot express the call.
    """
    call = flight.call
    assert call is not None
    exchange = await _open(services, flight, route, request or route.provider.request(call))
    if 200 <= exchange.status < 300:
        flight.headers_came = True
        return exchange
    try:
        body = await exchange.read(ERROR_BODY_LIMIT_BYTES)
    finally:
        await exchange.close()
    raise route.provider.error(HttpReply(exchange.status, exchange.headers, body))


async def _open(services: Services, flight: Flight, route: Route, request: HttpRequest) -> Exchange:
    provider = route.provider
    if isinstance(provider, Serves):
        return await provider.serve(request)
    cache = flight.configured.credentials.get(route.provider_name)
    if cache is None:
        return await services.upstream.open(request, route.timeouts)
    digest = hashlib.sha256(request.body).hexdigest()
    exchange = await services.upstream.open(await cache.sign(request, digest), route.timeouts)
    if exchange.status == 401:
        # The credential may have been withdrawn before its time: one fresh one, one more try.
        await exchange.close()
        cache.invalidate()
        exchange = await services.upstream.open(await cache.sign(request, digest), route.timeouts)
    return exchange


def note_failure(services: Services, flight: Flight, route: Route, error: UpstreamError) -> None:
    """Count and log a route's failure; the line has what upstream said of itself, not what was asked of it."""
    services.metrics.upstream_error(route.provider_name, error.code)
    log.warning(
        "upstream_failed",
        request_id=flight.request_id,
        route=route.name,
        code=error.code,
        upstream_status=error.upstream_status,
        upstream_code=error.upstream_code,
        at=as_datetime(services.clock.now_us()).isoformat(),
    )
