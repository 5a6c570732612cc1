"""What one metric is, and how its values become a family of samples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

Labels = tuple[str, ...]
"""The values of a metric's labels, in the order of their names."""


class Kind(StrEnum):
    """What Prometheus does with it: a value that goes up and down, one that only grows, or counts in buckets."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric as Prometheus and docs/metrics.md know it."""

    name: str
    kind: Kind
    help: str
    labels: Labels = ()

    def family(self, values: Mapping[Labels, float]) -> Metric:
        """Return the family of a gauge or counter; without values it has its name and help only."""
        make = GaugeMetricFamily if self.kind is Kind.GAUGE else CounterMetricFamily
        family = make(self.name, self.help, labels=self.labels)
        for labels, value in values.items():
            family.add_metric(labels, value)
        return family

    def one(self, value: float | None) -> Metric:
        """Return the family of a metric without labels, and without a sample where there is no value."""
        return self.family({} if value is None else {(): value})

    def histogram(self, values: Iterable[tuple[Labels, "Distribution"]]) -> Metric:
        """Return the family of a histogram."""
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for labels, distribution in values:
            family.add_metric(labels, distribution.buckets, distribution.sum)
        return family


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many values are at most as large as each bound, smallest first; how many there are, and their sum."""

    bounds: Sequence[float]
    at_most: Sequence[int]
    count: int
    sum: float

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Return the buckets as the client library takes them."""
        bounded = [(str(bound), float(many)) for bound, many in zip(self.bounds, self.at_most, strict=True)]
        return [*bounded, ("+Inf", float(self.count))]


def gauge(name: str, text: str, *labels: str) -> Definition:
    """Return a metric that goes up and down."""
    return Definition(f"strongroom_{name}", Kind.GAUGE, text, labels)


def counter(name: str, text: str, *labels: str) -> Definition:
    """Return a metric that only grows, but for a catalog that was put back."""
    return Definition(f"strongroom_{name}", Kind.COUNTER, text, labels)


def histogram(name: str, text: str, *labels: str) -> Definition:
    """Return a metric of counts in buckets."""
    return Definition(f"strongroom_{name}", Kind.HISTOGRAM, text, labels)
