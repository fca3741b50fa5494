"""The benchmark of the list runs, and measures each kind of page. Timings decide nothing."""

from pathlib import Path

import pytest

from tests.benchmarks.needs import needs_schedstat
from tests.benchmarks.running import run_here


@needs_schedstat
def test_a_short_run_measures_every_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = ("--rows", "1000", "--requests", "20", "--rounds", "1")
    rows = run_here(monkeypatch, "benchmarks.recordings_list", *few, output=tmp_path)
    pages = {id.removesuffix("/seekgate, key") for id in rows}
    assert {"first page/device_id and end_user_id and status, 25", "first page/all, 100"} <= pages
    assert {"deep page/offset 900", "deep page/cursor after 900"} <= pages
    assert {"first page/sort=-duration, 25", "first page/type and length, 25"} <= pages
    assert len(pages) == 23
    assert all(row["p50_ms"] > 0 and row["cpu_us"] > 0 and row["database_us"] > 0 for row in rows.values())
