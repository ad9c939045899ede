"""Traces: one OpenTelemetry span for each call, sent by OTLP over HTTP, if an endpoint is configured.

A span is made when its call is over, from what is known of it then; while tracing is off, a call costs one
comparison. Attributes follow the semantic conventions for generative AI (gen_ai.*); none holds a prompt, a
reply or a person. The caller's ``traceparent`` (W3C Trace Context) becomes the parent, so a call shows up
within the caller's own trace. What else OpenTelemetry's environment variables say (headers for the collector,
sampling) holds as well.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from pixapi.errors import ConfigError, PixapiError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

_MISSING = (
    "telemetry.otlp_endpoint is set, but the OpenTelemetry SDK is not installed; install pixapi[otlp], or "
    "remove the setting"
)


class TracedRoute(Protocol):
    """The way a call took."""

    @property
    def name(self) -> str: ...

    @property
    def provider_name(self) -> str: ...

    @property
    def model(self) -> str: ...


class TracedUsage(Protocol):
    """What a call used."""

    def total_input(self) -> int: ...

    def total_output(self) -> int: ...


class TracedCall(Protocol):
    """What a span tells of a call; `pixapi.calls.flight.Flight` is one. Times as there."""

    @property
    def request_id(self) -> str: ...

    @property
    def operation(self) -> str: ...

    @property
    def model(self) -> str | None: ...

    @property
    def route(self) -> TracedRoute | None: ...

    @property
    def attempts(self) -> int: ...

    @property
    def usage(self) -> TracedUsage | None: ...

    @property
    def at_us(self) -> int: ...

    @property
    def started_s(self) -> float: ...

    @property
    def first_byte_s(self) -> float | None: ...


class Tracer:
    """Records calls as spans, or does nothing."""

    def __init__(self, otlp_endpoint: str | None = None, *, version: str = "") -> None:
        """``otlp_endpoint``: the collector's base URL, such as http://127.0.0.1:4318; None turns tracing off.

        Raises:
            ConfigError: an endpoint is given and the SDK is not installed.
        """
        self._spans = None if otlp_endpoint is None else _Spans(otlp_endpoint, version)

    @property
    def enabled(self) -> bool:
        """Whether spans are recorded; the caller's ``traceparent`` need not be looked up otherwise."""
        return self._spans is not None

    def record(
        self, call: TracedCall, error: PixapiError | None, seconds: float, traceparent: str | None = None
    ) -> None:
        """A call is over, ``seconds`` after it began. Never raises, never waits: spans are sent by a
        thread.
        """
        if self._spans is not None:
            self._spans.record(call, error, seconds, traceparent)

    async def close(self) -> None:
        """Send what is left; waits for the collector, a few seconds at most."""
        if self._spans is not None:
            await asyncio.to_thread(self._spans.provider.shutdown)


class _Spans:
    """The SDK's side; imported only where it is wanted."""

    def __init__(self, endpoint: str, version: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise ConfigError(_MISSING) from None
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create({"service.name": "pixapi", "service.version": version})
        self.provider: TracerProvider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces", timeout=5)
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self.provider.get_tracer("pixapi", version)
        self._propagator = TraceContextTextMapPropagator()

    def record(
        self, call: TracedCall, error: PixapiError | None, seconds: float, traceparent: str | None
    ) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, StatusCode

        context = Context()
        if traceparent:
            context = self._propagator.extract({"traceparent": traceparent}, context)
        began_ns = call.at_us * 1000
        span = self._tracer.start_span(
            f"{call.operation} {call.model}" if call.model else call.operation,
            context=context,
            kind=SpanKind.SERVER,
            attributes=_attributes(call, error),
            start_time=began_ns,
        )
        if call.first_byte_s is not None:
            first_byte_ns = round((call.first_byte_s - call.started_s) * 1e9)
            span.add_event("first_byte", timestamp=began_ns + first_byte_ns)
        if error is not None and error.status >= 500:
            # As the conventions for servers have it: a caller's mistake is no fault of this service.
            span.set_status(StatusCode.ERROR, error.code)
        span.end(began_ns + round(seconds * 1e9))


def _attributes(call: TracedCall, error: PixapiError | None) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "gen_ai.operation.name": call.operation,
        "http.response.status_code": 200 if error is None else error.status,
        "pixapi.request_id": call.request_id,
        "pixapi.attempts": call.attempts,
    }
    if call.model is not None:
        attributes["gen_ai.request.model"] = call.model
    if call.route is not None:
        attributes["gen_ai.provider.name"] = call.route.provider_name
        attributes["gen_ai.response.model"] = call.route.model
        attributes["pixapi.route"] = call.route.name
    if call.usage is not None:
        attributes["gen_ai.usage.input_tokens"] = call.usage.total_input()
        attributes["gen_ai.usage.output_tokens"] = call.usage.total_output()
    if error is not None:
        attributes["error.type"] = error.code
    return attributes
