"""The benchmark of the list runs, and measures each kind of page. Timings decide nothing."""

import json
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.needs import needs_schedstat

SECONDS = 200


@needs_schedstat
def test_a_short_run_measures_every_page(tmp_path: Path) -> None:
    few = ["--rows", "1000", "--requests", "20", "--rounds", "1", "--output", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.recordings_list", *few]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    pages = {id.removesuffix("/seekgate, key") for id in rows}
    assert {"first page/device_id and end_user_id and status, 25", "first page/all, 100"} <= pages
    assert {"deep page/offset 900", "deep page/cursor after 900"} <= pages
    assert {"first page/sort=-duration, 25", "first page/type and length, 25"} <= pages
    assert len(pages) == 23
    assert all(row["p50_ms"] > 0 and row["cpu_us"] > 0 and row["database_us"] > 0 for row in rows.values())
