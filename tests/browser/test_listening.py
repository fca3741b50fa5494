"""Playing and seeking, by mouse, by keyboard and by transcript."""

from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from gateway.demo import DURATION_SECONDS, frequency_at
from tests.browser.library import MEETING, PLATFORM, SAID, Library
from tests.browser.listener import Listener

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Hears the element through WebAudio and tells the loudest frequency, in Hz, once there is one.
LOUDEST = """() => new Promise((resolve) => {
  const media = document.querySelector("audio");
  const audio = new AudioContext();
  const analyser = new AnalyserNode(audio, { fftSize: 16384, smoothingTimeConstant: 0 });
  audio.createMediaElementSource(media).connect(analyser).connect(audio.destination);
  const levels = new Float32Array(analyser.frequencyBinCount);
  let heard = 0;
  const listen = () => {
    analyser.getFloatFrequencyData(levels);
    const loudest = levels.indexOf(Math.max(...levels));
    heard = levels[loudest] > -40 ? heard + 1 : 0;
    if (heard > 30) resolve(loudest * audio.sampleRate / analyser.fftSize);
    else requestAnimationFrame(listen);
  };
  listen();
})"""


async def test_a_recording_plays_and_knows_its_length(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.play()
    await listener.until("media.currentTime > 1")
    assert await listener.media("media.duration") == pytest.approx(DURATION_SECONDS, abs=0.2)
    assert await listener.media("media.error") is None


@pytest.mark.parametrize("second", [0, 92, 357])
async def test_the_tone_heard_after_a_seek_is_the_one_of_that_second(
    listener: Listener, library: Library, second: int
) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.media(f"media.currentTime = {second}")
    await listener.play()
    assert await listener.page.evaluate(LOUDEST) == pytest.approx(frequency_at(second), abs=4)


@pytest.mark.parametrize(
    ("key", "start", "end"),
    [
        pytest.param("ArrowRight", 60, 65, id="right"),
        pytest.param("ArrowLeft", 60, 55, id="left"),
        pytest.param("ArrowLeft", 2, 0, id="left-at-the-start"),
        pytest.param("0", 60, 0, id="digit-0"),
        pytest.param("5", 60, 180, id="digit-5"),
        pytest.param("9", 60, 324, id="digit-9"),
        pytest.param(".", 60, 60.1, id="step-on"),
        pytest.param(",", 60, 59.9, id="step-back"),
    ],
)
async def test_a_key_seeks(listener: Listener, library: Library, key: str, start: float, end: float) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.media(f"media.currentTime = {start}")
    await listener.page.keyboard.press(key)
    await listener.until("!media.seeking")
    assert await listener.media("media.currentTime") == pytest.approx(end, abs=0.05)


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
    await expect(figure).to_contain_text("of 3.6\u00a0MB in the browser")
    box = await figure.locator("svg").bounding_box()
    assert box is not None
    await listener.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 5)
    await listener.until("media.currentTime > 268 && media.currentTime < 272 && !media.seeking")


async def test_a_line_of_the_transcript_seeks_and_the_spoken_one_is_marked(
    listener: Listener, library: Library
) -> None:
    await listener.arrive(f"#/meetings/{PLATFORM}/{MEETING}")
    await listener.open_sound(library.sound.recording_id)
    start, _, text = SAID[2]
    await listener.page.get_by_role("button", name=text).click()
    await listener.until(f"media.currentTime === {start}")
    await expect(listener.page.locator("#lines [aria-current]")).to_contain_text(text)


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


async def test_a_copied_link_plays_without_a_key(listener: Listener, library: Library, context: BrowserContext) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    await listener.open(library.sound.recording_id)
    await listener.page.get_by_role("button", name="Copy playback link").click()
    await expect(listener.page.get_by_role("status").filter(has_text="Playback link copied.")).to_be_visible()
    link = await listener.page.evaluate("() => navigator.clipboard.readText()")
    answer = await listener.page.request.get(link, headers={"Range": "bytes=0-9"})
    assert (answer.status, await answer.body()) == (206, library.sound_path.read_bytes()[:10])


async def test_a_link_that_may_not_be_copied_is_shown(
    listener: Listener, library: Library, context: BrowserContext
) -> None:
    await context.grant_permissions(["notifications"])  # and with that, nothing else
    await listener.open(library.sound.recording_id)
    await listener.page.get_by_role("button", name="Copy playback link").click()
    field = listener.page.get_by_role("dialog").get_by_role("textbox")
    assert f"/recordings/{library.sound.recording_id}/media/" in await field.input_value()
