"""What the storages count, read into the metrics.

Knows: which storages are behind a network. Refuses to know: what a metric is called, and who asks for it.
"""

from collections.abc import Mapping

from gateway.storage import Storage
from gateway.telemetry.metrics import Metrics
from storage_adapters.remote import Remote


def count_upstreams(metrics: Metrics, storages: Mapping[str, Storage]) -> None:
    """Add what each storage asked of its server since the last time."""
    for name, storage in storages.items():
        if isinstance(storage.adapter, Remote):
            traffic = storage.adapter.traffic.take()
            metrics.count_upstream(
                name,
                answered=traffic.answered,
                failed=traffic.failed,
                received=traffic.received,
                first_byte_seconds=traffic.first_byte_seconds,
                cached=storage.adapter.cached_bytes,
            )
