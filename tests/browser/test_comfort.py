"""What makes the player feel native, in Chromium and Firefox: lock screen, remembered places, loops, silence, frames, names."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from gateway.protocol.ids import decode_id
from tests.browser.bidi import Bidi
from tests.browser.conftest import DESK
from tests.browser.lecture import NAME, SAID, SILENT_FROM, SILENT_TO, SOUND_SECONDS, Lecture
from tests.browser.listener import BLANK, PATIENCE_SECONDS, Listener
from tests.browser.tabs import Tab, chromium_context, chromium_tab, firefox_tab, other_origin_server
from tests.browser.test_page import until
from tests.conformance.calling import fetch

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The page's own code until it can be used, compressed.
BUDGET_BYTES: Final = 60_000
SOUND: Final = "document.querySelector('audio')"
VIDEO: Final = "document.querySelector('video')"
# What the page loaded: [addresses, bytes as sent, bytes as read], without headers.
LOADED: Final = """(() => {
  const all = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
  const sum = (name) => all.reduce((total, entry) => total + entry[name], 0);
  return [all.map(({ name }) => name), sum("encodedBodySize"), sum("decodedBodySize")];
})()"""
# The files of which something was sent, be it only a 304. The page itself is not among them.
SENT: Final = (
    """performance.getEntriesByType("resource").filter((each) => each.transferSize > 0).map(({ name }) => name)"""
)
# Shows a page in a frame, and resolves when the frame has loaded that page, or the browser's error page.
FRAME: Final = """new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.addEventListener("load", () => resolve(true));
  frame.src = %s;
  document.body.append(frame);
})"""
# Keeps the second of the picture that is shown in `shown`: its beginning (Chromium), or that of the seek (Firefox); in
# `closest`, the shortest time between two pictures that were shown one after the other.
WATCH: Final = f"""(() => {{
  const video = {VIDEO};
  [window.shown, window.closest] = [NaN, Infinity];
  const look = (_, {{ mediaTime }}) => {{
    if (mediaTime > shown) closest = Math.min(closest, mediaTime - shown);
    shown = mediaTime;
    video.requestVideoFrameCallback(look);
  }};
  video.requestVideoFrameCallback(look);
}})()"""
# Resolves once the video is above other windows, or no longer is.
UNTIL_ABOVE: Final = """() => new Promise((resolve) => {
  const look = () => (document.pictureInPictureElement !== null) === %s && resolve();
  for (const name of ["enterpictureinpicture", "leavepictureinpicture"]) document.addEventListener(name, look, true);
  look();
})"""
# Two changes of a transcript, the captions of the first of which arrive last. Resolves with those that are shown.
CAPTION_TWICE: Final = """(async () => {
  const { Viewer } = await import("/player/000000000000/viewer.js");
  const arrivals = [];
  const never = () => new Promise(() => {});
  const viewer = new Viewer({ type: "video", duration_seconds: 1, file_size_bytes: 1 }, {
    label: "", segments: [], transcript: { follow() {} }, newLink: never, waveform: never, report() {},
    captions: () => new Promise((resolve) => arrivals.push(resolve)),
  });
  for (let count = 0; count < 2; count += 1) viewer.say([{ start: 0, end: 1, text: "", speaker: null }]);
  arrivals[1]("blob:newer");
  arrivals[0]("blob:older");
  await new Promise((resolve) => setTimeout(resolve));
  return viewer.media.querySelector("track").src;
})()"""
# Keeps the acts of the lock screen's buttons in `buttons`.
KEEP_BUTTONS: Final = """(() => {
  window.buttons = {};
  navigator.mediaSession.setActionHandler = (name, act) => { buttons[name] = act; };
})()"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium_player(chromium_shell: Browser, lecture: Lecture) -> AsyncGenerator[Tab]:
    async with chromium_tab(chromium_shell, lecture.site.base_url) as tab:
        yield tab


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def firefox_player(firefox: Bidi, lecture: Lecture) -> AsyncGenerator[Tab]:
    async with firefox_tab(firefox, lecture.site.base_url) as tab:
        yield tab


@pytest.fixture(params=["chromium", "firefox"], scope="module")
def player(request: pytest.FixtureRequest) -> Tab:
    """A tab of each browser at the player page. The tests of this module share it."""
    opened: Tab = request.getfixturevalue(f"{request.param}_player")
    return opened


