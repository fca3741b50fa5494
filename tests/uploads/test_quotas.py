"""What an account may hold counts what arrived: unsized promises, refused files and bots' chunks."""

import asyncio
from collections.abc import AsyncGenerator, Iterator

import asyncpg
import pytest

from tests.gateway_process import Gateway, running_gateway
from tests.uploads.client import Client, open_client
from tests.uploads.conftest import SETTINGS, Content
from tests.uploads.test_session_chunks import Bot, tone, wav

MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    limited = {**SETTINGS, "SEEKGATE_UPLOADS__MAX_TOTAL_BYTES_PER_ACCOUNT": str(MOST_BYTES)}
    with running_gateway(postgres, tmp_path_factory.mktemp("quotas"), limited) as gateway:
        yield gateway


@pytest.fixture
async def client(site: Gateway) -> AsyncGenerator[Client, None]:
    """A client of an account that holds nothing yet."""
    await site.execute("DELETE FROM recordings")
    async with open_client(site.base_url, site.key) as opened:
        yield opened


async def test_an_unsized_promise_counts_with_what_arrived(client: Client) -> None:
    first, second = [await client.promise(await client.new_recording()) for _ in range(2)]
    assert (await client.put(first, bytes(150_000))).status == 200
    refused = await client.put(second, bytes(60_000))
    assert (refused.status, refused.json["error"]["code"]) == (400, "invalid_request")
    assert (await client.put(second, bytes(40_000))).status == 200
    assert (await client.put(first, bytes(1_000))).status == 200
    assert (await client.put(second, bytes(60_000))).status == 200


async def test_an_upload_of_unknown_length_stops_at_the_limit(client: Client) -> None:
    sent = 0

    async def endless() -> AsyncGenerator[bytes, None]:
        nonlocal sent
        for _ in range(2_000):
            sent += 64 * 1024
            yield bytes(64 * 1024)

    response = await client.put(await client.promise(await client.new_recording()), endless())
    assert (response.status, response.json["error"]["code"]) == (400, "invalid_request")
    assert sent < 32 * 1024 * 1024
    assert (await client.put(await client.promise(await client.new_recording()), bytes(MOST_BYTES))).status == 200


async def test_arriving_bytes_count(client: Client, site: Gateway) -> None:
    arrived = asyncio.Event()

    async def in_two() -> AsyncGenerator[bytes, None]:
        yield bytes(150_000)
        await arrived.wait()
        yield bytes(10_000)

    first, second = [await client.promise(await client.new_recording()) for _ in range(2)]
    sending = asyncio.create_task(client.put(first, in_two()))
    await reserved(site)
    assert (await client.put(second, bytes(60_000))).status == 400
    arrived.set()
    assert (await sending).status == 200
    assert (await client.put(second, bytes(30_000))).status == 200


async def reserved(site: Gateway) -> None:
    """Return once bytes that are arriving are counted."""
    async with asyncio.timeout(60), asyncpg.create_pool(site.database_url, min_size=1, max_size=1) as pool:
        while not await pool.fetchval("SELECT sum(bytes) FROM upload_reservations"):
            pass


async def test_a_file_that_completion_refused_counts(client: Client) -> None:
    recording = await client.new_recording()
    assert (await client.put(await client.promise(recording), bytes(150_000))).status == 200
    assert (await client.complete(recording)).status == 400
    other = await client.promise(await client.new_recording())
    assert (await client.put(other, bytes(60_000))).status == 400


async def test_a_bots_chunks_count_once_whether_joined_or_not(client: Client, site: Gateway) -> None:
    bot = Bot(client, media_type="audio")
    bot.key = site.key
    sound = wav(tone(1, 30_000))
    await bot.must_send(sound, 0)
    await bot.must_send(wav(tone(2, 30_000)), 1, final=True)
    assert (await bot.send(sound + bytes(100_000), 2)).status == 422
    promised = await client.promise(await client.new_recording())
    assert (await client.put(promised, bytes(70_000))).status == 200


async def test_deleted_bytes_no_longer_count(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    assert (await client.put(await client.promise(recording), bytes(190_000))).status == 200
    await client.succeed("DELETE", f"/v1/recordings/{recording}", status=204)
    assert (await client.put(await client.promise(await client.new_recording()), bytes(190_000))).status == 200
