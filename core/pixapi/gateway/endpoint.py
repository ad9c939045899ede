"""The hot endpoints: thin ASGI applications in front of everything else."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from pixapi.calls.desk import Desk
from pixapi.calls.flight import Flight
from pixapi.calls.request_log import FailedRequest
from pixapi.errors import CallerError, PixapiError
from pixapi.gateway.http import (
    ClientGone,
    Receive,
    Scope,
    Send,
    client_ip,
    discard_body,
    header,
    headers_named,
    key_of,
    query_of,
    read_body,
    read_fields,
    read_upload,
    send_error,
)
from pixapi.gateway.moderation import CatalogModerator
from pixapi.gateway.outcome import caller_left, internal_error
from pixapi.gateway.plain import reply_headers, serve_plain
from pixapi.gateway.routes import make_ready
from pixapi.gateway.stream import Streaming
from pixapi.gateway.uploads import LARGE_BYTES, UploadStore
from pixapi.gateway.watch import Watch
from pixapi.telemetry.logs import logger
from pixapi.wire.openai_media_sizes import FORMS

if TYPE_CHECKING:
    from pixapi.calls.services import Services
    from pixapi.interfaces import Operation
    from pixapi.wire.dialect import ChatDialect
    from pixapi.wire.json import Fields
    from pixapi.wire.offered import PathCall

log = logger("gateway")


class Endpoint:
    """Serves one operation in one dialect."""

    def __init__(self, services: Services, operation: Operation, dialect: ChatDialect) -> None:
        self.services = services
        self.desk = Desk(services, CatalogModerator(services))
        self.operation: Operation = operation
        self.dialect = dialect

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, said: PathCall | None = None
    ) -> None:
        """Serve one call. ``said``: what its path says of it."""
        services = self.services
        clock = services.clock
        flight = Flight(
            self.operation, self.dialect, services.configured, clock.now_us(), clock.monotonic_s()
        )
        services.metrics.begin_request()
        error: PixapiError | None = None
        try:
            await self._serve(flight, scope, receive, send, said)
        except PixapiError as refusal:
            error = refusal
            await send_error(send, error, reply_headers(flight), self._told(error, flight), flight.attempts)
        except (ClientGone, asyncio.CancelledError) as left:
            error = caller_left()
            if isinstance(left, asyncio.CancelledError) and not _was_interrupted():
                raise
        except Exception as fault:
            log.exception("request_failed", request_id=flight.request_id)
            error = internal_error(fault, flight.request_id)
            await send_error(send, error, reply_headers(flight), self._told(error, flight))
        finally:
            found = header(scope, b"traceparent") if services.tracer.enabled else None
            traceparent = None if found is None else found.decode("latin-1")
            seconds = clock.monotonic_s() - flight.started_s
            if error is None and not flight.is_large:
                services.afterwards.put(partial(self._observe, flight, None, seconds, traceparent))
            else:
                self._observe(flight, error, seconds, traceparent)

    def _told(self, error: PixapiError, flight: Flight) -> bytes:
        return self.dialect.error(error, flight.request_id)

    async def _serve(
        self, flight: Flight, scope: Scope, receive: Receive, send: Send, said: PathCall | None
    ) -> None:
        settings, arrivals = flight.configured.settings, self.services.arrivals
        server, most = settings.server, settings.limits.concurrent_requests
        try:
            key = key_of(scope)
            if said is not None:
                query = query_of(scope)
                key = key or query.get("key")
                flight.framing = "sse" if query.get("alt") == "sse" else "json"
            principal = await self.desk.authenticate(key, client_ip(scope, server.trusted_proxies))
        except CallerError:
            await discard_body(receive)
            raise
        flight.principal = principal
        if self.dialect.caller_headers:
            flight.caller_headers = headers_named(scope, self.dialect.caller_headers)
        if self.operation in FORMS:
            with UploadStore(server.upload_folder) as store:
                with arrivals.one(principal.key_id, most):
                    fields, flight.uploads = await read_upload(scope, receive, server.max_body_bytes, store)
                flight.is_large = any(not isinstance(upload.content, bytes) for upload in flight.uploads)
                await self._answer(flight, fields, receive, send)
            return
        waiting = partial(arrivals.one, principal.key_id, most)
        body = await read_body(scope, receive, server.max_body_bytes, waiting)
        flight.is_large = len(body) >= LARGE_BYTES
        if flight.is_large:
            fields = await self.services.heavy.run(read_fields, scope, body)
        else:
            fields = read_fields(scope, body)
        if said is not None:
            fields |= said.fields
        await self._answer(flight, fields, receive, send)

    async def _answer(self, flight: Flight, fields: Fields, receive: Receive, send: Send) -> None:
        principal = flight.principal
        assert principal is not None
        watch = Watch(receive, self.services.pulse)
        try:
            await self.desk.admit(flight, principal, fields, partial(make_ready, flight))
            assert flight.call is not None
            assert flight.entry is not None
            # Sketches of an image are worth nearly the whole, so its stream is read to the end whoever looks on.
            is_image = flight.call.stream and self.operation != "chat"
            if is_image or flight.entry.settings.on_disconnect == "drain":
                watch.grace_s = flight.entry.settings.drain_s
            if flight.call.stream:
                await Streaming(self.desk, flight, watch, send).serve()
            else:
                await serve_plain(self.desk, flight, watch, send)
        finally:
            watch.close()

    def _observe(
        self, flight: Flight, error: PixapiError | None, seconds: float, traceparent: str | None
    ) -> None:
        """Metrics for every request; a line in the request log for those that have no charge row to speak for them."""
        services = self.services
        status = 200 if error is None else error.status
        services.metrics.observe_request(self.operation, flight.model, status, seconds)
        if flight.settled is not None and flight.usage is not None:
            services.metrics.observe_charge(
                flight.model, flight.usage, flight.settled.amount, flight.settled.written_off
            )
        if flight.first_byte_s is not None:
            services.metrics.observe_first_byte(flight.model, flight.first_byte_s - flight.started_s)
        services.tracer.record(flight, error, seconds, traceparent)
        log.debug(
            "request",
            request_id=flight.request_id,
            operation=self.operation,
            model=flight.model,
            status=status,
            seconds=seconds,
            attempts=flight.attempts,
        )
        if (
            error is not None
            and flight.held is None
            and flight.configured.settings.privacy.payload_logging != "off"
        ):
            principal = flight.principal
            services.request_log.record(
                FailedRequest(
                    id=flight.request_id,
                    at_us=flight.at_us,
                    account_id=None if principal is None else principal.account_id,
                    key_id=None if principal is None else principal.key_id,
                    operation=self.operation,
                    dialect=self.dialect.name,
                    model=flight.model,
                    route=None if flight.route is None else flight.route.name,
                    http_status=status,
                    error_code=error.code,
                    duration_ms=round(seconds * 1000),
                )
            )


def _was_interrupted() -> bool:
    """Whether the cancellation came from our own watch (which took it back) and not from whoever stops the process."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() == 0