async def visit(player: Tab, lecture: Lecture, place: str = "") -> None:
    """Load the page anew, signed in."""
    await player.visit(f"{lecture.site.base_url}/{BLANK}")
    await player.attempt(f"sessionStorage.setItem('seekgate.key', '{lecture.site.key}')")
    await player.visit(f"{lecture.site.base_url}/{place}")


async def open_file(player: Tab, lecture: Lecture, kind: str) -> None:
    """Load the page anew, open the lecture, and choose its video or audio file at the normal speed, from its beginning."""
    await player.attempt("localStorage.clear()")
    await visit(player, lecture, f"#/recordings/{lecture.recording_id}")
    await until(player, "document.querySelectorAll('#files button').length === 3")
    await choose(player, kind)


async def choose(player: Tab, kind: str) -> None:
    choice = f"[...document.querySelectorAll('#files button')].find((each) => each.textContent.startsWith('{kind}'))"
    await player.attempt(f"{choice}.click()")
    await until(player, f"{choice}.ariaPressed === 'true' && document.querySelector('#screen').firstChild !== null")
    if kind != "Image":
        element = "document.querySelector('#screen').firstChild"
        await until(player, f"{element}.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA")


async def seek(player: Tab, element: str, second: float) -> None:
    await player.attempt(f"void ({element}.currentTime = {second})")
    await until(player, f"!{element}.seeking")


async def press(player: Tab, button: str) -> None:
    await player.attempt(f"document.getElementById('{button}').click()")


async def test_the_page_is_small_and_requests_nothing_from_other_hosts(newcomer: Tab, lecture: Lecture) -> None:
    await newcomer.visit(lecture.site.base_url)
    await until(newcomer, "document.activeElement.id === 'key'")
    names, sent, read = await newcomer.attempt(LOADED)
    assert {name for name in names if not name.startswith(f"{lecture.site.base_url}/")} == set()
    assert sent < BUDGET_BYTES
    assert sent < read / 2, "it is compressed"


async def test_a_second_visit_requests_the_page_and_none_of_its_files(newcomer: Tab, lecture: Lecture) -> None:
    for _ in range(2):
        await newcomer.visit(f"{lecture.site.base_url}/{BLANK}")
        await newcomer.visit(lecture.site.base_url)
        await until(newcomer, "document.activeElement.id === 'key'")
    loaded, _, _ = await newcomer.attempt(LOADED)
    assert len(loaded) > 20
    assert await newcomer.attempt(SENT) == []


async def test_the_lock_screen_shows_the_name_and_its_buttons_work(player: Tab, lecture: Lecture) -> None:
    await visit(player, lecture)
    await player.attempt(KEEP_BUTTONS)
    await player.attempt(f"location.hash = '#/recordings/{lecture.recording_id}'")
    await until(player, "document.querySelector('video')?.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA")
    assert await player.attempt("navigator.mediaSession.metadata.title") == NAME
    await player.attempt("void buttons.seekto({ seekTime: 3 })")
    await until(player, f"!{VIDEO}.seeking && {VIDEO}.currentTime === 3")
    await player.attempt("void buttons.seekforward({ seekOffset: 2 })")
    await until(player, f"!{VIDEO}.seeking && {VIDEO}.currentTime === 5")
    await player.attempt("void buttons.seekbackward({})")
    await until(player, f"!{VIDEO}.seeking && {VIDEO}.currentTime === 0")
    await player.attempt("void buttons.play()")
    await until(player, f"!{VIDEO}.paused && {VIDEO}.currentTime > 0.2")
    await player.attempt("void buttons.pause()")
    await until(player, f"{VIDEO}.paused")


async def test_the_place_and_the_speed_are_remembered(player: Tab, lecture: Lecture) -> None:
    await open_file(player, lecture, "Video")
    await player.type(">>")
    await seek(player, VIDEO, 6)
    await player.type(" ")
    await until(player, f"{VIDEO}.currentTime > 6.2")
    # The page remembers the place when it hears of the pause, and was the first to listen.
    await player.attempt(f"{VIDEO}.addEventListener('pause', () => {{ window.left = {VIDEO}.currentTime; }})")
    await player.type(" ")
    await until(player, "window.left > 6")
    left = await player.attempt("window.left")
    await visit(player, lecture, f"#/recordings/{lecture.recording_id}")
    await until(player, "document.querySelector('video')?.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA")
    await until(player, f"!{VIDEO}.seeking && Math.abs({VIDEO}.currentTime - {left}) < 0.1")
    assert await player.attempt(f"{VIDEO}.playbackRate") == 1.5
    assert await player.attempt("document.querySelector('#speed :checked').value") == "1.5"


