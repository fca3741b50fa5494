"""Every format in Chromium and Firefox: the duration is known, seeks are exact, and the right tone is heard."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from gateway.catalog import MediaFile
from gateway.demo.recording import frequency_at
from tests.browser.library import import_file
from tests.browser.sound_gateway import SoundGateway
from tests.browser.tabs import Tab
from tests.made_once import made_once
from tests.media_files import make_still
from tests.toned_files import KINDS, SECONDS, make_toned

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAME_TONE_HZ: Final = 8
# As a browser's MediaRecorder writes it: no index, and no duration in the header. Chromium reports Infinity, Firefox
# what it has loaded so far.
WITHOUT_LENGTH: Final = "webm-opus-no-cues"

Bring = Callable[[str], MediaFile]


@pytest.fixture(scope="session")
def bring(files: SoundGateway, tmp_path_factory: pytest.TempPathFactory) -> Bring:
    """A function that imports a file of a kind, once for both browsers."""

    @cache
    def bring_kind(kind: str) -> MediaFile:
        return import_file(files.site, made_once(tmp_path_factory, kind, lambda folder: make_toned(folder, kind)))

    return bring_kind


@pytest.mark.parametrize("kind", KINDS)
async def test_a_format_plays_and_seeks(tab: Tab, files: SoundGateway, bring: Bring, kind: str) -> None:
    moving = KINDS[kind].picture is not None
    loaded = await tab.ask("load", await files.playback_url(bring(kind)), "video" if moving else "audio")
    if kind != WITHOUT_LENGTH:
        assert loaded["duration"] == pytest.approx(SECONDS, abs=0.1)
    elif tab.browser == "firefox":
        await tab.ask("buffer", 47)
    assert (loaded["width"] > 0) == moving
    assert await tab.ask("seek", 47) == pytest.approx(47, abs=0.1)
    assert await tab.ask("seek", 32) == pytest.approx(32, abs=0.1)
    assert await tab.ask("hear") == pytest.approx(frequency_at(32), abs=SAME_TONE_HZ)


@pytest.mark.parametrize("name", ["still.jpg", "still.png"])
async def test_a_picture_is_shown(tab: Tab, files: SoundGateway, tmp_path: Path, name: str) -> None:
    media = import_file(files.site, make_still(tmp_path / name))
    assert await tab.ask("show", await files.playback_url(media)) == [64, 48]
