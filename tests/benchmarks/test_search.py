"""The benchmark of the search runs, and what it searches for is found. Timings decide nothing."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.search import SEARCHES
from tests.benchmarks.needs import needs_schedstat

SECONDS = 200


@needs_schedstat
def test_a_short_run_measures_every_search_of_both_accounts(tmp_path: Path) -> None:
    few = ["--segments", "1000", "--requests", "20", "--rounds", "1", "--output", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.search", *few]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert len(rows) == 2 * len(SEARCHES)
    assert all(row["p50_ms"] > 0 and row["cpu_us"] > 0 and row["database_us"] > 0 for row in rows.values())
