"""Playing and seeking, by mouse, by keyboard and by transcript."""

import asyncio
import re
from itertools import count
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Route, expect

from gateway.demo.recording import DURATION_SECONDS, frequency_at
from tests.browser.library import SAID, Library
from tests.browser.listener import Listener

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Analyses the element's sound with WebAudio; resolves with the loudest frequency (Hz) once it was the same for a while.
# A busy machine may play the whole step before it was analysed: then it is played again from `start`.
LOUDEST = """([start, end]) => new Promise((resolve) => {
  const media = document.querySelector("audio");
  if (window.analyser === undefined) {
    const context = new AudioContext();
    window.analyser = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0 });
    context.createMediaElementSource(media).connect(analyser).connect(context.destination);
  }
  const audio = analyser.context;
  const levels = new Float32Array(analyser.frequencyBinCount);
  let [bin, since] = [0, 0];
  const listen = () => {
    if (media.currentTime >= end || media.ended) {
      media.currentTime = start;
      media.play();
      bin = 0;
    }
    analyser.getFloatFrequencyData(levels);
    const loudest = levels.indexOf(Math.max(...levels));
    const heard = levels[loudest] > -40 ? loudest : 0;
    if (heard !== bin) [bin, since] = [heard, audio.currentTime];
    if (bin > 0 && audio.currentTime > since + 0.5) resolve(bin * audio.sampleRate / analyser.fftSize);
    else setTimeout(listen, 20);
  };
  listen();
})"""

WAVEFORM = "/recordings/{}/media/{}/waveform"


async def strokes(listener: Listener) -> list[float]:
    """How high each stroke of the waveform is, of 100."""
    path = await listener.page.locator("#waveform .shape").get_attribute("d")
    return [float(height) for height in re.findall(r"v([0-9.]+)", path or "")]


