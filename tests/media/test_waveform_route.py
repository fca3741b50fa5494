"""The waveform route of a running gateway: who may ask, and what happens to files that change or are deleted."""

from collections.abc import AsyncGenerator, Iterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.gateway_process import Gateway, running_gateway
from tests.media.signals import RATE, wav

ORIGIN = "https://player.example"
LOUD = wav(b"\xff\x7f" * RATE)
SILENT = wav(bytes(2 * RATE))

Response = tuple[int, Any]


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"SEEKGATE_CORS__ALLOWED_ORIGINS": f'["{ORIGIN}"]'}
    with running_gateway(postgres, tmp_path_factory.mktemp("waveforms"), settings) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def loud(site: Gateway) -> tuple[int, int]:
    return site.add("loud", LOUD, "wav")


@pytest_asyncio.fixture
async def client(site: Gateway) -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(site.base_url) as session:
        yield session


def path_of(ids: tuple[int, int]) -> str:
    return "/recordings/{}/media/{}/waveform".format(*ids)


async def ask(client: aiohttp.ClientSession, ids: tuple[int, int], key: str) -> Response:
    async with client.get(path_of(ids), headers={"X-API-Key": key}) as response:
        return response.status, await response.json()


async def ask_until_complete(client: aiohttp.ClientSession, ids: tuple[int, int], key: str) -> Response:
    while (response := await ask(client, ids, key))[1].get("complete") is False:
        pass
    return response


async def test_the_owner_gets_the_waveform(client: aiohttp.ClientSession, site: Gateway, loud: tuple[int, int]) -> None:
    response = await ask_until_complete(client, loud, site.read_only_key)
    assert response == (200, {"bins": [255] * 1000, "seconds_covered": 1.0, "complete": True})


@pytest.mark.parametrize(
    ("key", "status", "detail"),
    [
        ("write_only_key", 403, "Insufficient scope for this endpoint"),
        ("expired_key", 401, "Invalid API key"),
        ("other_key", 404, "Recording not found"),
        ("test_key", 404, "Recording not found"),
    ],
)
async def test_others_do_not_get_the_waveform(
    client: aiohttp.ClientSession, site: Gateway, loud: tuple[int, int], key: str, status: int, detail: str
) -> None:
    assert await ask(client, loud, getattr(site, key)) == (status, {"detail": detail})


async def test_a_playback_url_gives_no_waveform(
    client: aiohttp.ClientSession, site: Gateway, loud: tuple[int, int]
) -> None:
    target = path_of(loud).replace("waveform", "playback-url")
    async with client.post(target, headers={"X-API-Key": site.key}) as response:
        query = (await response.json())["url"].partition("?")[2]
    async with client.get(f"{path_of(loud)}?{query}") as response:
        assert (response.status, await response.json()) == (401, {"detail": "Missing API key"})


async def test_a_page_of_an_allowed_origin_may_read_the_waveform(
    client: aiohttp.ClientSession, site: Gateway, loud: tuple[int, int]
) -> None:
    async with client.get(path_of(loud), headers={"X-API-Key": site.key, "Origin": ORIGIN}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_broken_file_is_reported_each_time_without_a_traceback(
    client: aiohttp.ClientSession, site: Gateway
) -> None:
    ids = site.add("broken", b"no media" * 1000, "mp3")
    for _ in range(2):
        assert await ask_until_complete(client, ids, site.key) == (404, {"detail": "Media file cannot be decoded"})
    assert "Traceback" not in site.log_text()


async def test_a_replaced_file_has_another_waveform(client: aiohttp.ClientSession, site: Gateway) -> None:
    ids = site.add("replaced", LOUD, "wav")
    await ask_until_complete(client, ids, site.key)
    site.path_of("replaced").write_bytes(SILENT)
    assert (await ask_until_complete(client, ids, site.key))[1]["bins"] == [0] * 1000


async def test_a_file_that_was_deleted_has_no_waveform(client: aiohttp.ClientSession, site: Gateway) -> None:
    ids = site.add("gone", LOUD, "wav")
    await ask_until_complete(client, ids, site.key)
    site.path_of("gone").unlink()
    assert await ask(client, ids, site.key) == (404, {"detail": "Media file not found"})


async def test_a_deleted_recording_has_no_waveform(client: aiohttp.ClientSession, site: Gateway) -> None:
    ids = site.add("deleted", LOUD, "wav")
    await ask_until_complete(client, ids, site.key)
    async with client.delete(f"/recordings/{ids[0]}", headers={"X-API-Key": site.key}) as response:
        assert response.status == 200
    assert await ask(client, ids, site.key) == (404, {"detail": "Recording not found"})


async def test_an_absent_file_is_not_found(client: aiohttp.ClientSession, site: Gateway, loud: tuple[int, int]) -> None:
    assert await ask(client, (loud[0], 1), site.key) == (404, {"detail": "Media file not found"})
    assert await ask(client, (1, loud[1]), site.key) == (404, {"detail": "Recording not found"})
