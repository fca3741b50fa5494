"""A playback URL that ends while someone listens: they should not hear of it."""

import wave
from collections.abc import Iterator
from io import BytesIO

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.listener import Listener
from tests.gateway_process import Gateway, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIFETIME = {"SEEKGATE_PLAYBACK__EXPIRES_IN_SECONDS": "3", "SEEKGATE_PLAYBACK__WINDOW_SECONDS": "1"}
# More than Chromium holds of one file, so that it has to ask again.
SOUND_SECONDS = 400
RATE = 48_000
ATTEMPTS = 2_000


def silence() -> bytes:
    written = BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(bytes(4 * RATE * SOUND_SECONDS))
    return written.getvalue()


@pytest.fixture(scope="module")
def short_lived(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose playback URLs last three to four seconds."""
    with running_gateway(postgres, tmp_path_factory.mktemp("renewal"), LIFETIME) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def long_sound(short_lived: Gateway) -> int:
    recording_id, _ = short_lived.add("long", silence(), "wav")
    return recording_id


async def begin(page: Page, site: Gateway, recording_id: int) -> Listener:
    listener = Listener(page, site)
    await listener.arrive()
    await listener.sign_in(site.key)
    await listener.open_sound(recording_id)
    await listener.media("window.errors = 0")
    await listener.media("media.addEventListener('error', () => window.errors += 1)")
    await listener.play()
    return listener


async def test_a_link_is_renewed_before_it_ends_and_play_goes_on(
    context: BrowserContext, short_lived: Gateway, long_sound: int
) -> None:
    listener = await begin(await context.new_page(), short_lived, long_sound)
    first = await listener.media("media.src")
    await listener.until(f"media.src !== '{first}' && media.currentTime > 1")
    second, position = await listener.media("[media.src, media.currentTime]")
    await listener.until(f"media.src !== '{second}' && media.currentTime > {position} && !media.paused")
    assert await listener.media("window.errors") == 0
    assert listener.faults == []


async def test_a_paused_player_changes_its_link_and_keeps_its_place_and_speed(
    context: BrowserContext, short_lived: Gateway, long_sound: int
) -> None:
    listener = await begin(await context.new_page(), short_lived, long_sound)
    await listener.page.keyboard.press("Space")
    await listener.page.keyboard.press(">")
    await listener.page.keyboard.press("5")
    link = await listener.media("media.src")
    await listener.until(f"media.src !== '{link}' && media.readyState >= HTMLMediaElement.HAVE_METADATA")
    state = await listener.media("[media.paused, media.currentTime, media.playbackRate]")
    assert state == [True, SOUND_SECONDS / 2, 1.25]


async def test_after_a_sleep_past_the_end_a_seek_lands_and_plays(
    context: BrowserContext, short_lived: Gateway, long_sound: int
) -> None:
    page = await context.new_page()
    await page.clock.install()
    listener = await begin(page, short_lived, long_sound)
    # The computer sleeps: the page's timers stand, the link ends.
    await page.clock.pause_at(await page.evaluate("() => Date.now() + 1000"))
    link = await listener.media("media.src")
    await until_it_ends(listener, link)
    await page.keyboard.press("9")
    position = SOUND_SECONDS * 0.9
    await listener.until(f"media.src !== '{link}' && media.currentTime > {position} && !media.paused")


async def until_it_ends(listener: Listener, link: str) -> None:
    for _ in range(ATTEMPTS):
        if (await listener.page.request.head(link)).status == 403:
            return
    pytest.fail("the link never ends")
