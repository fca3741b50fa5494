"""A short corpus in Chromium and Firefox: they play as long as the catalogue says. `python -m tests.corpus` plays all of it."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import pytest

from tests.browser.tabs import Tab, together
from tests.corpus.browsers import play_in, served
from tests.corpus.edits import FFmpeg, Sample
from tests.corpus.iso_files import fragmented
from tests.corpus.sound_files import mp3s
from tests.made_once import shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE: Final = 3


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Sample]:
    """Fragmented MP4, and MP3 between tags and among garbage: what browsers and demuxers misjudge most."""
    ffmpeg = FFmpeg(shared_folder(tmp_path_factory, "corpus"))
    return [*fragmented(ffmpeg), *mp3s(ffmpeg)][::3]


async def test_browsers_play_as_long_as_the_catalogue_says(tabs: Sequence[Tab], samples: Sequence[Sample]) -> None:
    await together(tabs, partial(play_and_compare, samples))


async def play_and_compare(samples: Sequence[Sample], tab: Tab) -> None:
    alike = [sample for sample in samples if not sample.differs(tab.browser)]
    async with served(alike) as url:
        await tab.visit(url)
        found = await play_in([tab] * AT_ONCE, url, alike)
    ended = [
        (each.seconds, sample) for each, sample in zip(found, alike, strict=True) if each and each.outcome == "ended"
    ]
    assert len(ended) > 10
    others = {sample.name: seconds for seconds, sample in ended if seconds != pytest.approx(sample.seconds, abs=0.3)}
    assert others == {}, tab.browser
