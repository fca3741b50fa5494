"""What interrupts a person who listens: playback URLs that expire, and a network that is lost."""

import asyncio
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from gateway.protocol.ids import decode_id
from tests.browser.listener import HURRY, PATIENCE_SECONDS, Listener
from tests.gateway_process import Gateway, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOON = {"SEEKGATE_PLAYBACK__EXPIRES_IN_SECONDS": "3", "SEEKGATE_PLAYBACK__WINDOW_SECONDS": "1"}
# Long enough that no machine is so slow that the link expires first: the test controls the page's clock.
LIFETIME_SECONDS = 600
LATE = {"SEEKGATE_PLAYBACK__EXPIRES_IN_SECONDS": str(LIFETIME_SECONDS), "SEEKGATE_PLAYBACK__WINDOW_SECONDS": "1"}
# More than Chromium caches of one file, so that it has to request more.
SOUND_SECONDS = 400
RATE = 16_000
# Counts the playback links that the page has processed completely.
COUNT_LINKS = """
  window.links = 0;
  const read = Response.prototype.json;
  Response.prototype.json = async function () {
    const document = await read.call(this);
    if (this.url.endsWith("/playback-url")) setTimeout(() => { links += 1; dispatchEvent(new Event("link-read")); });
    return document;
  };
"""
# Resolves once there are more. Playwright's `wait_for_function` evaluates text in the page, which its policy forbids.
MORE_LINKS = """(count) => new Promise((resolve) => {
  const look = () => (links > count ? resolve() : addEventListener("link-read", look, { once: true }));
  look();
})"""
# After `sleep()` no timer of the page goes off, as in a computer that sleeps.
SLEEP = """
  const { setTimeout: later } = window;
  window.sleep = () => (window.sleeps = true);
  window.setTimeout = (act, ...given) => later(() => window.sleeps || act(), ...given);
"""


def silence() -> bytes:
    written = BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(bytes(4 * RATE * SOUND_SECONDS))
    return written.getvalue()


@contextmanager
def gateway_with_links(postgres: str, folder: Path, lifetime: dict[str, str]) -> Iterator[Gateway]:
    with running_gateway(postgres, folder, lifetime) as gateway:
        gateway.add("long", silence(), "wav")
        yield gateway


