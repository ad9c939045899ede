"""A call whose reply comes whole."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from pixapi.calls.estimate import completed_of, with_tokens
from pixapi.errors import PixapiError, UpstreamError
from pixapi.gateway.attempts import telling
from pixapi.gateway.fetching import with_files
from pixapi.gateway.http import Headers, Send, send_body
from pixapi.gateway.outcome import caller_left, internal_error
from pixapi.gateway.routes import note_failure, note_success, open_route, routes_of
from pixapi.gateway.watch import Watch
from pixapi.interfaces import HttpReply, Result
from pixapi.interfaces.call import BY_THE_PIECE
from pixapi.money import format_credits
from pixapi.telemetry.logs import logger

if TYPE_CHECKING:
    from pixapi.calls.desk import Desk
    from pixapi.calls.flight import Flight
    from pixapi.interfaces import Usage

REPLY_LIMIT_BYTES = 64 * 1024 * 1024
_LARGE_REPLY_BYTES = 1024 * 1024
"""From here on a reply is read in a thread: it takes milliseconds in which other calls would wait."""
_NAMES = 32
_NAME_CHARACTERS = 64
_UNFIT = re.compile(r"[^A-Za-z0-9_.\-]")
log = logger("gateway")


async def serve_plain(desk: Desk, flight: Flight, watch: Watch, send: Send) -> None:
    """Fetch the reply, charge for it, pass it on.

    Raises:
        PixapiError: it failed; the hold has been released.
        asyncio.CancelledError: the caller left before upstream answered, or the process stops; released as well.
    """
    try:
        result = await with_files(flight, await _fetch(desk, flight, watch))
    except PixapiError as error:
        await desk.release(flight, error)
        raise
    except asyncio.CancelledError:
        watch.taken()
        await asyncio.shield(desk.release(flight, caller_left()))
        raise
    except Exception as error:
        log.exception("call_failed", request_id=flight.request_id)
        fault = internal_error(error, flight.request_id)
        await desk.release(flight, fault)
        raise fault from error
    assert flight.call is not None
    usage, source = completed_of(flight.call, flight.input_bound, result)
    if source == "reported" and _is_free_by_silence(flight, usage):
        assert flight.asked is not None
        asked = flight.asked
        usage = with_tokens(usage, asked.units, asked.input_bound, asked.output_bound)
        source = "estimated"
    body = result.body
    if body is None:
        assert result.chat is not None
        body = flight.dialect.reply(flight.call, result.chat, usage)
    await desk.settle(flight, usage, source)
    await send_body(send, 200, reply_headers(flight), body, result.media_type)


def _is_free_by_silence(flight: Flight, usage: Usage) -> bool:
    """Whether images were made at a price by tokens, and the server does not tell any."""
    if flight.operation not in BY_THE_PIECE or not usage.images or not flight.held:
        return False
    assert flight.offer is not None
    told = usage.output is not None or usage.image_output is not None
    return not told and flight.offer.table.amount(usage) == 0


async def _fetch(desk: Desk, flight: Flight, watch: Watch) -> Result:
    """The first whole reply that a route gives. Raises the error that tells most if none does."""
    failure: UpstreamError | None = None
    call = flight.call
    assert call is not None
    for route in routes_of(desk.services, flight):
        try:
            watch.armed = True
            exchange = await open_route(desk.services, flight, route)
            watch.armed = False
            flight.first_byte_s = desk.services.clock.monotonic_s()
            try:
                body = await exchange.read(REPLY_LIMIT_BYTES)
            finally:
                await exchange.close()
            reply = HttpReply(exchange.status, exchange.headers, body)
            if len(body) > _LARGE_REPLY_BYTES:
                result = await asyncio.to_thread(route.provider.result, call, reply)
            else:
                result = route.provider.result(call, reply)
            note_success(desk.services, flight)
            return result
        except UpstreamError as error:
            watch.armed = False
            note_failure(desk.services, flight, route, error)
            if not error.retryable:
                raise
            failure = telling(failure, error)
    assert failure is not None
    raise failure


def reply_headers(flight: Flight) -> Headers:
    """The `x-pixapi-*` headers of a whole reply, its cost included."""
    headers = call_headers(flight)
    if flight.settled is not None:
        headers.append((b"x-pixapi-cost", format_credits(flight.settled.amount).encode()))
        headers.append((b"x-pixapi-balance", format_credits(flight.settled.available).encode()))
    return headers


def call_headers(flight: Flight) -> Headers:
    """What is known of a call when it begins to be served."""
    headers: Headers = [
        (b"x-request-id", flight.request_id.encode()),
        (b"x-pixapi-charge", flight.charge_id.encode()),
    ]
    if flight.dialect.id_header is not None:
        headers.append((flight.dialect.id_header, flight.request_id.encode()))
    if flight.route is not None:
        headers.append((b"x-pixapi-route", flight.route.name.encode()))
    if flight.clamped_output is not None:
        headers.append((b"x-pixapi-output-cap", b"%d" % flight.clamped_output))
    if flight.dropped:
        headers.append((b"x-pixapi-dropped", _listed(flight.dropped)))
    return headers


def _listed(names: tuple[str, ...]) -> bytes:
    """Names of fields as the value of a header. Callers choose names that nobody knows, so they are cut and cleaned."""
    shown = [_UNFIT.sub("?", name[:_NAME_CHARACTERS]) for name in dict.fromkeys(names)]
    more = ["..."] if len(shown) > _NAMES else []
    return ", ".join(shown[:_NAMES] + more).encode("ascii")
