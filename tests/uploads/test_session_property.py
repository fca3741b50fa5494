"""Whatever arrives of a session, in whatever order: its file is the longest playable join of it, byte for byte."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast
from uuid import uuid4

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.catalog import MediaFile, Owner, Recording, UploadLimits
from gateway.db.api_keys import PgApiKeys
from gateway.db.recordings import PgRecordingCatalog
from gateway.db.session_joins import PgSessionJoins
from gateway.db.session_uploads import PgSessionUploads
from gateway.db.upload_reservations import PgUploadReservations
from gateway.db.upload_writers import PgUploadWriters
from gateway.db.uploads import PgUploads
from gateway.errors import Invalid
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.prober import Prober
from gateway.storage import Storage
from gateway.uploads.bot_sessions import Chunk, Sessions
from gateway.uploads.media_uploads import Uploads
from gateway.uploads.session_joiner import SessionJoiner
from gateway.uploads.verification import Verification
from storage_adapters.base import StoredObject
from storage_adapters.memory import MemoryStorage
from tests.contracts.storage_helpers import read_whole
from tests.uploads.test_session_chunks import tone, wav

MOST_CHUNKS = 4
HEADER = b"\x1a\x45\xdf\xa3"
CUTS = [HEADER + b"begins"] + [bytes([65 + number]) * (number + 3) for number in range(1, MOST_CHUNKS)]
SOUNDS = [tone(number, 20 + number) for number in range(MOST_CHUNKS)]
FILES = {"cuts": CUTS, "files": [wav(sound) for sound in SOUNDS]}


@dataclass(frozen=True)
class Sent:
    """What a bot sends: chunk `number`, or no bytes; a number is always given for bytes."""

    number: int | None
    is_empty: bool
    is_final: bool


CHUNK = st.builds(Sent, st.integers(0, MOST_CHUNKS - 1), st.just(value=False), st.booleans())
FINAL = st.builds(Sent, st.none() | st.integers(0, MOST_CHUNKS), st.just(value=True), st.just(value=True))


MAX_FILE_BYTES = 1 << 20


class Plays:
    """Stands for the prober: a file that begins with a header plays as long as it has bytes."""

    async def probe(self, stored: StoredObject, _account: int) -> MediaFacts:
        content = b"".join([chunk async for chunk in stored.read(0, stored.stat.size)])
        if not content.startswith((HEADER, b"RIFF")):
            raise NotMedia("it has no header")
        return MediaFacts("audio", "webm", "audio/webm", float(len(content)), None, None, {})

    async def count_decoded(self, stored: StoredObject, _account: int) -> float:
        return float(stored.stat.size)


@dataclass
class World:
    """Sessions over a real catalogue and storage in memory."""

    pool: asyncpg.Pool
    storage: MemoryStorage = field(default_factory=MemoryStorage)

    def __post_init__(self) -> None:
        self.catalog = PgRecordingCatalog(self.pool)
        storages = {"memory": Storage("memory", "memory", self.storage)}
        verification = Verification(MAX_FILE_BYTES, cast("Prober", Plays()))
        chunks, joins = PgSessionUploads(self.pool), PgSessionJoins(self.pool, lambda _recording_id: None)
        self.joiner = SessionJoiner(chunks, joins, storages, verification)
        uploads = Uploads(
            catalog=self.catalog,
            pending=PgUploads(self.pool),
            writers=PgUploadWriters(self.pool),
            reservations=PgUploadReservations(self.pool),
            storages=storages,
            default=storages["memory"],
            limits=UploadLimits(10, None),
            verification=verification,
        )
        self.sessions = Sessions(uploads, chunks, self.joiner, 300)

    async def owner(self) -> Owner:
        return Owner(await PgApiKeys(self.pool).ensure_user("bots@example.org"))

    async def receive(self, owner: Owner, uid: str, sent: Sent, body: bytes) -> Recording | None:
        """The recording; None if the chunk was refused."""
        chunk = Chunk(uid, "audio", sent.number, sent.is_final)
        session = await self.sessions.ensure_session(owner, chunk)
        try:
            return await self.sessions.receive(owner, session, chunk, in_two(body))
        except Invalid:
            return None

    async def fall_silent(self) -> None:
        await self.pool.execute("UPDATE upload_sessions SET due_at = now()")
        while await self.joiner.finish_due():
            pass


async def in_two(body: bytes) -> AsyncGenerator[bytes, None]:
    for piece in (body[: len(body) // 2], body[len(body) // 2 :]):
        if piece:
            yield piece


def joined(kind: str, arrived: Sequence[int]) -> bytes | None:
    """The longest playable join, None if nothing of it plays."""
    if kind == "files":
        return wav(b"".join(SOUNDS[number] for number in arrived)) if arrived else None
    return b"".join(CUTS[number] for number in arrived) if 0 in arrived else None


def missing(arrived: Sequence[int], announced: int) -> str:
    edges = [-1, *arrived, max([announced, *(number + 1 for number in arrived)])]
    gaps = [(a + 1, b - 1) for a, b in pairwise(edges) if b - a > 1]
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in gaps)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(kind=st.sampled_from(["cuts", "files"]), story=st.lists(CHUNK | FINAL, min_size=1, max_size=8))
async def test_a_sessions_file_is_the_longest_playable_join_of_what_arrived(
    pool: asyncpg.Pool, kind: str, story: list[Sent]
) -> None:
    world, uid = World(pool), str(uuid4())
    owner, arrived, announced = await world.owner(), set[int](), 0
    recording: Any = None
    for sent in story:
        body = b"" if sent.is_empty else FILES[kind][sent.number or 0]
        response = await world.receive(owner, uid, sent, body)
        recording = response or recording
        if response is not None and not sent.is_empty:
            arrived.add(sent.number or 0)
        if sent.is_final:
            announced = max(announced, (sent.number or 0) + (not sent.is_empty))
    await world.fall_silent()
    if arrived:
        found = await world.catalog.find_recording(owner, recording.id)
        assert found is not None
        await check(world, found, kind, sorted(arrived), announced)


async def check(world: World, recording: Recording, kind: str, arrived: Sequence[int], announced: int) -> None:
    (media,) = recording.media_files
    expected, gaps = joined(kind, arrived), missing(arrived, announced)
    if expected is None:
        assert (recording.status, media.status) == ("failed", "pending")
        return
    assert (recording.status, media.status) == ("completed", "uploaded")
    assert await read_whole(world.storage, media.object_key) == expected
    assert recording.error_message == (f"Chunks {gaps} did not arrive" if gaps else None)
    await nothing_is_left(world, media)


async def nothing_is_left(world: World, media: MediaFile) -> None:
    """Every object is named by a row or waits for its deletion; the published one does not."""
    named = "SELECT object_key FROM session_chunks UNION SELECT object_key FROM media_files"
    rows = {row[0] for row in await world.pool.fetch(named)}
    queued = {row[0] for row in await world.pool.fetch("SELECT object_key FROM object_deletions")}
    stored = {listed.key async for listed in world.storage.list("uploads/")}
    assert stored <= rows | queued
    assert media.object_key not in queued
    assert not {row for row in rows if row in queued}
