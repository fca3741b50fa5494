"""The player page in Chromium and Firefox, by keyboard alone: sign in, open a recording, seek, play."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.demo.recording import DURATION_SECONDS
from tests.browser.library import import_file
from tests.browser.listener import BLANK, HURRY
from tests.browser.slow_link import slow_link
from tests.browser.sound_gateway import SoundGateway, import_sound
from tests.browser.tabs import Tab, together
from tests.gateway_process import Process, gateway_environ, running_gateway
from tests.made_once import made_once
from tests.ports import reserved_ports
from tests.toned_files import make_toned

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHORT_LIVED: Final = {"SEEKGATE_PLAYBACK__EXPIRES_IN_SECONDS": "5", "SEEKGATE_PLAYBACK__WINDOW_SECONDS": "1"}
# A stream that a browser keeps open does not delay a restart. With a known port there would be a worker for each core.
QUICKLY_RESTARTED: Final = {"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": "0.1", "SEEKGATE_SERVER__WORKERS": "1"}
# More than either browser loads ahead: a file that is loaded completely needs no link.
LONG_SECONDS: Final = 300
WITHOUT_LENGTH: Final = "webm-opus-no-cues"
LINK_BYTES_PER_SECOND: Final = 2_000_000
ENTER: Final = {"chromium": "\n", "firefox": "\ue007"}
UNTIL: Final = """new Promise((resolve) => {
  const look = () => {
    const media = document.querySelector("audio");
    if (%s) resolve(true);
    else setTimeout(look, 20);
  };
  look();
})"""

STATE: Final = """[...document.querySelectorAll("audio")].map((media) =>
  [media.src, media.currentTime, media.duration, media.paused, media.seeking, media.readyState, media.error?.message])"""
# A browser that says how long the recording is, although it has loaded less.
KNOW_THE_LENGTH: Final = "void Object.defineProperty(HTMLMediaElement.prototype, 'duration', { get: () => 60.02 })"
# Events that arrive late: more is loaded before the page hears that a seek ended, and it seeks on before it hears of a pause.
DELAY_EVENTS: Final = """(() => {
  const on = (name, act) => document.addEventListener(name, act, true);
  let paused = null;
  on("seeked", ({ target }) => target.dispatchEvent(new Event("progress")));
  on("pause", (event) => {
    if (!event.target.ended) return;
    event.stopImmediatePropagation();
    paused = event.target;
  });
  on("seeking", () => {
    paused?.dispatchEvent(new Event("pause"));
    paused = null;
  });
})()"""
# Lets the page remember the place, as if it were left, and keeps it in `place`.
REMEMBER: Final = """(window.dispatchEvent(new Event("pagehide")),
  window.place = Object.values(JSON.parse(localStorage.getItem("seekgate.places") ?? "{}"))[0]?.at)"""


@pytest.fixture
def tab(newcomer: Tab) -> Tab:
    """Each test signs in."""
    return newcomer


@pytest.fixture
def tabs(chromium_newcomer: Tab, firefox_newcomer: Tab) -> Sequence[Tab]:
    """Both, for tests that wait for long."""
    return chromium_newcomer, firefox_newcomer


@pytest.fixture(scope="module")
def long_sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toned(tmp_path_factory.mktemp("long"), "wav", LONG_SECONDS)


@pytest.fixture(scope="module")
def short_lived(postgres: str, long_sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundGateway]:
    """A gateway with a long recording, whose playback URLs last five to six seconds."""
    folder = tmp_path_factory.mktemp("short-lived")
    with running_gateway(postgres, folder / "gateway", SHORT_LIVED) as gateway:
        yield import_sound(gateway, long_sound)


@dataclass
class Restarted:
    """A gateway that is stopped and started again on the same port."""

    gateway: SoundGateway
    process: Process
    folder: Path

    async def stop(self) -> None:
        await asyncio.to_thread(self.process.stop)

    async def start(self) -> None:
        site = self.gateway.site
        settings = {"SEEKGATE_SERVER__PORT": str(site.port)} | QUICKLY_RESTARTED
        self.process = Process(gateway_environ(site.database_url, self.folder, settings))
        assert await asyncio.to_thread(lambda: self.process.base_url) == site.base_url


@pytest.fixture(scope="module")
def restarted(postgres: str, long_sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    folder = tmp_path_factory.mktemp("restarted")
    with (
        reserved_ports(1) as (port,),
        running_gateway(postgres, folder / "gateway", {"SEEKGATE_SERVER__PORT": str(port)} | QUICKLY_RESTARTED) as site,
    ):
        gateway = Restarted(import_sound(site, long_sound), site.process, folder / "gateway")
        yield gateway
        gateway.process.stop()


async def until(tab: Tab, condition: str) -> None:
    """Wait for a condition, in JavaScript, on the element `media`."""
    try:
        await tab.attempt(UNTIL % condition)
    except TimeoutError:
        state = await tab.attempt(STATE)
        pytest.fail(f"{tab.browser}: never {condition}, but {state}")


async def media(tab: Tab, name: str) -> Any:
    """A property of the page's media element."""
    return await tab.attempt(f"document.querySelector('audio').{name}")


