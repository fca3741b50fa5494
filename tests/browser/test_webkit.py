"""WebKitGTK plays and seeks exactly, from files and from a bucket, on a page of another origin."""

import random

import pytest

from gateway.demo.recording import DURATION_SECONDS, frequency_at
from tests.browser.sound_gateway import SoundGateway
from tests.browser.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Tones are 20 Hz apart.
SAME_TONE_HZ = 8


async def test_webkit_knows_the_length_and_plays(webkit_reloaded: Tab, files: SoundGateway) -> None:
    loaded = await webkit_reloaded.ask("load", await files.playback_url(files.sound), "audio")
    assert loaded["duration"] == pytest.approx(DURATION_SECONDS, abs=0.2)
    assert await webkit_reloaded.ask("play") >= 0.5


async def test_webkit_seeks_exactly(webkit_reloaded: Tab, gateway: SoundGateway) -> None:
    """Each tone needs a new element: after an element has played, WebKitGTK passes no more samples of it to WebAudio."""
    for second in (92, DURATION_SECONDS - 3, 47):
        await webkit_reloaded.ask("load", await gateway.playback_url(gateway.sound), "audio")
        assert await webkit_reloaded.ask("seek", second - 1) == pytest.approx(second - 1, abs=0.1)
        assert await webkit_reloaded.ask("seek", second) == pytest.approx(second, abs=0.1)
        assert await webkit_reloaded.ask("hear") == pytest.approx(frequency_at(second), abs=SAME_TONE_HZ), second


async def test_webkit_plays_after_forty_seeks_in_four_seconds(webkit_reloaded: Tab, files: SoundGateway) -> None:
    await webkit_reloaded.ask("load", await files.playback_url(files.sound), "audio")
    seconds = random.Random(5).sample(range(DURATION_SECONDS - 2), 40)
    assert await webkit_reloaded.ask("storm", seconds, 100) == pytest.approx(seconds[-1], abs=0.1)
    assert await webkit_reloaded.ask("hear") == pytest.approx(frequency_at(seconds[-1]), abs=SAME_TONE_HZ)
