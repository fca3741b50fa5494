"""Bots send their sessions through two gateways that are killed (SIGKILL) again and again: nothing is lost.

`SESSIONS=200 KILLS=40 python -m pytest tests/uploads/test_session_kills.py` is the long run.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import uuid4

import aiohttp

from gateway import keys
from gateway.assembly.backends import open_backends
from gateway.catalog import ALL_SCOPES, Owner
from gateway.protocol.ids import encode_id
from gateway.settings.load import load
from tests.gateway_process import Process
from tests.s3.buckets import make_bucket
from tests.s3.processes import S3Server
from tests.s3_gateway.s3_site import only_s3
from tests.uploads.client import Client, open_client
from tests.uploads.conftest import Content
from tests.uploads.test_session_chunks import tone, wav
from tests.uploads.test_sessions import chunks_of, send

SESSIONS: Final = int(os.environ.get("SESSIONS", "4"))
KILLS: Final = int(os.environ.get("KILLS", "2"))
CHUNKS: Final = 3
MAX_CONCURRENT: Final = 8
SECRET: Final = "the secret of the meeting bots, shared"
PATIENCE_SECONDS: Final = 300


@dataclass
class Pair:
    """Two gateways over one database and one storage; a killed one is started again."""

    environ: Mapping[str, str]
    key: str
    chance: Random = field(default_factory=lambda: Random(7))
    processes: list[Process] = field(default_factory=list)
    kills: int = 0

    async def start(self) -> None:
        self.processes = [Process(self.environ), Process(self.environ)]
        for process in self.processes:
            await asyncio.to_thread(getattr, process, "base_url")

    async def kill_one(self) -> None:
        number = self.chance.randrange(2)
        self.processes[number].signal(signal.SIGKILL)
        await asyncio.to_thread(self.processes[number].wait)
        replacement = Process(self.environ)
        await asyncio.to_thread(getattr, replacement, "base_url")
        self.processes[number] = replacement
        self.kills += 1

    def any(self) -> str:
        return self.chance.choice(self.processes).base_url

    async def stop(self) -> None:
        for process in self.processes:
            process.signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)


async def deliver(pair: Pair, client: Client, body: bytes, declared: Mapping[str, Any]) -> Any:
    """Send until a gateway says 200, as a bot does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            client.base_url = pair.any()
            try:
                response = await send(client, body, {}, key=SECRET, **declared)
                if response.status == 200:
                    return response.json
                assert response.status in {503, 500}, response
            except (aiohttp.ClientError, ConnectionError):
                pass
            await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Sent:
    """A session: its chunks, and what its recording has to be: these bytes, or this format with this many seconds."""

    chunks: Sequence[bytes]
    whole: bytes | None = None
    format: str = ""
    seconds: float = 0.0


def session_of(number: int, content: Content) -> Sent:
    """Every kind of session in turn: WAV files, cuts of a file, files that are remuxed, files that are encoded anew."""
    sounds = [tone(number * CHUNKS + place, 2_000 + number) for place in range(CHUNKS)]
    webm = content("sound.webm")
    match number % 4:
        case 0:
            return Sent([*map(wav, sounds)], wav(b"".join(sounds)))
        case 1:
            return Sent(chunks_of(webm, CHUNKS), webm)
        case 2:
            return Sent([webm] * CHUNKS, None, "webm", 2.0 * CHUNKS)
        case _:
            return Sent([content("moov-last.m4a"), webm, wav(tone(number, 16_000))], None, "flac", 5.0)


async def one_session(pair: Pair, places: asyncio.Semaphore, number: int, content: Content) -> tuple[Any, Sent]:
    """A session's last receipt, and what it has to become."""
    session, chance, sent = str(uuid4()), Random(number), session_of(number, content)
    order = [*range(CHUNKS), *chance.choices(range(CHUNKS), k=1)]
    chance.shuffle(order)
    async with places, open_client(pair.any(), "") as client:
        for place in order:
            fields = {"session_uid": session, "chunk_seq": place, "is_final": False}
            await deliver(pair, client, sent.chunks[place], fields)
        final = {"session_uid": session, "chunk_seq": CHUNKS, "is_final": True}
        return await deliver(pair, client, b"", final), sent


async def killing(pair: Pair, kills: int) -> None:
    for _ in range(kills):
        await asyncio.sleep(pair.chance.uniform(0.2, 1.5))
        await pair.kill_one()


async def nothing_is_lost(pair: Pair, content: Content, kills: int) -> None:
    places = asyncio.Semaphore(MAX_CONCURRENT)
    async with asyncio.TaskGroup() as group:
        killer = asyncio.create_task(killing(pair, kills))
        bots = [group.create_task(one_session(pair, places, number, content)) for number in range(SESSIONS)]
    await killer
    await asyncio.gather(*(plays(pair, *bot.result()) for bot in bots))


async def plays(pair: Pair, receipt: Any, sent: Sent) -> None:
    """The recording is completed, now or when a gateway has taken over what a killed one began."""
    ids = encode_id("rec", receipt["recording_id"]), encode_id("med", receipt["media_file_id"])
    async with asyncio.timeout(PATIENCE_SECONDS), open_client(pair.any(), pair.key) as client:
        while True:
            response = await client.raw(*ids)
            shown = (await client.call("GET", f"/recordings/{receipt['recording_id']}")).json
            (media,) = shown["media_files"]
            is_long = abs((media["duration_seconds"] or 0) - sent.seconds) < 0.3
            if response.status == 200 and (response.body == sent.whole or (media["format"] == sent.format and is_long)):
                break
            await asyncio.sleep(0.1)
        assert (shown["status"], shown["error_message"]) == ("completed", None)


@asynccontextmanager
async def running_pair(folder: Path, database_url: str, more: Mapping[str, str]) -> AsyncGenerator[Pair, None]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEEKGATE_")}
    environ = inherited | {
        "SEEKGATE_SERVER__PORT": "0",
        "SEEKGATE_DATA_DIR": str(folder),
        "SEEKGATE_DATABASE__URL": database_url,
        "SEEKGATE_RATE_LIMITS__ENABLED": "false",
        "SEEKGATE_UPLOADS__INTERNAL_SECRET": SECRET,
        **more,
    }
    key = keys.new_key(live=True, restricted=False)
    async with open_backends(load(None, environ)) as backends:
        owner = Owner(await backends.api_keys.ensure_user("bots@localhost"))
        digest, prefix = keys.digest(key), keys.visible_prefix(key)
        await backends.api_keys.create_key(
            digest=digest, prefix=prefix, owner=owner, scopes=ALL_SCOPES, expires_at=None
        )
    pair = Pair(environ, key)
    try:
        await pair.start()
        yield pair
    finally:
        await pair.stop()


async def test_sessions_through_two_gateways_that_are_killed_lose_nothing(
    database_url: str, tmp_path: Path, content: Content
) -> None:
    async with running_pair(tmp_path, database_url, {}) as pair:
        await nothing_is_lost(pair, content, KILLS)


async def test_sessions_into_a_bucket_lose_nothing_either(
    database_url: str, tmp_path: Path, s3_server: S3Server, content: Content
) -> None:
    bucket = await make_bucket(s3_server)
    async with running_pair(tmp_path, database_url, only_s3(s3_server, bucket)) as pair:
        await nothing_is_lost(pair, content, KILLS // 2)
