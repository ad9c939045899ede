"""A call whose reply comes as a stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from pixapi.calls.estimate import completed
from pixapi.errors import PixapiError, UpstreamCut, UpstreamError
from pixapi.gateway.attempts import telling
from pixapi.gateway.http import Send
from pixapi.gateway.outcome import caller_left, internal_error
from pixapi.gateway.routes import note_failure, note_success, open_route, routes_of
from pixapi.gateway.stream_reply import StreamReply
from pixapi.gateway.watch import Watch
from pixapi.interfaces import Decoder, Ended, Event, Exchange, Failed, Passage, UsageReport
from pixapi.telemetry.logs import logger
from pixapi.wire.bulk import BulkDecoder, TextDeltas

if TYPE_CHECKING:
    from pixapi.calls.desk import Desk
    from pixapi.calls.flight import Flight
    from pixapi.ledger.ticket import Meanwhile

_DRAIN_AFTER_END_S = 1.0
_FEW_EVENTS = 4
log = logger("gateway")


class Streaming:
    """Serves one streamed call."""

    def __init__(self, desk: Desk, flight: Flight, watch: Watch, send: Send) -> None:
        self.desk = desk
        self.flight = flight
        self.watch = watch
        keepalive_s = flight.configured.settings.server.keepalive_s
        self.reply = StreamReply(flight, send, watch, desk.services.pulse, keepalive_s)
        self.decoder: Decoder | None = None
        self.relayed = False
        self.closing = False
        """The charge is being written: whatever happens now, it is not tried a second time."""
        self.ready: list[bytes] = []
        """Frames that go out with whatever else the same bytes of upstream's bring."""
        self.last: list[bytes] = []
        """Frames that end the stream; they wait until the charge is durable."""

    @property
    def translates(self) -> bool:
        """Whether the provider speaks another dialect than the caller."""
        return self.flight.call is not None and self.flight.call.chat is not None

    async def serve(self) -> None:
        """Relay the stream and charge for it.

        Raises:
            PixapiError: it failed before the status was sent; the hold has been released.
        """
        self.watch.armed = True
        try:
            await self._try_routes()
        except PixapiError as error:
            await self._fail(error)
        except asyncio.CancelledError:
            self.watch.taken()
            await asyncio.shield(self._abandon())
            raise
        except Exception as error:
            log.exception("stream_failed", request_id=self.flight.request_id)
            await self._fail(internal_error(error, self.flight.request_id))
        finally:
            self.reply.close()

    async def _try_routes(self) -> None:
        failure: UpstreamError | None = None
        for route in routes_of(self.desk.services, self.flight):
            try:
                self._begin_attempt()
                return await self._relay()
            except UpstreamError as error:
                note_failure(self.desk.services, self.flight, route, error)
                if self.flight.delivered or not error.retryable:
                    raise
                failure = telling(failure, error)
        assert failure is not None
        raise failure

    def _begin_attempt(self) -> None:
        self.ready.clear()
        self.last.clear()
        self.decoder = self.reply.encoder = None
        self.relayed = False
        self.flight.headers_came = False
        self.flight.usage = None

    async def _relay(self) -> None:
        """Pass one route's stream on, to its end. Raises UpstreamError if it ends in any other way."""
        flight, route = self.flight, self.flight.route
        assert route is not None
        assert flight.call is not None
        decoder = None if flight.ready is None else flight.ready.decoder
        exchange = await open_route(self.desk.services, flight, route)
        self.decoder = decoder or route.provider.decoder(flight.call)
        del decoder
        try:
            await self._read(exchange)
        finally:
            await exchange.close()

    async def _read(self, exchange: Exchange) -> None:
        decoder = self.decoder
        assert decoder is not None
        many = self.translates and isinstance(decoder, BulkDecoder)
        feed = decoder.feed_many if many else decoder.feed
        chunks = exchange.chunks()
        async for data in chunks:
            events = [*feed(data)]
            del data
            if events and type(events[-1]) is Ended:
                del decoder, feed  # they keep what was passed on
            if await self._pass_on(events):
                if not exchange.is_complete:
                    await _drain(chunks)
                return
        if not await self._pass_on([*decoder.close()]):
            raise UpstreamCut("the model's server ended the stream before it was complete")

    async def _pass_on(self, events: list[Event | TextDeltas]) -> bool:
        """Send what ``events`` say; True when the stream is complete, and charged."""
        if len(events) > _FEW_EVENTS and self.translates:
            events = self._translate(events)
        for event in events:
            if type(event) is Passage:
                self.relayed = True
                if event.content:
                    self._add(event.data)
                else:
                    self.last.append(event.data)
            elif type(event) is UsageReport:
                self.flight.usage = event.usage
                if self.translates:
                    self._add(self.reply.encoding().encode(event))
            elif type(event) is Failed:
                await self._deliver()
                raise event.error
            elif type(event) is Ended:
                events.clear()
                await self._finish()
                return True
            elif isinstance(event, TextDeltas):
                self._add(self.reply.encoding().encode_all([event]))
            else:
                self._add(self.reply.encoding().encode(event))
        await self._deliver()
        return False

    def _translate(self, events: list[Event | TextDeltas]) -> list[Event | TextDeltas]:
        """Many events, translated together; what is left to be dealt with one by one."""
        is_over = type(events[-1]) is Failed or type(events[-1]) is Ended
        said = events[:-1] if is_over else events
        for event in said:
            if type(event) is UsageReport:
                self.flight.usage = event.usage
        self._add(self.reply.encoding().encode_all(said))
        left = events[-1:] if is_over else []
        events.clear()
        return left

    def _add(self, data: bytes) -> None:
        """A piece of the answer, ready to be sent."""
        if not data:
            return
        flight = self.flight
        if self.last:
            self.ready += self.last
            self.last.clear()
        self.ready.append(data)
        if flight.first_byte_s is None:
            flight.first_byte_s = self.desk.services.clock.monotonic_s()

    async def _deliver(self) -> None:
        ready = self.ready
        if ready:
            data = ready[0] if len(ready) == 1 else b"".join(ready)
            ready.clear()
            if not self.flight.delivered:
                self.flight.delivered = True
                note_success(self.desk.services, self.flight)
            await self.reply.write(data)

    async def _finish(self) -> None:
        self.watch.armed = False
        self.closing = True
        if not self.flight.delivered:
            note_success(self.desk.services, self.flight)
        if not self.relayed:
            self.last.append(self.reply.encoding().encode(Ended()))
        # What came along with the end goes out with it: one write instead of two. Until the charge is durable the
        # others have their turn; all that is not let go here would drive what they use out of the processor's cache.
        end = b"".join(self.ready + self.last)
        self.ready.clear()
        self.last.clear()
        await self._settle(None, self.reply.make_ready)
        await self.reply.finish(end)

    async def _settle(self, error: PixapiError | None, meanwhile: Meanwhile | None = None) -> None:
        flight, decoder = self.flight, self.decoder
        assert flight.call is not None
        count = decoder.delivered_output if decoder is not None else int
        usage, source = completed(flight.call, flight.usage, flight.input_bound, count)
        self.decoder = decoder = None
        del count
        await self.desk.settle(flight, usage, source, error, meanwhile)

    async def _fail(self, error: PixapiError) -> None:
        """Charge what was delivered, or release; tell the caller in the way that is still open."""
        self.watch.armed = False
        if not self.closing:
            self.closing = True
            if self.flight.delivered:
                await self._settle(error)
            else:
                await self.desk.release(self.flight, error)
        if not self.reply.started:
            raise error
        await self.reply.fail(error)

    async def _abandon(self) -> None:
        """The caller left, or the process stops: charge what upstream has done so far, if anything."""
        if self.closing:
            return
        self.closing = True
        if self.flight.headers_came:
            await self._settle(caller_left())
        else:
            await self.desk.release(self.flight, caller_left())


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read what follows the end, so that the connection can be used again; not for long."""
    try:
        async with asyncio.timeout(_DRAIN_AFTER_END_S):
            async for _ in chunks:
                pass
    except (TimeoutError, UpstreamError):
        return
