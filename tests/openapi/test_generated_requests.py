"""Requests that schemathesis generates from the contract: the gateway never answers 500, and only as the contract says.

`CONTRACT_EXAMPLES=500 python -m pytest -s tests/openapi` asks more of each operation than the suite's few.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.endurance.footprint import Footprint
from tests.gateway_process import Gateway
from tests.openapi.generated import Schemathesis

EXAMPLES: Final = int(os.environ.get("CONTRACT_EXAMPLES", "8"))
# Modules that are loaded on first use, connections and their buffers; a leak for each request would be more.
GROWTH_BYTES: Final = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def schemathesis() -> Iterator[Schemathesis]:
    with closing(Schemathesis()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("key", "options"),
    [
        pytest.param("key", ("--phases", "examples,coverage,fuzzing,stateful"), id="all scopes"),
        pytest.param("read_only_key", ("--phases", "coverage", "--mode", "positive"), id="reading"),
        pytest.param("write_only_key", ("--phases", "coverage", "--mode", "positive"), id="writing"),
    ],
)
async def test_responses_to_generated_requests_match_the_contract(
    schemathesis: Schemathesis, site: Gateway, settings: Path, key: str, options: tuple[str, ...]
) -> None:
    before = Footprint.of(site.pid)
    more = ("--max-examples", str(EXAMPLES))
    findings = await asyncio.to_thread(schemathesis.ask, site.base_url, getattr(site, key), settings, *options, *more)
    after = Footprint.of(site.pid)
    print(f"{findings.requests} requests, {(after.resident_bytes - before.resident_bytes) >> 10} KiB more")  # noqa: T201 - larger runs are asked for their figures
    assert findings.clean, findings.report
    assert findings.requests > 200
    assert after.resident_bytes - before.resident_bytes < GROWTH_BYTES
