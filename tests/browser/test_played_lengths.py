"""A short corpus in Chromium and Firefox: they play as long as the catalogue says. `python -m tests.corpus` plays all of it."""

from collections.abc import Sequence

import pytest

from tests.browser.tabs import Tab
from tests.corpus.browsers import played, served
from tests.corpus.iso_files import fragmented
from tests.corpus.kit import Kit, Sample
from tests.corpus.sound_files import mp3s

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Sample]:
    """Fragmented MP4, and MP3 between tags and among garbage: what browsers and demuxers misjudge most."""
    kit = Kit(tmp_path_factory.mktemp("corpus"))
    return [*fragmented(kit), *mp3s(kit)][::3]


async def test_a_browser_plays_as_long_as_the_catalogue_says(tab: Tab, samples: Sequence[Sample]) -> None:
    async with served(samples) as url:
        await tab.visit(url)
        alike = [(number, sample) for number, sample in enumerate(samples) if not sample.differs(tab.browser)]
        found = {sample.name: (await played(tab, url, number, sample), sample) for number, sample in alike}
    ended = {name: (each.seconds, sample) for name, (each, sample) in found.items() if each and each.outcome == "ended"}
    assert len(ended) > 10
    others = {
        name: seconds for name, (seconds, each) in ended.items() if seconds != pytest.approx(each.seconds, abs=0.3)
    }
    assert others == {}
