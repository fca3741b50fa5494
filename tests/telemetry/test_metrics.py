"""What /metrics reports before anything has happened."""

import pytest

from gateway.storage import Storage
from gateway.telemetry.metrics import Metrics
from storage_adapters import connect


async def test_a_storage_backend_that_was_not_asked_for_anything_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    access = {"access_key_id": "id", "secret_access_key": "secret"}
    adapter = await connect("s3", {"bucket": "bucket", "endpoint_url": "http://127.0.0.1:1", **access})
    metrics = Metrics()
    metrics.count_upstreams({"far": Storage("far", "s3", adapter)})
    await adapter.close()
    rendered = metrics.render(0).decode()
    assert 'seekgate_upstream_requests_total{outcome="answered",storage="far"} 0.0\n' in rendered
    assert 'seekgate_upstream_first_byte_seconds_count{storage="far"} 0.0\n' in rendered
