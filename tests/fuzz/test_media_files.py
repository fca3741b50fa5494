"""Seeded hostile media files, sent in every way: each is refused or served, and the gateway survives within its memory limit.

SEEKGATE_FUZZ_FILES is how many files are sent each way, SEEKGATE_FUZZ_FROM the number of the first one.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

import pytest

from gateway.catalog import Owner
from gateway.imports.files import FileImporter
from gateway.imports.local_files import LocalFile
from gateway.media.facts import NotMedia
from tests.conformance.calling import fetch
from tests.fuzz.media_mutations import hostile_file
from tests.gateway_process import Gateway, running_gateway
from tests.media.test_stopping import decoding_processes
from tests.uploads.client import Client, open_client
from tests.uploads.test_session_chunks import Bot
from tests.web.access.test_bounds import MEMORY_BOUND, resident

FILES: Final = int(os.environ.get("SEEKGATE_FUZZ_FILES", "8"))
FIRST: Final = int(os.environ.get("SEEKGATE_FUZZ_FROM", "0"))
MAX_CONCURRENT: Final = 4
PATIENCE_SECONDS: Final = 300


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {
        "SEEKGATE_RATE_LIMITS__ENABLED": "false",
        "SEEKGATE_WAVEFORMS__MAX_CONCURRENT": "2",
    }
    with running_gateway(postgres, tmp_path_factory.mktemp("hostile"), settings, fresh=True) as gateway:
        yield gateway


@pytest.fixture
async def client(site: Gateway) -> AsyncGenerator[Client]:
    async with open_client(site.base_url, site.key) as opened:
        yield opened


async def upload(_: Gateway, client: Client, content: bytes, chance: Random) -> None:
    """Promise the file, send it and complete it; play what is accepted."""
    recording = await client.new_recording()
    promised = await client.promise(recording, chance.choice(("audio", "video", "image")))
    assert (await client.put(promised, content)).status == 200
    assert (await client.complete(recording)).status in {200, 400}


async def upload_as_a_bot(_: Gateway, client: Client, content: bytes, chance: Random) -> None:
    """Send it as a meeting bot does, in one piece or two."""
    middle = chance.choice((len(content), len(content) // 2 + 1))
    pieces = [piece for piece in (content[:middle], content[middle:]) if piece]
    bot = Bot(client, session_uid=f"session {chance.getrandbits(64)}")
    bot.key = client.key
    for number, piece in enumerate(pieces):
        response = await bot.send(piece, number, final=number == len(pieces) - 1)
        assert response.status == 200 or (
            number == len(pieces) - 1 and response.json["detail"][0]["type"] == "upload"
        ), response


async def draw(site: Gateway, client: Client, content: bytes, chance: Random) -> None:
    """Ask for the waveform of a file that nobody verified, until it is complete."""
    name = f"file-{chance.getrandbits(64)}"
    recording_id, media_file_id = await asyncio.to_thread(site.add, name, content, "mp3")
    path = f"/recordings/{recording_id}/media/{media_file_id}/waveform"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            response = await client.ask("GET", path, headers={"X-API-Key": client.key})
            assert response.status in {200, 404, 422}, response
            if response.status != 200 or response.json["complete"]:
                return


WAYS: Final[dict[str, Callable[[Gateway, Client, bytes, Random], Awaitable[None]]]] = {
    "upload": upload,
    "bot": upload_as_a_bot,
    "waveform": draw,
}


@pytest.mark.parametrize("way", WAYS)
async def test_hostile_files_are_refused_or_served_and_harm_nobody(site: Gateway, client: Client, way: str) -> None:
    idle, gate = resident(site), asyncio.Semaphore(MAX_CONCURRENT)

    async def send(number: int) -> None:
        chance = Random(f"{way} {number}")
        content = hostile_file(chance)
        async with gate:
            try:
                await WAYS[way](site, client, content, chance)
            except Exception as error:
                raise AssertionError(f"case {number}, {len(content)} bytes: {content[:64]!r}") from error

    async with asyncio.TaskGroup() as group:
        for number in range(FIRST, FIRST + FILES):
            group.create_task(send(number))
    assert await fetch(site, "/livez") == {"status": "alive"}
    assert resident(site) - idle < MEMORY_BOUND
    assert decoding_processes(site.pid) == []
    assert [event for event in site.process.events if '"level":"error"' in event] == []


def test_hostile_files_are_imported_or_refused(site: Gateway, tmp_path: Path) -> None:
    backends = site.backends
    importer = FileImporter(backends.catalog, backends.storages["local"], Owner(site.user_id), backends.prober)
    for number in range(FIRST, FIRST + FILES):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(hostile_file(Random(f"import {number}")))
        with suppress(NotMedia):
            media, _ = site.wait(importer.add(LocalFile(path)))
            assert media.size == path.stat().st_size, f"case {number}"