async def test_a_loop_plays_between_two_points_until_it_is_turned_off(player: Tab, lecture: Lecture) -> None:
    await open_file(player, lecture, "Audio")
    await player.attempt(f"{SOUND}.addEventListener('seeked', () => {{ window.landed = {SOUND}.currentTime; }})")
    for second in (2, 1):
        await seek(player, SOUND, second)
        await press(player, "loop")
    await until(player, "document.querySelector('#loop').textContent.includes('0:01–0:02')")
    await seek(player, SOUND, 1.5)
    await player.type(" ")
    await until(player, "window.landed === 1")
    await press(player, "loop")
    await until(player, f"{SOUND}.currentTime > 2.5")


async def test_silence_is_skipped_on_request(player: Tab, lecture: Lecture) -> None:
    await open_file(player, lecture, "Audio")
    await until(
        player,
        "document.querySelector('#waveform .shape').getAttribute('d') && !document.querySelector('#waveform-caption').textContent",
    )
    await press(player, "skip-silence")
    await seek(player, SOUND, SILENT_FROM - 0.5)
    await player.attempt(f"{SOUND}.addEventListener('seeking', () => {{ window.landed = {SOUND}.currentTime; }})")
    await player.type(" ")
    await until(player, f"window.landed > {SILENT_FROM}")
    assert await player.attempt("window.landed") == pytest.approx(SILENT_TO, abs=SOUND_SECONDS / 1000 * 2)


async def test_a_key_shows_the_next_picture_and_the_one_before(player: Tab, lecture: Lecture) -> None:
    """While the video plays, the page learns how long its pictures last: a tenth of a second."""
    await open_file(player, lecture, "Video")
    await player.attempt(WATCH)
    await player.type(" ")
    # A busy machine leaves pictures out.
    await until(player, "window.shown > 0.5 && window.closest < 0.15")
    await player.type(" ")
    await seek(player, VIDEO, 2.02)
    for keys, second in (("...", 2.3), (",,,", 2.0)):
        for key in keys:
            await player.type(key)
            await until(player, f"!{VIDEO}.seeking")
        await until(player, f"window.shown > {second} - 0.01 && window.shown < {second} + 0.09")
    assert await player.attempt(f"{VIDEO}.paused")


async def test_a_page_that_is_closed_while_it_plays_remembers_the_place(player: Tab, lecture: Lecture) -> None:
    await open_file(player, lecture, "Video")
    # The page remembers places from the sixth second on.
    await seek(player, VIDEO, 6)
    await player.type(" ")
    await until(player, f"localStorage.getItem('seekgate.places') !== null && {VIDEO}.currentTime > 6.2")
    # A place is stored every two seconds: the next one would come after the page has been closed.
    await seek(player, VIDEO, 20)
    await visit(player, lecture, f"#/recordings/{lecture.recording_id}")
    await until(player, "document.querySelector('video')?.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA")
    await until(player, f"!{VIDEO}.seeking && {VIDEO}.currentTime >= 20")


async def test_the_files_of_a_recording_are_switched(player: Tab, lecture: Lecture) -> None:
    await open_file(player, lecture, "Video")
    await until(player, f"{VIDEO}.poster !== ''")
    for kind, tag in (("Audio", "AUDIO"), ("Image", "IMG"), ("Video", "VIDEO")):
        await choose(player, kind)
        assert await player.attempt("document.querySelector('#screen').firstChild.tagName") == tag
        assert await player.attempt("document.querySelectorAll('#files [aria-pressed=true]').length") == 1
    await player.type(" ")
    await until(player, f"{VIDEO}.currentTime > 0.2")


async def test_the_keys_are_explained(player: Tab, lecture: Lecture) -> None:
    await open_file(player, lecture, "Video")
    await player.attempt("document.querySelector('#keys summary').focus()")
    await player.type(" ")
    await until(
        player, "document.querySelector('#keys').open && document.querySelector('#keys-table').offsetHeight > 0"
    )
    shown = await player.attempt("[...document.querySelectorAll('#keys-table kbd')].map((key) => key.textContent)")
    assert shown == ["Space", "←", "→", "0", "…", "9", ",", ".", "<", ">"]


