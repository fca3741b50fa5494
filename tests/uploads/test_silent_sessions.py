"""A bot that falls silent leaves a recording of what it sent, and nothing that it sent is removed."""

import asyncio
from collections.abc import AsyncGenerator, Iterator

import pytest

from tests.gateway_process import Gateway, running_gateway
from tests.uploads.client import Client, open_client
from tests.uploads.conftest import SETTINGS, Content
from tests.uploads.test_session_chunks import Bot, tone, wav
from tests.uploads.test_sessions import chunks_of
from tests.uploads.waiting import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    hasty = {
        "SEEKGATE_UPLOADS__SESSION_SILENCE_SECONDS": "1",
        "SEEKGATE_UPLOADS__URL_EXPIRES_IN_SECONDS": "1",
        "SEEKGATE_UPLOADS__ABANDONED_AFTER_SECONDS": "1",
    }
    with running_gateway(postgres, tmp_path_factory.mktemp("silent"), {**SETTINGS, **hasty}) as gateway:
        yield gateway


@pytest.fixture
async def client(site: Gateway) -> AsyncGenerator[Client, None]:
    async with open_client(site.base_url, site.key) as opened:
        yield opened


async def wait_until(bot: Bot, status: str, duration: float | None = None) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            recording = await bot.recording()
            (media,) = recording["media_files"]
            if recording["status"] == status and (duration is None or media["duration_seconds"] == duration):
                return
            await asyncio.sleep(0.1)


async def test_a_silent_session_is_completed_from_what_it_has_and_goes_on_when_the_bot_does(client: Client) -> None:
    bot = Bot(client)
    await bot.must_send(wav(tone(0)), 0)
    await wait_until(bot, "completed", 0.5)
    await bot.must_send(wav(tone(1)), 1)
    await wait_until(bot, "completed", 1.0)
    assert await bot.played() == wav(tone(0) + tone(1))


async def test_a_silent_session_with_a_gap_says_so(client: Client, content: Content) -> None:
    bot, pieces = Bot(client), chunks_of(content("sound.webm"), 3)
    await bot.must_send(pieces[0], 0)
    await bot.must_send(pieces[2], 2)
    await wait_until(bot, "completed")
    assert (await bot.recording())["error_message"] == "Chunks 1 did not arrive"


async def test_chunks_that_cannot_be_played_are_kept_longer_than_abandoned_uploads(
    client: Client, content: Content
) -> None:
    bot, pieces = Bot(client), chunks_of(content("sound.webm"), 2)
    await bot.must_send(pieces[1], 1)
    await wait_until(bot, "failed")
    await asyncio.sleep(2)
    await bot.must_send(pieces[0], 0, final=True)
    assert await bot.played() == content("sound.webm")
