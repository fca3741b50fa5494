"""The benchmark runs, and the responses that it gets are right. Timings decide nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.needs import needs_schedstat, needs_wrk

SECONDS = 400


@needs_schedstat
@needs_wrk
def test_a_quick_run_measures_every_server_that_is_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--output", str(tmp_path)]
    environment = os.environ | {"PAUSE_MS": "200"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    document = json.loads((tmp_path / "results.json").read_text())
    scenarios = {id.split("/")[0] for id in document["rows"]}
    players = {"players", "players beside uploads", "beside uploads"}
    assert (
        players
        | {
            "slow readers",
            "local",
            "noise first",
            "noise second",
            "fixed rate",
            "beside downloads",
            "2 workers",
            "list",
        }
        <= scenarios
    )
    for server in ("aiohttp FileResponse", "seekgate, key", "seekgate, signed URL"):
        assert document["rows"][f"local/64 KiB/{server}"]["cpu_us"] > 0
    for profile in ("Chromium", "Firefox", "Safari", "CDN, 8 MiB slices"):
        assert document["rows"][f"players/{profile}/seekgate, signed URL"]["seek_cpu_us"] > 0
    assert document["machine"]["commit"] != "none"
