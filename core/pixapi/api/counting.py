"""How many tokens a call has, asked beforehand and for nothing, in the dialects that have such a question."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pixapi.api.access import Access, Authenticated
from pixapi.calls.asked import Asked, read_asked
from pixapi.calls.estimate import tokens_of_bytes
from pixapi.calls.flight import Flight
from pixapi.calls.limiting import as_a_request
from pixapi.catalog.catalog import Entry
from pixapi.errors import NotOffered, UpstreamError
from pixapi.gateway.http import headers_named, read_body, read_fields
from pixapi.gateway.routes import conceal, open_route, routes_of, suited
from pixapi.gateway.uploads import LARGE_BYTES
from pixapi.interfaces import Call, CountsTokens, HttpReply
from pixapi.wire.dialect import ChatDialect
from pixapi.wire.json import Fields
from pixapi.wire.offered import COUNTING, dialect_of, read_path

router = APIRouter(tags=["calls"])
_REPLY_LIMIT_BYTES = 1024 * 1024


@router.post("/v1/messages/count_tokens", summary="The input tokens of a call, before it is made")
async def count_messages(request: Request, access: Authenticated) -> Response:
    return await _count(request, access, dialect_of(request.url.path, request.headers), {})


@router.post("/v1/models/{rest:path}:countTokens", include_in_schema=False)
@router.post(
    "/v1beta/models/{rest:path}:countTokens", summary="The input tokens of a call, before it is made"
)
async def count_contents(request: Request, access: Authenticated) -> Response:
    said = read_path(request.url.path)
    if said is None:
        raise NotOffered(f"{request.url.path} is not offered here")
    return await _count(request, access, said.dialect, said.fields)


async def _count(request: Request, access: Access, dialect: ChatDialect, more: Fields) -> Response:
    """The vendor's own count where one of the model's routes can give it, else an estimate."""
    async with as_a_request(access.services, access.principal):
        return await _counted(request, access, dialect, more)


async def _counted(request: Request, access: Access, dialect: ChatDialect, more: Fields) -> Response:
    services = access.services
    body = await read_body(request.scope, request.receive, services.configured.settings.server.max_body_bytes)
    counting = COUNTING[dialect.name]

    def understood() -> tuple[Fields, Asked, Entry]:
        fields = counting.fields(read_fields(request.scope, body) | more)
        asked = read_asked(fields, "chat", dialect)
        entry = services.configured.catalog.find(asked.model, access.principal.group, access.principal.models)
        asked.complete(entry.settings)
        return fields, asked, entry

    is_large = len(body) >= LARGE_BYTES
    fields, asked, entry = await services.heavy.run(understood) if is_large else understood()
    flight = Flight(
        "chat", dialect, services.configured, services.clock.now_us(), services.clock.monotonic_s()
    )
    flight.entry = entry
    flight.call = Call(
        id=flight.request_id,
        operation="chat",
        dialect=dialect.name,
        alias=asked.model,
        model=entry.routes[0].model,
        fields=fields,
        reply_id="",
        created=0,
        headers=headers_named(request.scope, dialect.caller_headers),
    )
    flight.is_large = is_large
    tokens = await _from_vendor(access, flight)
    if tokens is None:
        tokens = tokens_of_bytes(asked.input_bound)
    return Response(counting.reply(tokens), media_type="application/json")


async def _from_vendor(access: Access, flight: Flight) -> int | None:
    for route in routes_of(access.services, flight):
        provider = route.provider
        if not isinstance(provider, CountsTokens):
            continue
        call = flight.call
        assert call is not None
        try:
            write = provider.count_request
            heavy = access.services.heavy
            if flight.is_large:
                request = await heavy.run(suited, flight, route.provider, write)
            else:
                request = suited(flight, route.provider, write)
            exchange = await open_route(access.services, flight, route, request)
            try:
                reply = HttpReply(exchange.status, exchange.headers, await exchange.read(_REPLY_LIMIT_BYTES))
            finally:
                await exchange.close()
            return provider.count(call, reply)
        except UpstreamError as error:
            conceal(flight, route, error)
            if not error.retryable:
                raise
    return None
