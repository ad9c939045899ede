"""Prometheus metrics, on a registry of their own.

Labels are bounded: every label value comes from a closed set or from the configuration, and a label that
could still take any value takes at most `MAX_VALUES` of them, then ``other``. Callers pass a model's name
only once it is known to the catalog; None is ``unknown``. Label children are looked up once and kept, which
makes an observation a few microseconds.
"""

from __future__ import annotations

from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

UNKNOWN = "unknown"
OTHER = "other"
MAX_VALUES = 1000

_CALL_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_COMMIT_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_MICRO = 1_000_000


class Used(Protocol):
    """What a call used; `pixapi.interfaces.Usage` is one."""

    def total_input(self) -> int: ...

    def total_output(self) -> int: ...


class Metrics:
    """The process's metrics. ``in_flight`` is a gauge with ``inc()`` and ``dec()``."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._bounds: dict[str, set[str]] = {}
        self._by_call: dict[tuple[str, str | None, int], tuple[Counter, Histogram]] = {}
        self._by_model: dict[str | None, tuple[Counter, Counter, Counter, Counter]] = {}
        self._first_byte_of: dict[str | None, Histogram] = {}
        self._upstream_errors_of: dict[tuple[str, str], Counter] = {}
        self._declare_calls(registry)
        self._declare_ledger(registry)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def _declare_calls(self, registry: CollectorRegistry) -> None:
        call = ("operation", "model", "status")
        self.in_flight = Gauge("pixapi_in_flight", "Requests being served now", registry=registry)
        self._requests = Counter("pixapi_requests", "Requests that were answered", call, registry=registry)
        self._seconds = Histogram(
            "pixapi_request_seconds",
            "Time to the end of a reply",
            call[:2],
            buckets=_CALL_S,
            registry=registry,
        )
        self._first_byte = Histogram(
            "pixapi_first_byte_seconds",
            "Time to a reply's beginning",
            ("model",),
            buckets=_CALL_S,
            registry=registry,
        )
        self._upstream_errors = Counter(
            "pixapi_upstream_errors", "Failures of model servers", ("provider", "code"), registry=registry
        )
        self._tokens = Counter(
            "pixapi_tokens", "Tokens charged for", ("model", "direction"), registry=registry
        )
        self._log_dropped = Counter(
            "pixapi_request_log_dropped",
            "Failed requests that the request log could not take",
            registry=registry,
        )

    def _declare_ledger(self, registry: CollectorRegistry) -> None:
        self._charged = Counter("pixapi_charged_credits", "Credits charged", ("model",), registry=registry)
        self._written_off = Counter(
            "pixapi_written_off_credits",
            "Credits used beyond what a wallet had",
            ("model",),
            registry=registry,
        )
        self._batch_size = Histogram(
            "pixapi_ledger_batch_size", "Operations in one transaction", buckets=_BATCH, registry=registry
        )
        self._commit_seconds = Histogram(
            "pixapi_ledger_commit_seconds", "Time one transaction took", buckets=_COMMIT_S, registry=registry
        )
        self._spooled = Counter("pixapi_spooled", "Settles kept in the spool file", registry=registry)
        self._reaped = Counter(
            "pixapi_reaped_holds", "Holds of dead processes that were voided", registry=registry
        )

    def observe_request(self, operation: str, model: str | None, status: int, seconds: float) -> None:
        """A request was answered with ``status``, ``seconds`` after it came."""
        found = self._by_call.get((operation, model, status))
        if found is None:
            name = self._bound("model", model)
            found = self._by_call[operation, model, status] = (
                self._requests.labels(operation, name, str(status)),
                self._seconds.labels(operation, name),
            )
        found[0].inc()
        found[1].observe(seconds)

    def observe_first_byte(self, model: str | None, seconds: float) -> None:
        """A reply began ``seconds`` after its request had come."""
        histogram = self._first_byte_of.get(model)
        if histogram is None:
            histogram = self._first_byte_of[model] = self._first_byte.labels(self._bound("model", model))
        histogram.observe(seconds)

    def observe_charge(
        self, model: str | None, usage: Used, amount_micro: int, written_off_micro: int = 0
    ) -> None:
        """A call was charged; amounts are micro-credits."""
        found = self._by_model.get(model)
        if found is None:
            name = self._bound("model", model)
            found = self._by_model[model] = (
                self._tokens.labels(name, "input"),
                self._tokens.labels(name, "output"),
                self._charged.labels(name),
                self._written_off.labels(name),
            )
        found[0].inc(usage.total_input())
        found[1].inc(usage.total_output())
        found[2].inc(amount_micro / _MICRO)
        if written_off_micro:
            found[3].inc(written_off_micro / _MICRO)

    def upstream_error(self, provider: str, code: str) -> None:
        """A model server failed; ``provider`` is its configured name, ``code`` that of the error."""
        counter = self._upstream_errors_of.get((provider, code))
        if counter is None:
            # A code may be the vendor's own word, so there is no telling how many there are.
            counter = self._upstream_errors.labels(provider, self._bound("code", code[:64]))
            if len(self._upstream_errors_of) < MAX_VALUES:
                self._upstream_errors_of[provider, code] = counter
        counter.inc()

    def ledger_batch(self, operations: int, seconds: float) -> None:
        """The ledger committed ``operations`` in one transaction."""
        self._batch_size.observe(operations)
        self._commit_seconds.observe(seconds)

    def spooled(self, count: int = 1) -> None:
        """Settles went to the spool file, because the database was away."""
        self._spooled.inc(count)

    def reaped(self, count: int) -> None:
        """Holds that a dead process had left were voided."""
        self._reaped.inc(count)

    def request_log_dropped(self, count: int = 1) -> None:
        """Lines of the request log were dropped."""
        self._log_dropped.inc(count)

    def render(self) -> bytes:
        """All of them in the Prometheus text format 0.0.4."""
        return generate_latest(self._registry)

    def _bound(self, label: str, value: str | None) -> str:
        if value is None:
            return UNKNOWN
        values = self._bounds.setdefault(label, set())
        if value not in values:
            if len(values) >= MAX_VALUES:
                return OTHER
            values.add(value)
        return value
