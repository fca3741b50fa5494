"""The body of /metrics that all workers share."""

import resource

from gateway.telemetry.latest_metrics import LatestMetrics

LIMIT_BYTES = 256 * 1024


def test_a_body_that_the_disk_does_not_take_whole_is_not_shared() -> None:
    latest = LatestMetrics()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, hard))
    try:
        assert latest.renew(lambda: bytes(2 * LIMIT_BYTES)) == bytes(2 * LIMIT_BYTES)
        assert latest.read() is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert latest.renew(lambda: b"whole") == latest.read() == b"whole"
