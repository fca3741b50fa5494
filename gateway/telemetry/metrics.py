"""Prometheus metrics: this process's, or those of all workers together.

The supervisor sets PROMETHEUS_MULTIPROC_DIR, in which prometheus_client stores every worker's values in files.
"""

import math
import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from gateway.storage import Storage
from storage_adapters.remote import Remote

_LATENCY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, math.inf)
_BUCKET: Final = "_in_bucket"
_TOTAL: Final = "_in_sum"


def workers_folder() -> str | None:
    """The folder that all workers share; None in a process of its own."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR")


def forget_process(pid: int) -> None:
    """Remove the gauges of a worker that has ended; its counters remain part of the totals."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call] # the library types all but this


class _Seconds:
    """A histogram that records many observations in one call; prometheus_client's own takes 2 to 7 µs for each one.

    Its values are in two counters, because a counter can grow by any amount. `_Exported` turns them into a histogram.
    """

    def __init__(self, name: str, text: str, label: str, registry: CollectorRegistry) -> None:
        self._counts = Counter(f"{name}{_BUCKET}", text, [label, "le"], registry=registry)
        self._sum = Counter(f"{name}{_TOTAL}", text, [label], registry=registry)

    def observe_all(self, value: str, amounts: Iterable[float]) -> None:
        """Count all amounts for this value of the label."""
        ordered = sorted(amounts)
        counted = 0
        for bound in _LATENCY_BUCKETS:
            if counted == len(ordered):
                break
            end = bisect_right(ordered, bound)
            if end > counted:
                self._counts.labels(value, _text(bound)).inc(end - counted)
            counted = end
        self._sum.labels(value).inc(sum(ordered))


class _Exported(Collector):
    """The metrics of another collector, with each pair of `_Seconds` counters turned into a histogram."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        buckets: dict[str, Metric] = {}
        sums: dict[str, Metric] = {}
        for family in self._collector.collect():
            if family.name.endswith(_BUCKET):
                buckets[family.name.removesuffix(_BUCKET)] = family
            elif family.name.endswith(_TOTAL):
                sums[family.name.removesuffix(_TOTAL)] = family
            else:
                yield family
        for name, family in buckets.items():
            yield _histogram(name, family, sums[name])


def _histogram(name: str, buckets: Metric, sums: Metric) -> Metric:
    counts: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    # A storage backend that has not been asked for anything has a sum, but no bucket.
    label = next((label for sample in sums.samples for label in sample.labels), "")
    for sample in buckets.samples:
        if sample.name.endswith("_total"):
            counts[sample.labels[label]][sample.labels["le"]] += sample.value
    exported = HistogramMetricFamily(name, buckets.documentation, labels=[label])
    for sample in sums.samples:
        if sample.name.endswith("_total"):
            value = sample.labels[label]
            exported.add_metric([value], list(_cumulative(counts[value])), sample.value)
    return exported


def _cumulative(counts: defaultdict[str, float]) -> Iterator[tuple[str, float]]:
    below = 0.0
    for bound in map(_text, _LATENCY_BUCKETS):
        below += counts[bound]
        yield bound, below


def _text(bound: float) -> str:
    return "+Inf" if bound == math.inf else str(float(bound))


class _UpstreamMetrics:
    """The requests to the servers of storage backends, and the bytes of their objects that are cached here."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "seekgate_upstream_requests", "Requests for bytes of objects to a storage backend's server, by outcome.",
            ["storage", "outcome"], registry=registry,
        )  # fmt: skip
        self._seconds = _Seconds(
            "seekgate_upstream_first_byte_seconds", "Time from such a request to the beginning of its response.",
            "storage", registry,
        )  # fmt: skip
        self._received = Counter(
            "seekgate_upstream_received_bytes", "Bytes of these responses, heads included.",
            ["storage"], registry=registry,
        )  # fmt: skip
        self._cached = Gauge(
            "seekgate_cached_bytes", "Bytes of a storage backend's objects that are cached on this side.",
            ["storage"], registry=registry, multiprocess_mode="livesum",
        )  # fmt: skip

    def count(self, name: str, adapter: Remote) -> None:
        """Count the requests of this storage backend since the last call."""
        traffic = adapter.traffic.take()
        self._requests.labels(name, "answered").inc(traffic.responses)
        self._requests.labels(name, "failed").inc(traffic.failed)
        self._seconds.observe_all(name, traffic.first_byte_seconds)
        self._received.labels(name).inc(traffic.received)
        self._cached.labels(name).set(adapter.cached_bytes)


class Metrics:
    """The gateway's metrics."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "seekgate_requests", "Responses, by route, method, status and outcome.",
            ["route", "method", "status", "outcome"], registry=registry,
        )  # fmt: skip
        self._seconds = _Seconds(
            "seekgate_request_seconds", "Time from a request's head to the end of its response.", "route", registry
        )
        self._sent = Counter(
            "seekgate_sent_bytes", "Body bytes of the byte route handed to the kernel, by storage.",
            ["storage"], registry=registry,
        )  # fmt: skip
        self._running = Gauge(
            "seekgate_streams_running", "Bodies being sent now.", registry=registry, multiprocess_mode="livesum"
        )
        self._upstreams = _UpstreamMetrics(registry)
        self._deletions = Gauge(
            "seekgate_deletions_queued", "Objects waiting to be deleted.",
            registry=registry, multiprocess_mode="livemostrecent",
        )  # fmt: skip

    def count(self, route: str, method: str, status: int, outcome: str, responses: int) -> None:
        """Count this many responses of one kind."""
        self._requests.labels(route, method, status, outcome).inc(responses)

    def observe(self, route: str, seconds: Iterable[float]) -> None:
        """Record how long each response took."""
        self._seconds.observe_all(route, seconds)

    def count_sent(self, storage: str, sent: int) -> None:
        """Count body bytes that were sent."""
        self._sent.labels(storage).inc(sent)

    def set_running(self, streams: int) -> None:
        """Record how many bodies are being sent now."""
        self._running.set(streams)

    def count_upstreams(self, storages: Mapping[str, Storage]) -> None:
        """Count the requests of each storage backend since the last call, and record how many bytes it caches."""
        for name, storage in storages.items():
            if isinstance(storage.adapter, Remote):
                self._upstreams.count(name, storage.adapter)

    def render(self, deletions: int | None) -> bytes:
        """The metrics in the text exposition format; `deletions` is the length of the queue, None if it is unknown."""
        self._deletions.set(math.nan if deletions is None else deletions)
        together = CollectorRegistry()
        folder = workers_folder()
        if folder is None:
            together.register(_Exported(self._registry))
        else:
            collector = MultiProcessCollector(CollectorRegistry(), folder)  # type: ignore[no-untyped-call] # as above
            together.register(_Exported(collector))
        return generate_latest(together)
