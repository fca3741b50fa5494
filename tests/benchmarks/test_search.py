"""The benchmark of the search runs, and what it searches for is found. Timings decide nothing."""

from pathlib import Path

import pytest

from benchmarks.search import SEARCHES
from tests.benchmarks.needs import needs_schedstat
from tests.benchmarks.running import run_here


@needs_schedstat
def test_a_short_run_measures_every_search_of_both_accounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = ("--segments", "1000", "--requests", "20", "--rounds", "1")
    rows = run_here(monkeypatch, "benchmarks.search", *few, output=tmp_path)
    assert len(rows) == 2 * len(SEARCHES)
    assert all(row["p50_ms"] > 0 and row["cpu_us"] > 0 and row["database_us"] > 0 for row in rows.values())