async def test_names_and_sentences_have_their_own_direction(player: Tab, lecture: Lecture) -> None:
    await open_file(player, lecture, "Video")
    direction = "[...document.querySelectorAll('%s')].map((each) => getComputedStyle(each).direction)"
    assert await player.attempt(direction % "html, #deck-title, #rows .what") == ["ltr", "rtl", "rtl"]
    assert await player.attempt(direction % "#lines .words") == ["ltr", "rtl"]


async def share(lecture: Lecture) -> dict[str, Any]:
    """A new link."""
    url = f"{lecture.site.base_url}/v1/recordings/{lecture.public_id}/links"
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, json={"expires_in_seconds": 600}, headers={"X-API-Key": lecture.site.key}) as response,
    ):
        made: dict[str, Any] = json.loads(await response.read())
        return made


async def test_captions_are_a_track_of_the_video_with_a_key_and_with_a_link(player: Tab, lecture: Lecture) -> None:
    await open_file(player, lecture, "Video")
    for arrive in (None, (await share(lecture))["url"]):
        if arrive is not None:
            await player.visit(arrive)
        await until(player, "document.querySelector('video > track[src]') !== null")
        await player.attempt("document.querySelector('track').track.mode = 'showing'")
        await until(player, "document.querySelector('track').readyState === HTMLTrackElement.LOADED")
        cues = await player.attempt(
            "[...document.querySelector('track').track.cues].map((cue) => cue.startTime + cue.text)"
        )
        assert cues == [f"{at:g}<v {who}>{text}" for at, who, text in SAID]
    assert await player.attempt(CAPTION_TWICE) == "blob:newer"


def is_read(lecture: Lecture, link: dict[str, Any]) -> bool:
    """Whether the page of the link has read its recording so far."""
    principal = f"link:{decode_id('lnk', link['id'])}"
    lines = map(json.loads, filter(None, lecture.site.process.accesses))
    return any(line["path"].endswith("/recording.json") and line["principal"] == principal for line in lines)


async def embed(tab: Tab, page: str, link: dict[str, Any]) -> None:
    await tab.visit(page)
    await tab.attempt(FRAME % json.dumps(f"{link['url']}/embed"))


async def test_only_the_allowed_origins_embed_a_recording(tab: Tab, other_origin: str, lecture: Lecture) -> None:
    refused, allowed = await share(lecture), await share(lecture)
    async with other_origin_server() as elsewhere:
        await embed(tab, elsewhere, refused)
    await embed(tab, other_origin, allowed)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_read(lecture, allowed):
            await fetch(lecture.site, "/livez")
    # The frame that was refused would have read its recording before.
    assert not is_read(lecture, refused)


async def test_a_video_plays_in_a_picture_above_other_windows(chromium: Browser, lecture: Lecture) -> None:
    async with chromium_context(chromium, viewport=DESK) as context:
        listener = Listener(await context.new_page(), lecture.site)
        await listener.arrive(f"#/recordings/{lecture.recording_id}")
        await listener.sign_in(lecture.site.key)
        await listener.until("media?.readyState >= HTMLMediaElement.HAVE_METADATA")
        button = listener.page.get_by_role("button", name="Picture in picture")
        await button.click()
        await listener.patiently(UNTIL_ABOVE % "true")
        await button.click()
        await listener.patiently(UNTIL_ABOVE % "false")
        await listener.page.get_by_role("button", name="Audio wav").click()
        await expect(button).to_be_hidden()


async def test_nothing_moves_by_itself_for_people_who_asked_for_that(chromium_shell: Browser, lecture: Lecture) -> None:
    moves = """() => [...document.querySelectorAll("*")].map((each) => getComputedStyle(each))
      .filter((style) => style.transitionDuration !== "0s" || style.animationName !== "none" || style.scrollBehavior !== "auto").length"""
    async with chromium_context(chromium_shell, viewport=DESK) as context:
        listener = Listener(await context.new_page(), lecture.site)
        await listener.arrive()
        await listener.sign_in(lecture.site.key)
        await expect(listener.rows.first).to_be_visible()
        await listener.page.get_by_role("button", name="Sign out").hover()
        assert await listener.page.evaluate(moves) > 0
        await listener.page.emulate_media(reduced_motion="reduce")
        assert await listener.page.evaluate(moves) == 0
