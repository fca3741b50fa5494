"""The player page in both browsers, by keyboard alone: sign in, open a recording, seek, play. It is of the media's origin."""

import pytest

from gateway.demo import DURATION_SECONDS
from tests.browser.places import Place
from tests.browser.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNTIL = """new Promise((resolve) => {
  const look = () => {
    const media = document.querySelector("audio");
    if (%s) resolve(true);
    else setTimeout(look, 20);
  };
  look();
})"""
ENTER = {"chromium": "\n", "firefox": "\ue007"}


async def until(tab: Tab, condition: str) -> None:
    """Wait for a condition, in JavaScript, on the element `media`."""
    try:
        await tab.attempt(UNTIL % condition)
    except TimeoutError:
        pytest.fail(f"{tab.browser}: never {condition}")


async def test_the_page_plays_by_keyboard(tab: Tab, files: Place) -> None:
    await tab.visit(f"{files.site.base_url}/#/recordings/{files.sound.recording_id}")
    await until(tab, "document.activeElement.id === 'key'")
    await tab.type(files.site.key + ENTER[tab.browser])
    await until(tab, "media?.duration > 1")
    assert await tab.attempt("document.querySelector('audio').duration") == pytest.approx(DURATION_SECONDS, abs=0.2)
    await tab.type("5")
    await until(tab, f"!media.seeking && Math.abs(media.currentTime - {DURATION_SECONDS / 2}) < 0.1")
    await tab.type(" ")
    await until(tab, f"media.currentTime > {DURATION_SECONDS / 2 + 0.5}")
    assert await tab.attempt("document.querySelector('audio').error") is None
