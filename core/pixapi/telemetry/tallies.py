"""Counters and histograms that cost next to nothing to add to.

A lock and a handful of method calls for every observation, as a metrics library needs them for any number of
threads, are a tenth of all that the gateway does for a call. Here each tally is written by one thread only and is a
plain dictionary; the library comes in when somebody looks, through `Tallies.collect`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

Labels = tuple[str, ...]


class Counter:
    """Sums that only grow, one for each combination of label values."""

    __slots__ = ("documentation", "labels", "name", "sums")

    def __init__(self, name: str, documentation: str, labels: Labels = ()) -> None:
        self.name = name
        self.documentation = documentation
        self.labels = labels
        self.sums: dict[Labels, float] = {} if labels else {(): 0}

    def add(self, values: Labels = (), amount: float = 1) -> None:
        self.sums[values] = self.sums.get(values, 0) + amount

    def family(self) -> Metric:
        family = CounterMetricFamily(self.name, self.documentation, labels=self.labels)
        for values, total in list(self.sums.items()):
            family.add_metric(values, total)
        return family


class Gauge:
    """A number that goes up and down."""

    __slots__ = ("documentation", "name", "value")

    def __init__(self, name: str, documentation: str) -> None:
        self.name = name
        self.documentation = documentation
        self.value = 0

    def family(self) -> Metric:
        return GaugeMetricFamily(self.name, self.documentation, value=self.value)


class Levels:
    """Numbers that go up and down, one for each combination of label values; set all at once."""

    __slots__ = ("documentation", "labels", "name", "values")

    def __init__(self, name: str, documentation: str, labels: Labels) -> None:
        self.name = name
        self.documentation = documentation
        self.labels = labels
        self.values: dict[Labels, float] = {}

    def family(self) -> Metric:
        family = GaugeMetricFamily(self.name, self.documentation, labels=self.labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        return family


class Histogram:
    """How many observations lie below each bound, one row for each combination of label values."""

    __slots__ = ("_bounds", "documentation", "labels", "name", "rows")

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], labels: Labels = ()) -> None:
        self.name = name
        self.documentation = documentation
        self.labels = labels
        self._bounds = tuple(bounds)
        self.rows: dict[Labels, list[float]] = {}
        """For each: the count within each bucket, then the sum of all observations."""
        if not labels:
            self.row(())

    def row(self, values: Labels) -> list[float]:
        """The row to `observe` into, made if it is new."""
        return self.rows.setdefault(values, [0] * (len(self._bounds) + 2))

    def observe(self, row: list[float], value: float) -> None:
        row[bisect_left(self._bounds, value)] += 1
        row[-1] += value

    def family(self) -> Metric:
        family = HistogramMetricFamily(self.name, self.documentation, labels=self.labels)
        for values, row in list(self.rows.items()):
            *counts, total = row
            buckets, below = [], 0.0
            for bound, count in zip([*map(float, self._bounds), "+Inf"], counts, strict=True):
                below += count
                buckets.append((str(bound), below))
            family.add_metric(values, buckets, total)
        return family


class Tallies(Collector):
    """All tallies of a process, as Prometheus' library collects them."""

    def __init__(self, tallies: Sequence[Counter | Gauge | Histogram | Levels]) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[Metric]:
        for tally in self._tallies:
            yield tally.family()
