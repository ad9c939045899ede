"""The process's metrics, on a registry of their own.

Labels are bounded: every label value comes from a closed set or from the configuration, and a label that
could still take any value takes at most `MAX_VALUES` of them, then ``other``. Callers pass a model's name
only once it is known to the catalog; None is ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from pixapi.telemetry.tallies import Counter, Gauge, Histogram, Labels, Levels, Tallies

UNKNOWN = "unknown"
OTHER = "other"
MAX_VALUES = 1000

_CALL_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_COMMIT_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_MICRO = 1_000_000
STATES = {"closed": 0, "half_open": 1, "open": 2}


class Used(Protocol):
    """What a call used; `pixapi.interfaces.Usage` is one."""

    def total_input(self) -> int: ...

    def total_output(self) -> int: ...


class Metrics:
    """The process's metrics. Each is written by one thread: the event loop, or the ledger's writer."""

    def __init__(self) -> None:
        self._bounds: dict[str, set[str]] = {}
        self._by_call: dict[tuple[str, str | None, int], tuple[Labels, list[float]]] = {}
        self._by_model: dict[str | None, tuple[Labels, Labels, Labels]] = {}
        self._first_byte_of: dict[str | None, list[float]] = {}
        self._declare_calls()
        self._declare_ledger()
        self._registry = registry = CollectorRegistry()
        kinds = Counter | Gauge | Histogram | Levels
        registry.register(Tallies([tally for tally in vars(self).values() if isinstance(tally, kinds)]))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def _declare_calls(self) -> None:
        call = ("operation", "model", "status")
        self._in_flight = Gauge("pixapi_in_flight", "Requests being served now")
        self._requests = Counter("pixapi_requests", "Requests that were answered", call)
        self._seconds = Histogram("pixapi_request_seconds", "Time to the end of a reply", _CALL_S, call[:2])
        self._first_byte = Histogram(
            "pixapi_first_byte_seconds", "Time to a reply's beginning", _CALL_S, ("model",)
        )
        self._upstream_errors = Counter(
            "pixapi_upstream_errors", "Failures of model servers", ("provider", "code")
        )
        self._retries = Counter("pixapi_retries", "Attempts beyond a call's first", ("route",))
        self._retries_refused = Counter(
            "pixapi_retries_refused", "Attempts that were not made because the budget for them was used up"
        )
        self._route_state = Levels(
            "pixapi_route_state", "A route's health: 0 closed, 1 half-open, 2 open (on cool-down)", ("route",)
        )
        self._key_state = Levels(
            "pixapi_provider_key_state",
            "A provider's key, by number: 0 good, 1 may be tried again, 2 dead (refused, or its account spent)",
            ("provider", "key"),
        )
        self._tokens = Counter("pixapi_tokens", "Tokens charged for", ("model", "direction"))
        self._guard_asked = Counter(
            "pixapi_guard_questions", "Questions of guards to models of the catalog", ("model", "outcome")
        )
        self._guard_cost = Counter(
            "pixapi_guard_cost_usd",
            "What those questions cost the house in USD, where it is known",
            ("model",),
        )
        self._log_dropped = Counter(
            "pixapi_request_log_dropped", "Failed requests that the request log could not take"
        )

    def _declare_ledger(self) -> None:
        self._charged = Counter("pixapi_charged_credits", "Credits charged", ("model",))
        self._written_off = Counter(
            "pixapi_written_off_credits", "Credits used beyond what was charged", ("model",)
        )
        self._capped = Counter(
            "pixapi_capped_credits", "Credits reported beyond what a call's own limits allow", ("model",)
        )
        self._margin = Levels(
            "pixapi_margin_usd",
            "Charged less cost in USD over the last day, where the cost is known",
            ("model",),
        )
        self._batch_size = Histogram("pixapi_ledger_batch_size", "Operations in one transaction", _BATCH)
        self._commit_seconds = Histogram(
            "pixapi_ledger_commit_seconds", "Time one transaction took", _COMMIT_S
        )
        self._spooled = Counter("pixapi_spooled", "Settles kept in the spool file")
        self._reaped = Counter("pixapi_reaped_holds", "Holds of dead processes that were voided")

    def begin_request(self) -> None:
        """A request has come."""
        self._in_flight.value += 1

    def observe_request(self, operation: str, model: str | None, status: int, seconds: float) -> None:
        """A request was answered with ``status``, ``seconds`` after it came."""
        self._in_flight.value -= 1
        found = self._by_call.get((operation, model, status))
        if found is None:
            name = self._bound("model", model)
            found = (operation, name, str(status)), self._seconds.row((operation, name))
            self._by_call[operation, model, status] = found
        self._requests.add(found[0])
        self._seconds.observe(found[1], seconds)

    def observe_first_byte(self, model: str | None, seconds: float) -> None:
        """A reply began ``seconds`` after its request had come."""
        row = self._first_byte_of.get(model)
        if row is None:
            row = self._first_byte_of[model] = self._first_byte.row((self._bound("model", model),))
        self._first_byte.observe(row, seconds)

    def observe_charge(
        self, model: str | None, usage: Used, amount_micro: int, written_off_micro: int = 0
    ) -> None:
        """A call was charged; amounts are micro-credits."""
        labels = self._by_model.get(model)
        if labels is None:
            name = self._bound("model", model)
            labels = self._by_model[model] = (name, "input"), (name, "output"), (name,)
        read, written, charged = labels
        self._tokens.add(read, usage.total_input())
        self._tokens.add(written, usage.total_output())
        self._charged.add(charged, amount_micro / _MICRO)
        if written_off_micro:
            self._written_off.add(charged, written_off_micro / _MICRO)

    def usage_capped(self, model: str | None, beyond_micro: int) -> None:
        """A server reported so many micro-credits more than the call's own limits allow."""
        self._capped.add((self._bound("model", model),), beyond_micro / _MICRO)

    def guard_asked(self, model: str | None, answered: bool, cost_usd: float = 0.0) -> None:
        """A guard asked a model of the catalog."""
        name = self._bound("model", model)
        self._guard_asked.add((name, "answered" if answered else "failed"))
        if cost_usd:
            self._guard_cost.add((name,), cost_usd)

    def upstream_error(self, provider: str, code: str) -> None:
        """A model server failed; ``provider`` is its configured name, ``code`` that of the error."""
        # A code may be the vendor's own word, so there is no telling how many there are.
        self._upstream_errors.add((provider, self._bound("code", code[:64])))

    def retried(self, route: str) -> None:
        """A call made one more attempt, on this route."""
        self._retries.add((route,))

    def retry_refused(self) -> None:
        """A call could have made one more attempt, and the budget was used up."""
        self._retries_refused.add()

    def health(self, routes: Mapping[str, str], keys: Mapping[tuple[str, int], str]) -> None:
        """The states of all routes, and of all keys by provider and number: closed, half_open or open."""
        self._route_state.values = {(route,): STATES[state] for route, state in routes.items()}
        self._key_state.values = {
            (provider, str(number)): STATES[state] for (provider, number), state in keys.items()
        }

    def margins(self, by_model: Mapping[str, float]) -> None:
        """What each model of known cost earned beyond it, in USD; models that are left out have no value any more."""
        sums: dict[Labels, float] = {}
        for model, usd in by_model.items():
            labels = (self._bound("model", model),)
            sums[labels] = sums.get(labels, 0) + usd
        self._margin.values = sums

    def ledger_batch(self, operations: int, seconds: float) -> None:
        """The ledger committed ``operations`` in one transaction."""
        self._batch_size.observe(self._batch_size.row(()), operations)
        self._commit_seconds.observe(self._commit_seconds.row(()), seconds)

    def spooled(self, count: int = 1) -> None:
        """Settles went to the spool file, because the database was away."""
        self._spooled.add(amount=count)

    def reaped(self, count: int) -> None:
        """Holds that a dead process had left were voided."""
        self._reaped.add(amount=count)

    def request_log_dropped(self, total: int) -> None:
        """So many lines of the request log have been dropped since the start."""
        self._log_dropped.sums[()] = total

    def render(self) -> bytes:
        """All of them in the Prometheus text format 0.0.4."""
        return generate_latest(self._registry)

    def _bound(self, label: str, value: str | None) -> str:
        if value is None:
            return UNKNOWN
        values = self._bounds.get(label)
        if values is None:
            values = self._bounds[label] = set()
        if value not in values:
            if len(values) >= MAX_VALUES:
                return OTHER
            values.add(value)
        return value
