"""Traces, as a collector receives them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from pixapi.errors import BadRequest, ConfigError, UpstreamTimeout
from pixapi.interfaces import Usage
from pixapi.telemetry.tracing import Tracer


@dataclass
class Route:
    name: str = "local/tiny"
    provider_name: str = "local"
    model: str = "tiny"


@dataclass
class Call:
    request_id: str = "req_1"
    operation: str = "chat"
    model: str | None = "gpt"
    route: Route | None = field(default_factory=Route)
    attempts: int = 2
    usage: Usage | None = field(default_factory=lambda: Usage(input=4, cached_input=1, output=7))
    at_us: int = 1_750_000_000_000_000
    started_s: float = 100.0
    first_byte_s: float | None = 100.25


class Collector:
    """An OTLP/HTTP collector on loopback that keeps what it gets."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        received = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                received.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def spans(self) -> list[Span]:
        found = []
        for _, _, body in self.requests:
            message = ExportTraceServiceRequest()
            message.ParseFromString(body)
            for resource in message.resource_spans:
                names = {item.key: item.value.string_value for item in resource.resource.attributes}
                assert names["service.name"] == "pixapi"
                assert names["service.version"] == "1.2"
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return found


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    found = Collector()
    yield found
    found.server.shutdown()
    found.server.server_close()


def values(span: Span) -> dict[str, object]:
    return {item.key: getattr(item.value, str(item.value.WhichOneof("value"))) for item in span.attributes}


async def test_a_call_becomes_a_span(collector: Collector) -> None:
    tracer = Tracer(collector.url + "/", version="1.2")
    assert tracer.enabled
    tracer.record(Call(), None, 1.5)
    await tracer.close()
    assert [(path, headers["content-type"]) for path, headers, _ in collector.requests] == [
        ("/v1/traces", "application/x-protobuf")
    ]
    (span,) = collector.spans()
    assert span.name == "chat gpt"
    assert span.kind == Span.SPAN_KIND_SERVER
    assert span.parent_span_id == b""
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert span.start_time_unix_nano == 1_750_000_000_000_000_000
    assert span.end_time_unix_nano - span.start_time_unix_nano == 1_500_000_000
    assert [(event.name, event.time_unix_nano - span.start_time_unix_nano) for event in span.events] == [
        ("first_byte", 250_000_000)
    ]
    assert values(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt",
        "gen_ai.response.model": "tiny",
        "gen_ai.provider.name": "local",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 7,
        "http.response.status_code": 200,
        "pixapi.request_id": "req_1",
        "pixapi.route": "local/tiny",
        "pixapi.attempts": 2,
    }


async def test_the_callers_trace_goes_on(collector: Collector) -> None:
    tracer = Tracer(collector.url, version="1.2")
    tracer.record(Call(), None, 1, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    tracer.record(Call(), None, 1, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-00")
    tracer.record(Call(), None, 1, "complete nonsense")
    await tracer.close()
    with_parent, without = collector.spans()
    assert with_parent.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert with_parent.parent_span_id.hex() == "00f067aa0ba902b7"
    assert without.parent_span_id == b""


async def test_faults_are_told_from_refusals(collector: Collector) -> None:
    tracer = Tracer(collector.url, version="1.2")
    refused = Call(model=None, route=None, usage=None, attempts=0, first_byte_s=None)
    tracer.record(refused, BadRequest("the prompt is `tell me a story`"), 0.01)
    tracer.record(Call(usage=None), UpstreamTimeout("late", phase="idle"), 2)
    await tracer.close()
    bad, late = collector.spans()
    assert bad.name == "chat"
    assert bad.status.code == Status.STATUS_CODE_UNSET
    assert values(bad)["error.type"] == "invalid_request"
    assert values(bad)["http.response.status_code"] == 400
    assert (late.status.code, late.status.message) == (Status.STATUS_CODE_ERROR, "upstream_timeout")
    assert not any(b"story" in body for _, _, body in collector.requests)


async def test_without_an_endpoint_nothing_happens() -> None:
    tracer = Tracer()
    assert not tracer.enabled
    tracer.record(Call(), None, 1)
    await tracer.close()


async def test_a_collector_that_is_away_harms_nothing(collector: Collector) -> None:
    collector.server.shutdown()
    collector.server.server_close()
    tracer = Tracer(collector.url, version="1.2")
    tracer.record(Call(), None, 1)
    async with asyncio.timeout(60):
        await tracer.close()


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match=r"install pixapi\[otlp\]"):
        Tracer("http://127.0.0.1:4318")