async def test_a_recording_plays_and_knows_its_length(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.play()
    await listener.until("media.currentTime > 1")
    assert await listener.media("media.duration") == pytest.approx(DURATION_SECONDS, abs=0.2)
    assert await listener.media("media.error") is None


async def test_the_tone_heard_after_a_seek_is_the_one_of_that_second(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.play()
    for second in (0, 92, 357):
        await listener.media(f"media.currentTime = {second}")
        await listener.until("!media.seeking")
        step = [second, (second // 5 + 1) * 5]
        assert await listener.patiently(LOUDEST, step) == pytest.approx(frequency_at(second), abs=4), second


# Key, where it is pressed, and the second to which it seeks.
KEYS = (
    ("ArrowRight", 60, 65),
    ("ArrowLeft", 60, 55),
    ("ArrowLeft", 2, 0),
    ("0", 60, 0),
    ("5", 60, 180),
    ("9", 60, 324),
    (".", 60, 60.1),
    (",", 60, 59.9),
)


async def test_a_key_seeks(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    for key, start, end in KEYS:
        await listener.media(f"media.currentTime = {start}")
        await listener.page.keyboard.press(key)
        await listener.until("!media.seeking")
        assert await listener.media("media.currentTime") == pytest.approx(end, abs=0.05), (key, start)


@pytest.mark.parametrize(("key", "rate"), [(">", 1.25), ("<", 0.75)])
async def test_a_key_changes_the_speed_and_the_next_file_keeps_it(
    listener: Listener, library: Library, key: str, rate: float
) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.page.keyboard.press(key)
    await expect(listener.page.get_by_label(f"{rate}×")).to_be_checked()
    await listener.open_sound(library.picture.recording_id)
    assert await listener.media("media.playbackRate") == rate


async def test_space_plays_and_pauses_once_also_on_the_native_controls(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.page.locator("audio").focus()
    await listener.play()
    await listener.page.keyboard.press("Space")
    await listener.until("media.paused")


async def test_keys_typed_into_a_field_stay_there(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.page.get_by_label("Search").press_sequentially("5 .")
    await expect(listener.page.get_by_label("Search")).to_have_value("5 .")
    assert await listener.media("[media.paused, media.currentTime]") == [True, 0]


async def test_the_keys_can_be_switched_off(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.page.get_by_text("Keyboard", exact=True).click()
    await listener.page.get_by_label("Listen to these keys").uncheck()
    await listener.page.get_by_role("heading", level=2).last.focus()
    await listener.page.keyboard.press("5")
    assert await listener.media("media.currentTime") == 0


async def test_the_byte_map_shows_what_the_browser_holds_and_seeks_at_a_click(
    listener: Listener, library: Library
) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.play()
    figure = listener.page.get_by_role("figure", name="Byte map")
    await expect(figure).to_contain_text("of 7.2\u00a0MB in the browser")
    await listener.page.keyboard.press("Space")
    await listener.until("media.paused")
    box = await figure.locator("svg").bounding_box()
    assert box is not None
    await listener.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 5)
    await listener.until("media.currentTime > 268 && media.currentTime < 272 && !media.seeking")


async def test_the_waveform_is_as_loud_as_the_recording(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.until_drawn()
    response = await listener.page.request.get(
        listener.site.base_url + WAVEFORM.format(library.sound.recording_id, library.sound.id),
        headers={"X-API-Key": listener.site.key},
    )
    waveform = await response.json()
    assert waveform["seconds_covered"] == pytest.approx(DURATION_SECONDS, abs=0.2)
    loudest = [max(waveform["bins"][n * 4 : n * 4 + 4]) / max(waveform["bins"]) for n in range(250)]
    assert [height / 100 for height in await strokes(listener)] == pytest.approx(loudest, abs=0.01)


async def test_a_waveform_grows_until_it_is_whole(listener: Listener, library: Library) -> None:
    halves, seen = count(), asyncio.Event()

    async def halve_the_first(route: Route) -> None:
        response = await route.fetch()
        while not (waveform := await response.json())["complete"]:
            response = await route.fetch()
        if next(halves) == 0:
            bins = [level for level in waveform["bins"][:500] for _ in range(2)]
            waveform = {"bins": bins, "seconds_covered": waveform["seconds_covered"] / 2, "complete": False}
        else:
            await seen.wait()
        await route.fulfill(response=response, json=waveform)

    await listener.page.route("**/waveform", halve_the_first)
    await listener.open_sound(library.sound.recording_id)
    figure = listener.page.get_by_role("figure", name="Waveform")
    await expect(figure).to_contain_text("Drawing the waveform: 3:00 of 6:00")
    assert len(await strokes(listener)) == 125
    seen.set()
    await listener.until_drawn()
    assert len(await strokes(listener)) == 250


async def test_a_waveform_goes_on_growing_after_the_network_was_lost(listener: Listener, library: Library) -> None:
    asked = count()

    async def lose_two(route: Route) -> None:
        match next(asked):
            case 0:
                await route.abort("internetdisconnected")
            case 1:  # in the midst of the body
                await route.fulfill(body='{"bins": [')
            case _:
                await route.continue_()

    await listener.page.route("**/waveform", lose_two)
    await listener.open_sound(library.sound.recording_id)
    await listener.until_drawn()
    assert next(asked) >= 3


async def test_a_click_on_the_waveform_seeks_and_a_drag_follows(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    box = await listener.page.locator("#waveform").bounding_box()
    assert box is not None
    mouse, middle = listener.page.mouse, box["y"] + box["height"] / 2
    await mouse.click(box["x"] + box["width"] * 0.75, middle)
    await listener.until("media.currentTime > 268 && media.currentTime < 272 && !media.seeking")
    await mouse.move(box["x"] + box["width"] * 0.25, middle)
    await mouse.down()
    await listener.until("media.currentTime > 88 && media.currentTime < 92 && !media.seeking")
    await mouse.move(box["x"] + box["width"] * 0.5, middle)
    await listener.until("media.currentTime > 178 && media.currentTime < 182 && !media.seeking")
    await mouse.up()
    await mouse.move(box["x"], middle)
    assert await listener.media("media.currentTime") == pytest.approx(180, abs=2)


async def test_the_pointer_on_the_waveform_shows_the_words_spoken_there(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    start, speaker, text = SAID[2]
    box = await listener.page.locator("#waveform").bounding_box()
    assert box is not None
    share = (start + 10) / DURATION_SECONDS
    await listener.page.mouse.move(box["x"] + box["width"] * share, box["y"] + 5)
    await expect(listener.page.locator("#pointed")).to_contain_text(f"· {speaker} · {text}")


async def test_a_picture_without_sound_has_no_waveform(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.picture.recording_id)
    await expect(listener.page.get_by_role("figure", name="Waveform")).to_be_hidden()


async def test_a_line_of_the_transcript_seeks_and_the_spoken_one_is_marked(
    listener: Listener, library: Library
) -> None:
    await listener.open_sound(library.sound.recording_id)
    start, _, text = SAID[2]
    await listener.page.get_by_role("button", name=text).click()
    await listener.until(f"media.currentTime === {start}")
    await expect(listener.page.locator("#lines [aria-current]")).to_contain_text(text)
    await expect(listener.page.locator("#chapters .spoken")).to_have_count(1)


async def test_a_key_without_the_scope_for_transcripts_still_plays(somebody: Listener, library: Library) -> None:
    await somebody.begin(somebody.site.read_only_key)
    await somebody.open_sound(library.sound.recording_id)
    await expect(somebody.page.get_by_role("heading", name="Transcript")).to_be_hidden()


async def test_a_picture_moves(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.picture.recording_id)
    await listener.play()
    assert await listener.media("media.videoWidth") == 64


async def test_a_still_is_shown_and_named(listener: Listener, library: Library) -> None:
    await listener.open(library.still.recording_id)
    image = listener.page.get_by_role("img", name="Image of the recording of")
    await expect(image).to_have_js_property("naturalWidth", 64)


async def test_a_download_is_the_file(listener: Listener, library: Library, tmp_path: Path) -> None:
    await listener.open(library.sound.recording_id)
    async with listener.page.expect_download() as started:
        await listener.page.get_by_role("button", name="Download").click()
    download = await started.value
    await download.save_as(tmp_path / "saved")
    assert download.suggested_filename == f"{library.sound.recording_id}_audio.mp3"
    assert (tmp_path / "saved").read_bytes() == library.sound_path.read_bytes()


async def test_a_copied_link_plays_without_a_key(
    listener: Listener, library: Library, shared_browser: BrowserContext
) -> None:
    await shared_browser.grant_permissions(["clipboard-read", "clipboard-write"])
    await listener.open(library.sound.recording_id)
    await listener.page.get_by_role("button", name="Copy playback link").click()
    await expect(listener.page.get_by_role("status").filter(has_text="Playback link copied.")).to_be_visible()
    link = await listener.page.evaluate("() => navigator.clipboard.readText()")
    response = await listener.page.request.get(link, headers={"Range": "bytes=0-9"})
    assert (response.status, await response.body()) == (206, library.sound_path.read_bytes()[:10])


async def test_a_link_that_may_not_be_copied_is_shown(
    listener: Listener, library: Library, shared_browser: BrowserContext
) -> None:
    await shared_browser.grant_permissions(["notifications"])  # and with that, nothing else
    await listener.open(library.sound.recording_id)
    await listener.page.get_by_role("button", name="Copy playback link").click()
    field = listener.page.get_by_role("dialog").get_by_role("textbox")
    assert f"/recordings/{library.sound.recording_id}/media/" in await field.input_value()
