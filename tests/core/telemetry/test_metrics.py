"""Metrics, as Prometheus reads them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pixapi.interfaces import Usage
from pixapi.telemetry.metrics import MAX_VALUES, Metrics
from pixapi.telemetry.states import read_states


class Samples(dict[tuple[str, frozenset[tuple[str, str]]], float]):
    """Every sample that is rendered, by name and labels."""

    def __init__(self, metrics: Metrics) -> None:
        for family in text_string_to_metric_families(metrics.render().decode()):
            for sample in family.samples:
                self[sample.name, frozenset(sample.labels.items())] = sample.value

    def of(self, name: str, **labels: str) -> float:
        return self[f"pixapi_{name}", frozenset(labels.items())]

    def count(self, name: str) -> int:
        return sum(1 for found, _ in self if found == f"pixapi_{name}")


def test_a_call_is_counted() -> None:
    metrics = Metrics()
    metrics.begin_request()
    metrics.begin_request()
    metrics.begin_request()
    metrics.observe_request("chat", "gpt", 200, 0.3)
    metrics.observe_request("chat", "gpt", 200, 3)
    metrics.observe_request("chat", None, 404, 0.001)
    metrics.observe_first_byte("gpt", 0.07)
    metrics.observe_charge("gpt", Usage(input=5, cached_input=10, output=7, reasoning=3), 1_500_000)
    metrics.observe_charge("gpt", Usage(input=1, output=1), 500_000, 250_000)
    found = Samples(metrics)
    assert found.of("requests_total", operation="chat", model="gpt", status="200") == 2
    assert found.of("requests_total", operation="chat", model="unknown", status="404") == 1
    assert found.of("request_seconds_count", operation="chat", model="gpt") == 2
    assert found.of("request_seconds_bucket", operation="chat", model="gpt", le="0.5") == 1
    assert found.of("request_seconds_sum", operation="chat", model="gpt") == 3.3
    assert found.of("first_byte_seconds_bucket", model="gpt", le="0.1") == 1
    assert found.of("tokens_total", model="gpt", direction="input") == 16
    assert found.of("tokens_total", model="gpt", direction="output") == 11
    assert found.of("charged_credits_total", model="gpt") == 2
    assert found.of("written_off_credits_total", model="gpt") == 0.25
    assert found.of("in_flight") == 0


def test_margins_are_replaced_as_a_whole() -> None:
    metrics = Metrics()
    metrics.margins({"gpt": -0.5, "old": 1})
    metrics.margins({"gpt": 2.5})
    found = Samples(metrics)
    assert found.of("margin_usd", model="gpt") == 2.5
    assert found.count("margin_usd") == 1


def test_health_is_replaced_as_a_whole() -> None:
    metrics = Metrics()
    metrics.health({"up/gone": "open"}, {})
    metrics.health({"up/m": "half_open", "up/n": "closed"}, {("up", 2): "open"})
    metrics.retried("up/m")
    found = Samples(metrics)
    assert found.of("route_state", route="up/m") == 1
    assert found.of("route_state", route="up/n") == 0
    assert found.count("route_state") == 2
    assert found.of("provider_key_state", provider="up", key="2") == 2
    assert found.of("retries_total", route="up/m") == 1
    assert read_states(metrics.render().decode()) == {
        "routes": {"up/m": "half_open", "up/n": "closed"},
        "keys": {"up#2": "open"},
    }


@pytest.mark.parametrize(
    "text", ["", "<html>", "pixapi_route_state 1\n", 'pixapi_route_state{route="x"} nonsense\n']
)
def test_states_cannot_be_read_from_everything(text: str) -> None:
    assert read_states(text) == {"routes": {}, "keys": {}}


def test_the_rest_is_counted() -> None:
    metrics = Metrics()
    metrics.upstream_error("local", "upstream_timeout")
    metrics.upstream_error("local", "upstream_timeout")
    metrics.ledger_batch(12, 0.004)
    metrics.spooled()
    metrics.reaped(3)
    metrics.request_log_dropped(1)
    found = Samples(metrics)
    assert found.of("upstream_errors_total", provider="local", code="upstream_timeout") == 2
    assert found.of("ledger_batch_size_bucket", le="16.0") == 1
    assert found.of("ledger_batch_size_bucket", le="8.0") == 0
    assert found.of("ledger_commit_seconds_bucket", le="0.005") == 1
    assert found.of("spooled_total") == 1
    assert found.of("reaped_holds_total") == 3
    assert found.of("request_log_dropped_total") == 1
    assert found["process_resident_memory_bytes", frozenset()] > 0


def test_labels_are_bounded() -> None:
    metrics = Metrics()
    for number in range(3 * MAX_VALUES):
        metrics.upstream_error("local", f"code_{number}")
        metrics.observe_request("chat", f"model-{number}", 200, 0.1)
        metrics.observe_request("chat", f"model-{number}", 200, 0.1)
    found = Samples(metrics)
    assert found.count("upstream_errors_total") == found.count("requests_total") == MAX_VALUES + 1
    assert found.of("upstream_errors_total", provider="local", code="other") == 2 * MAX_VALUES
    assert found.of("requests_total", operation="chat", model="other", status="200") == 4 * MAX_VALUES


def test_two_of_them_know_nothing_of_each_other() -> None:
    one, two = Metrics(), Metrics()
    one.reaped(5)
    assert Samples(two).of("reaped_holds_total") == 0
