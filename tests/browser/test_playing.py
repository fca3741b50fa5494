"""Chromium and Firefox play and seek exactly, from files and from a bucket, on a page of another origin."""

import random
from collections.abc import Sequence

import pytest

from gateway.demo.recording import DURATION_SECONDS, frequency_at
from tests.browser.sound_gateway import SoundGateway
from tests.browser.tabs import Tab, together

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Tones are 20 Hz apart.
SAME_TONE_HZ = 8


async def test_a_browser_knows_the_duration_and_plays(tab: Tab, gateway: SoundGateway) -> None:
    loaded = await tab.ask("load", await gateway.playback_url(gateway.sound), "audio")
    assert loaded["duration"] == pytest.approx(DURATION_SECONDS, abs=0.2)
    assert await tab.ask("play") >= 0.5


async def test_the_tone_after_a_seek_is_the_one_of_that_second(tab: Tab, gateway: SoundGateway) -> None:
    await tab.ask("load", await gateway.playback_url(gateway.sound), "audio")
    for second in (92, 0, DURATION_SECONDS - 1, 47):
        assert await tab.ask("seek", second) == pytest.approx(second, abs=0.1)
        assert await tab.ask("hear") == pytest.approx(frequency_at(second), abs=SAME_TONE_HZ), second


async def test_a_page_of_another_site_plays_without_cors(tab: Tab, files: SoundGateway) -> None:
    """Opaque Response Blocking allows media that has its true type, also in ranges."""
    url = (await files.playback_url(files.sound)).replace("127.0.0.1", "localhost")
    await tab.ask("load", url, "audio", None)
    assert await tab.ask("seek", 150) == pytest.approx(150, abs=0.1)
    assert await tab.ask("play") >= 0.5


async def test_browsers_play_after_forty_seeks_in_four_seconds(tabs: Sequence[Tab], gateway: SoundGateway) -> None:
    url = await gateway.playback_url(gateway.sound)
    seconds = random.Random(5).sample(range(DURATION_SECONDS - 2), 40)

    async def seek_and_hear(tab: Tab) -> None:
        await tab.ask("load", url, "audio")
        assert await tab.ask("storm", seconds, 100) == pytest.approx(seconds[-1], abs=0.1), tab.browser
        assert await tab.ask("hear") == pytest.approx(frequency_at(seconds[-1]), abs=SAME_TONE_HZ), tab.browser

    await together(tabs, seek_and_hear)
