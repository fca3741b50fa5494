"""A gateway that is killed (SIGKILL) again and again in the middle of uploads and deletions.

Nothing half is ever visible, nothing acknowledged is ever lost, and no object is left without its row.
"""

import asyncio
import hashlib
import os
import signal
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import aiohttp
import asyncpg
import pytest

from gateway import keys
from gateway.assembly.backends import Backends, open_backends
from gateway.catalog import ALL_SCOPES, MediaFile, Owner
from gateway.deletion_worker import DeletionTimings, DeletionWorker
from gateway.protocol.ids import decode_id
from gateway.settings.load import Config, load
from gateway.storage import Storage
from gateway.uploads.abandoned import AbandonedUploads
from storage_adapters.base import Listable
from storage_adapters.local.drafts import remove_abandoned
from storage_adapters.local.paths import PRIVATE
from tests.contracts.storage_helpers import read_whole
from tests.gateway_process import Process
from tests.uploads.client import Client, open_client
from tests.uploads.test_tus import append, create
from tests.uploads.wav import make_wav

ROUNDS: Final = 10
UPLOADS_IN_A_ROUND: Final = 20
MAX_CONCURRENT: Final = 6
# A round has about a hundred steps.
STEPS_UNTIL_KILL: Final = (5, 110)
TWO_DAYS: Final = 2 * 24 * 60 * 60

BODIES: Final = {hashlib.sha256(body).hexdigest(): body for body in (make_wav(100_000 * n + 44, n) for n in (1, 4, 16))}


@dataclass
class Promises:
    """What the gateway acknowledged, and so must keep however it is killed."""

    completed: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    asked_to_delete: set[str] = field(default_factory=set)


class Killer:
    """Kills the process after this many steps."""

    def __init__(self, process: Process, steps: int) -> None:
        self._process = process
        self._steps = steps

    def step(self) -> None:
        self._steps -= 1
        if self._steps == 0:
            self._process.signal(signal.SIGKILL)


@dataclass
class World:
    """One database and one storage, over which gateways come and go."""

    environ: dict[str, str]
    backends: Backends
    config: Config
    owner: Owner
    key: str
    chance: Random = field(default_factory=lambda: Random(20))
    promises: Promises = field(default_factory=Promises)

    @property
    def storage(self) -> Storage:
        return self.backends.storages["local"]

    @contextmanager
    def gateway(self) -> Iterator[Process]:
        process = Process(self.environ)
        try:
            yield process
        finally:
            process.signal(signal.SIGKILL)
            process.wait()


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncGenerator[World, None]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEEKGATE_")}
    environ = inherited | {
        "SEEKGATE_SERVER__PORT": "0",
        "SEEKGATE_DATA_DIR": str(tmp_path),
        "SEEKGATE_DATABASE__URL": database_url,
        "SEEKGATE_RATE_LIMITS__ENABLED": "false",
        "SEEKGATE_DELETIONS__LEASE_SECONDS": "1",
    }
    config = load(None, environ)
    async with open_backends(config) as backends:
        owner = Owner(await backends.api_keys.ensure_user("owner@example.org"))
        key = keys.new_key(live=True, restricted=False)
        await backends.api_keys.create_key(
            digest=keys.digest(key),
            prefix=keys.visible_prefix(key),
            owner=owner,
            scopes=ALL_SCOPES,
            expires_at=None,
        )
        yield World(environ, backends, config, owner, key)


async def test_a_killed_gateway_leaves_nothing_half_and_loses_nothing(world: World) -> None:
    for _ in range(ROUNDS):
        with world.gateway() as process:
            killer = Killer(process, world.chance.randint(*STEPS_UNTIL_KILL))
            async with open_client(process.base_url, world.key) as client:
                places = asyncio.Semaphore(MAX_CONCURRENT)
                seeds = [world.chance.random() for _ in range(UPLOADS_IN_A_ROUND)]
                await asyncio.gather(*(upload(world, client, killer, Random(s), places) for s in seeds))
        await nothing_half_is_visible(world)
    await clean_up(world)
    await objects_and_rows_are_the_same(world)
    await what_was_acknowledged_is_so(world)


# Leases of the dead end, and what waits for them is due.
TIME_PASSES: Final = """
    UPDATE upload_writers SET leased_until = now();
    UPDATE media_files SET upload_expires_at = now();
    UPDATE object_deletions SET due_at = now();
"""

# Recording the publication never returns, so that the process can be killed after its object appeared.
BLOCK_RECORDS: Final = """
    CREATE FUNCTION wait_for_good() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
    CREATE TRIGGER never BEFORE UPDATE OF etag ON media_files FOR EACH ROW EXECUTE FUNCTION wait_for_good();
"""
BLOCKED: Final = "pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"


