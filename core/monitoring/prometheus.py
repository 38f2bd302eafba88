"""The figures for outside monitoring, as Prometheus reads them; counted
in the database, so any process answers for all.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate
from typing import TypedDict

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from core.db import Database

COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "webhook_events": ("Stripe events by type and outcome.", ("type", "outcome")),
    "stripe_calls": ("Calls to Stripe; the outcome is ok or the class of the error.", ("operation", "outcome")),
    "api_calls": ("Calls of the payment API by known callers.", ("operation", "status")),
}
HISTOGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "webhook_handling_seconds": ("From receiving an event until it was applied.", ()),
    "stripe_call_seconds": ("Duration of calls to Stripe.", ("operation",)),
    "assignment_seconds": ("Time to choose a provider.", ("kind",)),
    "api_own_seconds": ("Time to handle a payment API call, without Stripe's share.", ("operation",)),
}


class Sample(TypedDict):
    name: str
    labels: dict[str, str]
    value: float


class Queue(TypedDict):
    queue: str
    depth: int
    oldest_seconds: float | None


class Samples(TypedDict):
    """All that is counted, read from the database at once; `bounds` are the histograms' upper ends."""

    totals: list[Sample]
    bounds: list[str]
    queues: list[Queue]
    database_errors: dict[str, int]
    incidents: dict[str, int]


def exposition(db: Database, now: datetime) -> bytes:
    """All figures in Prometheus's text format; `now` is the business's, up to a minute before which all is counted."""
    registry = CollectorRegistry()
    registry.register(_Read(db.call("metric_samples", now=now)))
    return generate_latest(registry)


class _Read(Collector):
    """Metric families from one reading of the database."""

    def __init__(self, read: Samples):
        self._read = read

    def collect(self) -> Iterator[Metric]:
        totals: dict[str, list[Sample]] = defaultdict(list)
        for sample in self._read["totals"]:
            totals[sample["name"]].append(sample)
        for name, (said, labels) in COUNTERS.items():
            yield _counter(name, said, labels, totals[name])
        for name, (said, labels) in HISTOGRAMS.items():
            family = HistogramMetricFamily(f"payops_{name}", said, labels=labels)
            _fill(family, labels, self._read["bounds"], totals[f"{name}_bucket"], totals[f"{name}_sum"])
            yield family
        yield from _queues(self._read["queues"])
        yield _by_key("database_errors", "Database errors.", "code", self._read["database_errors"])
        yield _by_key("incidents", "Incidents by kind.", "kind", self._read["incidents"])


def _counter(name: str, said: str, labels: tuple[str, ...], samples: Iterable[Sample]) -> Metric:
    family = CounterMetricFamily(f"payops_{name}", said, labels=labels)
    for sample in samples:
        family.add_metric(_values(sample, labels), sample["value"])
    return family


def _by_key(name: str, said: str, label: str, times: dict[str, int]) -> Metric:
    family = CounterMetricFamily(f"payops_{name}", said, labels=(label,))
    for key, value in times.items():
        family.add_metric([key], value)
    return family


def _fill(
    family: HistogramMetricFamily,
    labels: tuple[str, ...],
    bounds: Sequence[str],
    buckets: Iterable[Sample],
    sums: Iterable[Sample],
) -> None:
    """Each time was counted in one bucket; Prometheus expects cumulative counts."""
    counted: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for sample in buckets:
        counted[_values(sample, labels)][sample["labels"]["le"]] = sample["value"]
    total = {_values(sample, labels): sample["value"] for sample in sums}
    for key, times in counted.items():
        so_far = accumulate(times.get(bound, 0.0) for bound in bounds)
        family.add_metric(key, list(zip(bounds, so_far, strict=True)), total[key])


def _values(sample: Sample, labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sample["labels"][label] for label in labels)


def _queues(queues: Iterable[Queue]) -> Iterator[Metric]:
    depth = GaugeMetricFamily("payops_queue_depth", "Items in the queue.", labels=("queue",))
    oldest = GaugeMetricFamily("payops_queue_oldest_seconds", "Age of the oldest item in the queue.", labels=("queue",))
    for each in queues:
        depth.add_metric([each["queue"]], each["depth"])
        if each["depth"] and each["oldest_seconds"] is not None:
            oldest.add_metric([each["queue"]], each["oldest_seconds"])
    yield depth
    yield oldest
