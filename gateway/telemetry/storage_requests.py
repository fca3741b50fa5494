"""What the storage backends count, copied into the metrics."""

from collections.abc import Mapping

from gateway.storage import Storage
from gateway.telemetry.metrics import Metrics
from storage_adapters.remote import Remote


def count_upstreams(metrics: Metrics, storages: Mapping[str, Storage]) -> None:
    """Add what each storage backend asked of its server since the last call."""
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