@pytest.fixture(scope="module")
def short_lived(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose playback URLs last three to four seconds, with a long recording."""
    with gateway_with_links(postgres, tmp_path_factory.mktemp("short-lived"), SOON) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def long_lived(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose playback URLs last ten minutes and differ each second."""
    with gateway_with_links(postgres, tmp_path_factory.mktemp("long-lived"), LATE) as gateway:
        yield gateway


async def begin(page: Page, site: Gateway) -> Listener:
    listener = Listener(page, site)
    await page.add_init_script(COUNT_LINKS)
    await listener.arrive()
    await listener.sign_in(site.key)
    await listener.rows.first.click()
    await listener.until("media !== null && media.readyState >= HTMLMediaElement.HAVE_METADATA")
    await listener.media("window.errors = 0")
    await listener.media("media.addEventListener('error', () => window.errors += 1)")
    await listener.play()
    return listener


async def begin_for_another_link(page: Page, site: Gateway) -> Listener:
    """The same, for longer than a second: links that are created in the same second are equal."""
    listener = await begin(page, site)
    await listener.until("media.currentTime > 1.2")
    return listener


async def let_time_pass(page: Page, share: float) -> None:
    """Advance the page's clock by this share of a link's lifetime, and wait until its requests are answered."""
    await page.clock.fast_forward(int(share * LIFETIME_SECONDS * 1000))


async def test_a_link_is_renewed_before_it_ends_and_play_goes_on(context: BrowserContext, long_lived: Gateway) -> None:
    page = await context.new_page()
    await page.clock.install()
    listener = await begin_for_another_link(page, long_lived)
    for _ in range(2):
        link, position, links = await listener.media("[media.src, media.currentTime, window.links]")
        await let_time_pass(page, 0.8)
        await listener.patiently(MORE_LINKS, links)
        assert await listener.media("media.src") == link, "there is no need to change it yet"
        await let_time_pass(page, 0.15)
        await listener.until(f"media.src !== '{link}' && media.currentTime > {position} + 1.2 && !media.paused")
    assert await listener.media("window.errors") == 0
    assert listener.faults == []


async def test_a_paused_player_renews_its_link_and_keeps_position_and_speed(
    context: BrowserContext, long_lived: Gateway
) -> None:
    page = await context.new_page()
    await page.clock.install()
    listener = await begin_for_another_link(page, long_lived)
    await listener.page.keyboard.press("Space")
    await listener.page.keyboard.press(">")
    await listener.page.keyboard.press("5")
    await listener.until(f"media.paused && !media.seeking && media.currentTime === {SOUND_SECONDS / 2}")
    link = await listener.media("media.src")
    await let_time_pass(page, 0.8)
    await listener.until(f"media.src !== '{link}' && media.readyState >= HTMLMediaElement.HAVE_METADATA")
    state = await listener.media("[media.paused, media.currentTime, media.playbackRate]")
    assert state == [True, SOUND_SECONDS / 2, 1.25]


async def test_after_a_sleep_past_the_end_a_seek_lands_and_plays(context: BrowserContext, short_lived: Gateway) -> None:
    page = await context.new_page()
    await page.add_init_script(SLEEP)
    listener = await begin_for_another_link(page, short_lived)
    await page.evaluate("() => sleep()")
    link = await listener.media("media.src")
    await listener.until_refused(403, link.removeprefix(short_lived.base_url))
    await page.keyboard.press("9")
    position = SOUND_SECONDS * 0.9
    await listener.until(f"media.src !== '{link}' && media.currentTime > {position} && !media.paused")


async def test_a_lost_network_is_reported_and_playback_goes_on_at_its_place(
    context: BrowserContext, long_lived: Gateway
) -> None:
    page = await context.new_page()
    await page.add_init_script(HURRY)
    listener = await begin(page, long_lived)
    await page.route("**/recordings/**", lose)
    await page.keyboard.press("9")
    trouble = page.get_by_role("alert").filter(has_text="The gateway does not answer.")
    await expect(trouble).to_be_visible()
    await page.get_by_role("button", name="Try again").click()
    await expect(trouble).to_be_visible()
    # A proxy answers before the gateway does.
    await page.route("**/recordings/**", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    await expect(page.get_by_text("The gateway answered with an error (502).").first).to_be_visible()
    await page.unroute_all()
    await listener.until(f"!media.paused && media.currentTime > {SOUND_SECONDS * 0.9} && media.error === null")
    await expect(trouble).to_be_hidden()
    assert listener.faults == []


class Stalled:
    """A gateway whose bytes never come. The page's looks at its links are answered one by one; one that is held waits."""

    def __init__(self, *looks: str) -> None:
        self.held = asyncio.Event()
        self.released = asyncio.Event()
        self._looks = iter(looks)

    async def answer(self, route: Route) -> None:
        if route.request.method != "HEAD":
            return
        match next(self._looks, "lost"):
            case "lost":
                await lose(route)
            case "held":
                self.held.set()
                await self.released.wait()
                await route.continue_()
            case _:
                await route.continue_()


async def test_a_network_that_is_lost_after_the_first_look_is_reported(
    context: BrowserContext, long_lived: Gateway
) -> None:
    page = await context.new_page()
    await page.clock.install()
    listener = await begin(page, long_lived)
    await page.route("**/raw?*", Stalled("answered").answer)
    await page.keyboard.press("9")
    await listener.until("media.seeking")
    trouble = page.get_by_role("alert").filter(has_text="The gateway does not answer.")
    # Not until the link is renewed, which would be another reason to look.
    for _ in range(20):
        await page.clock.fast_forward(LIFETIME_SECONDS * 1000 // 100)
    await expect(trouble).to_be_visible()


async def test_a_late_response_about_one_recording_does_not_hide_the_message_about_the_next(
    context: BrowserContext, long_lived: Gateway
) -> None:
    page, stalled = await context.new_page(), Stalled("lost", "held")
    await page.clock.install()
    listener = await begin(page, long_lived)
    made = await page.request.post(
        f"{long_lived.base_url}/v1/recordings", headers={"X-API-Key": long_lived.key}, data={"name": "Nothing yet"}
    )
    await page.route("**/raw?*", stalled.answer)
    await page.keyboard.press("9")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not stalled.held.is_set():
            await page.clock.fast_forward(5000)
            await asyncio.sleep(0.1)  # until the page has heard from the network
    recording_id = decode_id("rec", (await made.json())["id"])
    await page.evaluate(f"() => {{ location.hash = '#/recordings/{recording_id}'; }}")
    message = page.get_by_text("No file of this recording is finished yet.")
    await expect(message).to_be_visible()
    async with page.expect_response(lambda response: response.request.method == "HEAD"):
        stalled.released.set()
    await page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")
    await expect(message).to_be_visible()
    assert listener.faults == []


async def lose(route: Route) -> None:
    await route.abort("internetdisconnected")
