"""The S3 benchmark runs, and the responses that it gets are right. Timings decide nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.needs import needs_schedstat, needs_wrk
from tests.s3.processes import server_program

SECONDS = 400


@needs_schedstat
@needs_wrk
def test_a_quick_run_measures_every_front_server_that_is_there(tmp_path: Path) -> None:
    server_program("swift-proxy-server")
    command = [sys.executable, "-m", "benchmarks.s3_ranges", "--quick", "--output", str(tmp_path)]
    environment = os.environ | {"PAUSE_MS": "100"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    for server in ("seekgate, key", "aiobotocore get_object"):
        assert rows[f"S3 ranges/64 KiB/{server}"]["cpu_us"] > 0
        assert rows[f"S3 first byte/64 KiB/{server}"]["first_byte_p50_ms"] > 0
        assert rows[f"S3 seek storm/256 KiB to 1 MiB/{server}"]["upstream_per_byte"] > 0.9
        for scenario in ("S3 open-ended reads", "S3 far away"):
            assert rows[f"{scenario}/1 MiB/{server}"]["mb_per_second"] > 0
    for server in ("seekgate, local file", "seekgate, cache of slices"):
        assert rows[f"S3 cached/64 KiB/{server}"]["cpu_us"] > 0
    assert rows["S3 cached/64 KiB/seekgate, cache of slices"]["s3_requests_per_seek"] < 0.01
