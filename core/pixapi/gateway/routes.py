"""Which upstream answers: tries the routes of a model until one begins to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pixapi.calls.flight import Ready
from pixapi.clock import as_datetime
from pixapi.errors import ConfigError, PixapiError, UpstreamDenied, UpstreamError
from pixapi.gateway import attempts
from pixapi.interfaces import Exchange, HttpReply, HttpRequest, Serves
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from pixapi.calls.flight import Flight
    from pixapi.calls.services import Services
    from pixapi.catalog.catalog import Route
    from pixapi.interfaces import Call, Provider

ERROR_BODY_LIMIT_BYTES = 1024 * 1024
log = logger("gateway")


def routes_of(services: Services, flight: Flight) -> Iterator[Route]:
    """The routes to try, each when the one before has failed; sets the route and the upstream's model name on the call.

    What becomes of an attempt is told by `note_success` and `note_failure`. Whoever iterates stops at a success, at an
    error that is not retryable, and once something of the answer was passed on.
    """
    entry, call, now_s = flight.entry, flight.call, flight.started_s
    assert entry is not None
    assert call is not None
    services.board.budget.called(now_s)
    route: Route | None = entry.chooser.first(now_s) if flight.ready is None else flight.ready.route
    following: attempts.Attempts | None = None
    while route is not None:
        flight.route, flight.failure = route, None
        if not route.provider.offers(call.operation, stream=call.stream):
            flight.failure = UpstreamError(f"the route {route.name} does not offer {call.operation}")
        else:
            flight.attempts += 1
            call.model = route.model
            if not (route.lane.is_closed and route.key.is_closed):
                attempts.begin(flight, route, flight.attempt_s)
            try:
                yield route
            finally:
                if flight.probes_lane or flight.probes_key:
                    attempts.let_go(flight, route)
        following = following or attempts.Attempts(services, flight)
        route = following.next()


def make_ready(flight: Flight) -> None:
    """Choose the first route and write its request, so that it can be sent as soon as the hold is durable."""
    entry, call = flight.entry, flight.call
    assert entry is not None
    assert call is not None
    route = entry.chooser.first(flight.started_s)
    provider = route.provider
    if flight.is_large or not provider.offers(call.operation, stream=call.stream):
        return
    call.model = route.model
    try:
        request = suited(flight, provider, provider.request)
    except PixapiError:
        return  # the attempt makes it again, where it can be told and other routes be tried
    flight.ready = Ready(route, request, provider.decoder(call) if call.stream else None)


def suited(flight: Flight, provider: Provider, build: Callable[[Call], HttpRequest]) -> HttpRequest:
    """What ``build``, of ``provider``, makes of the call in the form that the provider takes.

    Raises:
        BadRequest: the call cannot be read, or the provider cannot express it.
    """
    call = flight.call
    assert call is not None
    flight.suit(provider)
    return build(call)


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
    if flight.pause_s:
        await asyncio.sleep(flight.pause_s)
    flight.paid = False
    try:
        provider = route.provider
        if request is None:
            if flight.ready is not None:
                request, flight.ready = flight.ready.request, None
            elif flight.is_large:
                request = await services.heavy.run(suited, flight, provider, provider.request)
            else:
                request = suited(flight, provider, provider.request)
        flight.paid = request.paid
        flight.dropped = request.dropped if call.chat is None else (*call.chat.dropped, *request.dropped)
        exchange = await _open(services, flight, route, request)
    except ConfigError as error:
        # Its secret is not there, or is none that can be sent: another key or route may do better.
        log.error("credential_unusable", route=route.lane_name, error=error.message)
        raise UpstreamDenied(
            "The gateway has no credential that it could send to the provider of this model; your own key is fine."
        ) from error
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
    cache = flight.configured.credentials.get(route.key_label)
    if cache is None:
        return await services.upstream.open(request, route.timeouts)
    if isinstance(request.body, bytes):
        digest = request.body_sha256()
    else:
        digest = await asyncio.to_thread(request.body_sha256)
    exchange = await services.upstream.open(await cache.sign(request, digest), route.timeouts)
    if exchange.status >= 400 and cache.is_stale(exchange.status, exchange.headers):
        # The credential may have been withdrawn before its time: one fresh one, one more try.
        await exchange.close()
        cache.invalidate()
        exchange = await services.upstream.open(await cache.sign(request, digest), route.timeouts)
    return exchange


def conceal(flight: Flight, route: Route, error: UpstreamError) -> None:
    """Take what the attempt proved itself with out of an error that the route's provider has read."""
    flight.configured.confidential[route.key_label].conceal(error)


def note_success(services: Services, flight: Flight) -> None:
    """The route of the attempt under way has answered: with a whole reply, or with the first of a stream."""
    route = flight.route
    assert route is not None
    lane, key = route.lane, route.key
    # A route without recent failures, which is nearly every one, has nothing to remember.
    if lane.bad or key.bad or not (lane.is_closed and key.is_closed):
        attempts.succeeded(flight, route, services.clock.monotonic_s())


def note_failure(services: Services, flight: Flight, route: Route, error: UpstreamError) -> None:
    """Count and log a route's failure; the line has what upstream said of itself, not what was asked of it. What the
    error says is fit to be read from here on.
    """
    flight.failure = error
    conceal(flight, route, error)
    if flight.paid and attempts.may_have_been_taken(error):
        error.retryable = False
    attempts.failed(flight, route, error, services.clock.monotonic_s())
    services.metrics.upstream_error(route.provider_name, error.code)
    log.warning(
        "upstream_failed",
        request_id=flight.request_id,
        route=route.lane_name,
        attempt=flight.attempts,
        code=error.code,
        upstream_status=error.upstream_status,
        upstream_code=error.upstream_code,
        at=as_datetime(services.clock.now_us()).isoformat(),
    )