async def test_an_upload_whose_gateway_was_killed_when_its_object_had_appeared_can_be_completed(world: World) -> None:
    digest, sound = next(iter(BODIES.items()))
    async with asyncpg.create_pool(world.environ["SEEKGATE_DATABASE__URL"], min_size=1, max_size=1) as pool:
        await pool.execute(BLOCK_RECORDS)
        with world.gateway() as process:
            async with open_client(process.base_url, world.key) as client:
                recording = await client.new_recording()
                sending = asyncio.create_task(client.put(await client.promise(recording), sound))
                async with asyncio.timeout(60):
                    while not await pool.fetchval(f"SELECT count(*) FROM {BLOCKED}"):  # noqa: S608 - our own
                        assert not sending.done()
                assert list((await digests(world)).values()) == [digest]
                process.signal(signal.SIGKILL)
                with suppress(aiohttp.ClientError, ConnectionError):
                    await sending
        await pool.execute(f"SELECT pg_terminate_backend(pid) FROM {BLOCKED}; DROP TRIGGER never ON media_files")  # noqa: S608
        await pool.execute(TIME_PASSES)
    with world.gateway() as process:
        async with open_client(process.base_url, world.key) as client:
            assert (await client.complete(recording)).status == 200
    await nothing_half_is_visible(world)


async def upload(world: World, client: Client, killer: Killer, chance: Random, places: asyncio.Semaphore) -> None:
    """One upload in one of two ways, step by step, and perhaps its deletion, until the gateway was killed."""
    digest = chance.choice(list(BODIES))
    async with places:
        with suppress(aiohttp.ClientError, ConnectionError):
            await upload_by_steps(world, client, killer, chance, digest)


async def upload_by_steps(world: World, client: Client, killer: Killer, chance: Random, digest: str) -> None:
    recording = await client.new_recording()
    killer.step()
    send = chance.choice((send_at_once, send_in_pieces))
    await send(client, killer, recording, BODIES[digest])
    assert (await client.complete(recording)).status == 200
    world.promises.completed[recording] = digest
    killer.step()
    if chance.random() < 0.5:
        world.promises.asked_to_delete.add(recording)
        await client.succeed("DELETE", f"/v1/recordings/{recording}", status=204)
        world.promises.deleted.add(recording)
        killer.step()


async def send_at_once(client: Client, killer: Killer, recording: str, body: bytes) -> None:
    promised = await client.promise(recording, file_size_bytes=len(body))
    killer.step()
    assert (await client.put(promised, reported(body, killer))).status == 200
    killer.step()


async def send_in_pieces(client: Client, killer: Killer, recording: str, body: bytes) -> None:
    url = (await create(client, len(body), recording)).headers["Location"]
    killer.step()
    for start in range(0, len(body), len(body) // 3 + 1):
        piece = body[start : start + len(body) // 3 + 1]
        assert (await append(client, url, start, piece)).status == 204
        killer.step()


async def reported(body: bytes, killer: Killer) -> AsyncGenerator[bytes, None]:
    """The body in four chunks; a step in its middle."""
    quarter = len(body) // 4 + 1
    for number in range(4):
        yield body[number * quarter : (number + 1) * quarter]
        if number == 1:
            killer.step()


async def media_files(world: World) -> list[MediaFile]:
    recordings = await world.backends.catalog.list_recordings(world.owner, limit=10_000, offset=0)
    return [media for recording in recordings for media in recording.media_files]


async def digests(world: World) -> dict[str, str]:
    """The hash of every visible object, by key."""
    adapter = world.storage.adapter
    assert isinstance(adapter, Listable)
    found = [listed.key async for listed in adapter.list("")]
    return {key: hashlib.sha256(await read_whole(adapter, key)).hexdigest() for key in found}


async def nothing_half_is_visible(world: World) -> None:
    found = await digests(world)
    assert set(found.values()) <= BODIES.keys()
    for media in await media_files(world):
        if media.status == "uploaded":
            async with world.storage.adapter.open(media.object_key) as stored:
                assert (stored.stat.size, stored.stat.etag) == (media.size, media.etag)


async def clean_up(world: World) -> None:
    """What running gateways do in time, now: abandoned uploads, the queue, and drafts of the dead."""
    connection = await asyncpg.connect(world.environ["SEEKGATE_DATABASE__URL"])
    await connection.execute(TIME_PASSES)
    await connection.close()
    deletions = DeletionWorker(
        world.backends.deletions,
        world.backends.storages,
        world.backends.waveforms.forget,
        DeletionTimings(**world.config.deletions.model_dump()),
    )
    await AbandonedUploads(world.backends.uploads, 0, deletions.wake).remove_once()
    async with asyncio.timeout(120):
        while await world.backends.deletions.count_deletions():
            await deletions.delete_once()
    assert world.storage.root is not None
    remove_abandoned(world.storage.root, time.time() + TWO_DAYS, PRIVATE)


async def objects_and_rows_are_the_same(world: World) -> None:
    rows = await media_files(world)
    assert {media.status for media in rows} == {"uploaded"}
    assert {media.object_key for media in rows} == (await digests(world)).keys()
    assert world.storage.root is not None
    assert list((world.storage.root / ".seekgate-tmp").iterdir()) == []


async def what_was_acknowledged_is_so(world: World) -> None:
    found, promises = await digests(world), world.promises
    assert len(promises.completed) > UPLOADS_IN_A_ROUND
    assert len(promises.deleted) > 0
    rows = {media.recording_id: media for media in await media_files(world)}
    for recording, digest in promises.completed.items():
        media = rows.get(decode_id("rec", recording) or 0)
        if recording in promises.deleted:
            assert media is None
        elif recording not in promises.asked_to_delete:
            assert media is not None
            assert found[media.object_key] == digest
