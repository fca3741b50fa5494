"""Seeded hostile requests: each gets a documented status, and the worker survives within its memory limit.

SEEKGATE_FUZZ_CASES is how many requests of each kind are sent, SEEKGATE_FUZZ_FROM the number of the first one. A failure
names the number of its case; that case alone is sent again by `SEEKGATE_FUZZ_FROM=NUMBER SEEKGATE_FUZZ_CASES=1`.
"""

import asyncio
import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest
import yaml

from tests.conformance.calling import fetch
from tests.conformance.raw_http import connect
from tests.fuzz.inputs import KINDS, Case, Targets
from tests.gateway_process import Gateway, running_gateway
from tests.uploads.client import open_client
from tests.web.access.test_bounds import MEMORY_BOUND, resident

CASES: Final = int(os.environ.get("SEEKGATE_FUZZ_CASES", "300"))
FIRST: Final = int(os.environ.get("SEEKGATE_FUZZ_FROM", "0"))
SECRET: Final = "the secret of the meeting bots, shared"
MAX_CONCURRENT: Final = 8
STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) ")
# What a request that cannot be parsed gets, and an unknown expectation; they belong to no route.
OF_EVERY_PATH: Final = {"417", "431"}
OUR_FAULT: Final = {"500", "502", "503"}


def documented() -> set[str]:
    """The statuses that the contract names for a request that nothing is wrong with on our side."""
    contract = yaml.safe_load(Path("openapi.yaml").read_text("utf-8"))
    named = {
        status
        for path in contract["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
        for status in operation.get("responses", ())
    }
    return (named | OF_EVERY_PATH) - OUR_FAULT


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"SEEKGATE_RATE_LIMITS__ENABLED": "false", "SEEKGATE_UPLOADS__INTERNAL_SECRET": SECRET}
    with running_gateway(postgres, tmp_path_factory.mktemp("fuzz"), settings) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def target(site: Gateway) -> str:
    recording_id, media_file_id = site.add("sound", b"sound" * 2000, "mp3")
    return f"/recordings/{recording_id}/media/{media_file_id}/raw"


@pytest.fixture
async def targets(site: Gateway, target: str) -> Targets:
    async with open_client(site.base_url, site.key) as client:
        recording = await client.new_recording()
        put = (await client.promise(recording))["upload_url"]
        metadata = f"recording_id {base64.b64encode(recording.encode()).decode()},filetype YXVkaW8vbXBlZw=="
        fields = {"Tus-Resumable": "1.0.0", "X-API-Key": site.key, "Upload-Length": "100", "Upload-Metadata": metadata}
        tus = (await client.ask("POST", "/v1/uploads/tus", headers=fields)).headers["Location"]
    return Targets(
        site.key, SECRET, target, recording, put.removeprefix(site.base_url), tus.removeprefix(site.base_url)
    )


@pytest.fixture(scope="module")
def idle(site: Gateway) -> int:
    """The worker's memory before anything hostile was sent."""
    return resident(site)


async def status_of(site: Gateway, case: Case) -> str | None:
    """The response's status, once the connection has ended; None if there was none."""
    async with connect(site.host, site.port) as connection:
        for piece in case.pieces:
            try:
                await connection.send(piece)
            except ConnectionError:  # refused already
                break
        if case.method is not None:
            response = await connection.read_response(case.method)
            await connection.expect_end()
            return str(response.status)
        connection.end()
        received = b""
        while octets := await connection.read_some(65_536):
            received = (received + octets)[:64]
    if not received:
        return None
    match = STATUS_LINE.match(received)
    assert match is not None, received
    return match[1].decode()


@pytest.mark.parametrize("kind", KINDS)
async def test_hostile_requests_get_documented_statuses_and_harm_nobody(
    site: Gateway, targets: Targets, idle: int, kind: str
) -> None:
    permitted: set[str | None] = {*documented(), None}
    gate = asyncio.Semaphore(MAX_CONCURRENT)

    async def send(number: int) -> None:
        case = KINDS[kind](targets, Random(f"{kind} {number}"))
        async with gate:
            try:
                status = await status_of(site, case)
            except Exception as error:
                raise AssertionError(f"case {number}: {case.pieces}") from error
        assert status in permitted, f"case {number}: {status} for {case.pieces}"
        assert status is not None or case.method is None, f"case {number}: no response to {case.pieces}"

    async with asyncio.TaskGroup() as group:
        for number in range(FIRST, FIRST + CASES):
            group.create_task(send(number))
    assert await fetch(site, "/livez") == {"status": "alive"}
    assert resident(site) - idle < MEMORY_BOUND
    assert [event for event in site.process.events if '"level":"error"' in event] == []
