"""docs/reference/metrics.md, from the metrics that a process declares."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from generator.markdown import code, document, table
from pixapi.interfaces import Usage
from pixapi.telemetry.metrics import MAX_VALUES, Metrics

_INTRO = f"""
`GET /metrics` serves these in Prometheus' text format. With `metrics_token` in `[telemetry]` it wants that token as a
bearer token. The process's own figures (`process_*`, `python_*`) come along.

A label takes at most {MAX_VALUES} values, then `other`. A model's name is a label only when the catalog knows it, else
`unknown`.
"""


def page() -> str:
    rows = [
        (code(name), kind, ", ".join(code(label) for label in labels), text)
        for name, kind, labels, text in families()
    ]
    return document("Metrics", _INTRO, table(["name", "type", "labels", "meaning"], rows))


def families() -> Iterator[tuple[str, str, list[str], str]]:
    """Name, type, labels and help of each metric of Pixapi's own."""
    for family in text_string_to_metric_families(_observed().render().decode()):
        if not family.name.startswith("pixapi_") or family.name.endswith("_created"):
            continue
        labels = {
            label for sample in family.samples for label in sample.labels if label not in ("le", "quantile")
        }
        name = family.name + ("_total" if family.type == "counter" else "")
        yield name, family.type, sorted(labels), family.documentation + "."


def _observed() -> Metrics:
    """Metrics that have seen one of everything: a label shows only with a value."""
    metrics = Metrics()
    metrics.observe_request("chat", "model", 200, 1.0)
    metrics.observe_first_byte("model", 1.0)
    metrics.observe_charge("model", Usage(input=1, output=1), 1, 1)
    metrics.margins({"model": 1.0})
    metrics.usage_capped("model", 1)
    metrics.guard_asked("model", True, 1.0)
    metrics.upstream_error("provider", "upstream_error")
    metrics.retried("route")
    metrics.health({"route": "closed"}, {("provider", 1): "closed"})
    return metrics