async def open_sound(tab: Tab, gateway: SoundGateway) -> None:
    """Open the recording's address, sign in, and wait until the duration is known."""
    await tab.visit(f"{gateway.site.base_url}/#/recordings/{gateway.sound.recording_id}")
    await sign_in(tab, gateway.site.key)
    await until(tab, "media?.duration > 1")


async def sign_in(tab: Tab, key: str) -> None:
    await until(tab, "document.activeElement.id === 'key'")
    await tab.type(key + ENTER[tab.browser])


async def test_the_page_plays_by_keyboard(tab: Tab, files: SoundGateway) -> None:
    await open_sound(tab, files)
    assert await media(tab, "duration") == pytest.approx(DURATION_SECONDS, abs=0.2)
    await tab.type("5")
    await until(tab, f"!media.seeking && Math.abs(media.currentTime - {DURATION_SECONDS / 2}) < 0.1")
    await tab.type(" ")
    await until(tab, f"media.currentTime > {DURATION_SECONDS / 2 + 0.5}")
    assert await media(tab, "error") is None


async def test_a_recording_without_a_length_is_sought_beyond_what_is_loaded(
    tab: Tab, files: SoundGateway, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As MediaRecorder writes it. Over a slow link, Firefox takes the beginning, which it has loaded, for the whole.

    For a moment it may know the length before it has loaded more (`KNOW_THE_LENGTH`), and seeks no further nevertheless.
    Events may arrive late (`DELAY_EVENTS`).
    """
    path = made_once(tmp_path_factory, WITHOUT_LENGTH, lambda folder: make_toned(folder, WITHOUT_LENGTH))
    recording_id = import_file(files.site, path).recording_id
    async with slow_link(files.site, LINK_BYTES_PER_SECOND) as link:
        await tab.visit(f"{link.url}/{BLANK}")
        await tab.visit(f"{link.url}/#/recordings/{recording_id}")
        await tab.attempt(KNOW_THE_LENGTH)
        await tab.attempt(DELAY_EVENTS)
        await sign_in(tab, files.site.key)
        await until(tab, "media?.readyState > 0")
        await tab.type("9 ")
        await until(tab, "media.currentTime > 54.1 && !media.paused")
        await tab.type(" 5")
        await until(tab, "!media.seeking && Math.abs(media.currentTime - 30) < 0.1")
        await tab.type(" ")
        await until(tab, "media.currentTime > 31")
        await tab.type(" ")
        await until(tab, "media.paused")
        await tab.visit(f"{link.url}/{BLANK}")
        await tab.visit(f"{link.url}/#/recordings/{recording_id}")
        await until(tab, "media?.readyState > 0 && !media.seeking && Math.abs(media.currentTime - 32) < 1.5")
        await until(tab, "document.querySelector('#counter-end').textContent === '1:00'")
        await tab.type("9")
        await until(tab, "!media.seeking && Math.abs(media.currentTime - 54) < 0.1")


# Moves an element of which 60 seconds are loaded to second 54. Only after the first seek does it seek further than to 34.
# Resolves with where it is.
SEEK_SHORT: Final = """(async () => {
  const { moveTo } = await import("/player/000000000000/seeking.js");
  const media = Object.assign(new EventTarget(), {
    readyState: 4, networkState: 1, duration: 60, error: null, ended: false, seeking: false, paused: true,
    buffered: { length: 1, start: () => 0, end: () => 60 },
  });
  let [place, limit] = [0, 34];
  Object.defineProperty(media, "currentTime", {
    get: () => place,
    set(second) { [place, media.seeking] = [Math.min(second, limit), true]; },
  });
  moveTo(media, 54);
  [media.seeking, limit] = [false, 60];
  for (const name of ["seeking", "seeked"]) media.dispatchEvent(new Event(name));
  return place;
})()"""


async def test_a_seek_that_ends_before_a_loaded_place_is_repeated(chromium_reloaded: Tab, files: SoundGateway) -> None:
    await chromium_reloaded.visit(f"{files.site.base_url}/{BLANK}")
    assert await chromium_reloaded.attempt(SEEK_SHORT) == 54


async def test_a_place_that_the_browser_does_not_play_is_given_up(
    tab: Tab, files: SoundGateway, long_sound: Path
) -> None:
    """As of a chained Ogg file, of which Chromium plays the first link. The place that is remembered is where it is."""
    recording_id = import_file(files.site, long_sound).recording_id
    await files.site.execute("UPDATE media_files SET duration_seconds = 600 WHERE duration_seconds = 300")
    await tab.visit(f"{files.site.base_url}/#/recordings/{recording_id}")
    await sign_in(tab, files.site.key)
    await until(tab, "media?.readyState > 0")
    await tab.attempt(HURRY)
    await tab.type("9")
    await until(tab, f"!media.seeking && media.currentTime > {LONG_SECONDS - 1}")
    await until(tab, f"({REMEMBER}, place < {LONG_SECONDS + 1})")


async def test_an_expired_link_is_renewed_and_a_seek_after_its_end_succeeds(
    tabs: Sequence[Tab], short_lived: SoundGateway
) -> None:
    await together(tabs, partial(play_past_the_end_of_a_link, short_lived))


async def play_past_the_end_of_a_link(gateway: SoundGateway, tab: Tab) -> None:
    await open_sound(tab, gateway)
    first = await media(tab, "src")
    await tab.type(" ")
    await until(tab, f"media.src !== '{first}' && media.readyState === 4 && !media.paused && media.currentTime > 1")
    await tab.type("9")
    await until(tab, f"media.currentTime > {LONG_SECONDS * 0.9 + 0.5} && !media.paused && media.error === null")


async def test_playback_goes_on_at_its_place_after_the_gateway_was_restarted(
    tabs: Sequence[Tab], restarted: Restarted
) -> None:
    await together(tabs, partial(play_from_the_beginning, restarted.gateway))
    await restarted.stop()
    await together(tabs, seek_in_vain)
    await restarted.start()
    await together(tabs, hear_it_go_on)


async def play_from_the_beginning(gateway: SoundGateway, tab: Tab) -> None:
    await open_sound(tab, gateway)
    await tab.attempt(HURRY)
    await tab.type(" ")
    await until(tab, "media.currentTime > 0.5")


async def seek_in_vain(tab: Tab) -> None:
    await tab.type("9")
    await until(
        tab, "document.querySelector('#deck-trouble-text').textContent.startsWith('The gateway does not answer')"
    )
    if tab.browser == "chromium":
        assert await media(tab, "error") is None, "Chromium repeats the request for half a minute before it fails"


async def hear_it_go_on(tab: Tab) -> None:
    place = f"media.currentTime > {LONG_SECONDS * 0.9 + 0.5} && media.currentTime < {LONG_SECONDS - 1}"
    await until(tab, f"{place} && !media.paused && media.error === null")
    await until(tab, "document.querySelector('#deck-trouble').hidden")


# Asks for a file whose response takes longer than the longest that is waited for, in a browser of 2022.
ASK_AGAIN: Final = """(async () => {
  const [{ askAgain }, { bytesOf, request }] =
    await Promise.all(["again", "request"].map((name) => import(`/player/000000000000/${name}.js`)));
  const { timeout } = AbortSignal;
  AbortSignal.timeout = () => timeout.call(AbortSignal, 100);
  delete AbortSignal.any;
  window.asked = 0;
  const ask = async (signal) => {
    asked += 1;
    if (asked === 1) await bytesOf(await request("%s", { signal }));
  };
  askAgain(ask, () => 10, new AbortController().signal);
})()"""


async def test_a_response_that_stops_in_the_midst_is_given_up_and_asked_for_again(
    tab: Tab, files: SoundGateway
) -> None:
    async with slow_link(files.site, LINK_BYTES_PER_SECOND) as link:
        await tab.visit(f"{link.url}/{BLANK}")
        await tab.attempt(ASK_AGAIN % (await files.playback_url(files.sound)).replace(files.site.base_url, link.url))
        await until(tab, "window.asked > 1")
