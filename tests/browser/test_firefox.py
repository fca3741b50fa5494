"""A person's stories in Firefox: find what was said, put files in, record, and share a moment. Chromium has them in detail."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.browser.bidi import Bidi
from tests.browser.lecture import NAME, SAID, Lecture
from tests.browser.listener import BLANK
from tests.browser.tabs import Tab, firefox_context, firefox_tab, firefox_tab_of
from tests.browser.test_page import ENTER, until
from tests.browser.test_putting_in import PIECE, UNTIL_STORED
from tests.conformance.calling import fetch
from tests.media_files import make_sound

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOUND_SECONDS: Final = 90
VIDEO: Final = "document.querySelector('video')"
UPLOADED: Final = "document.querySelector('#uploads li a')"
# The buttons that end a link, the newest link first.
LINKS: Final = "document.querySelectorAll('#share-links button')"
# Keeps where each piece of an upload begins in `offsets`. Only this many pieces leave the page.
WATCH_PIECES: Final = """(() => {
  const { setRequestHeader, send } = XMLHttpRequest.prototype;
  window.offsets = [];
  XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
    if (name === "Upload-Offset") offsets.push(Number(value));
    return setRequestHeader.call(this, name, value);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (offsets.length <= %d) send.call(this, body);
  };
})()"""


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, in a tab of Firefox."""

    tab: Tab
    bidi: Bidi
    context: str
    page: str

    async def arrive(self) -> None:
        """Load the page anew; with another fragment it would be the same page."""
        await self.tab.visit(f"{self.page}/{BLANK}")
        await self.tab.visit(self.page)
        await self.until_listed()

    async def until_listed(self) -> None:
        await until(self.tab, "document.querySelector('#rows a') !== null")

    async def click(self, element: str) -> None:
        """Click on the element that this expression finds, once there is one."""
        await until(self.tab, f"{element} !== null")
        await self.tab.attempt(f"{element}.click()")

    async def choose(self, path: Path) -> None:
        await self.bidi.choose_file(self.context, "#upload-files", path)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def signed_in(firefox: Bidi, lecture: Lecture) -> AsyncGenerator[Person]:
    async with firefox_context(firefox) as context:
        person = Person(firefox_tab_of(firefox, context), firefox, context, lecture.site.base_url)
        await person.tab.visit(person.page)
        await until(person.tab, "document.activeElement.id === 'key'")
        await person.tab.type(lecture.site.key + ENTER["firefox"])
        await person.until_listed()
        yield person


@pytest_asyncio.fixture(loop_scope="session")
async def person(signed_in: Person) -> Person:
    """The page, loaded anew in the tab that the stories of this module share."""
    await signed_in.arrive()
    return signed_in


async def test_a_sentence_is_found_and_plays_from_there(person: Person) -> None:
    second, _, words = SAID[0]
    await person.tab.attempt("document.querySelector('#search').focus()")
    await person.tab.type(words[:12])
    await person.click("(document.querySelector('#rows mark')?.closest('a') ?? null)")
    await until(person.tab, f"{VIDEO}?.paused === false && {VIDEO}.currentTime > {second} + 0.2")
    assert await person.tab.attempt(f"{VIDEO}.played.start(0)") == pytest.approx(second, abs=0.1)
    assert await person.tab.attempt("document.querySelector('#deck-title').textContent") == NAME


async def test_an_upload_that_was_cut_off_goes_on_when_the_file_is_chosen_again(person: Person, tmp_path: Path) -> None:
    sound = make_sound(tmp_path / "sound.wav", SOUND_SECONDS)
    await person.tab.attempt(WATCH_PIECES % 1)
    await person.choose(sound)
    await until(person.tab, "offsets.length === 2")
    await person.arrive()
    await person.tab.attempt(WATCH_PIECES % 9)
    await person.choose(sound)
    await person.click(UPLOADED)
    await until(person.tab, f"Math.round(media?.duration) === {SOUND_SECONDS}")
    assert await person.tab.attempt("offsets") == [PIECE]


async def test_what_the_microphone_hears_becomes_a_recording(person: Person) -> None:
    await person.click("document.querySelector('#record')")
    await person.tab.attempt(f"({UNTIL_STORED})(2)")
    await person.click("document.querySelector('#record')")
    await person.click(UPLOADED)
    await until(person.tab, "media?.readyState >= HTMLMediaElement.HAVE_METADATA")
    await until(person.tab, "document.querySelector('#waveform .shape').getAttribute('d') !== ''")


async def test_a_moment_is_shared_until_the_link_is_ended(person: Person, firefox: Bidi, lecture: Lecture) -> None:
    await person.click(f"document.querySelector('a[data-id=\"{lecture.recording_id}\"]')")
    await until(person.tab, f"{VIDEO}?.readyState >= HTMLMediaElement.HAVE_METADATA")
    await person.tab.attempt(f"void ({VIDEO}.currentTime = 5)")
    await person.click("document.querySelector('#share')")
    await person.click("document.querySelector('#share-form .strong')")
    await until(person.tab, "document.querySelector('#share-url').value !== ''")
    url = await person.tab.attempt("document.querySelector('#share-url').value")
    count = len((await fetch(lecture.site, f"/v1/recordings/{lecture.public_id}/links"))["data"])
    await until(person.tab, f"{LINKS}.length === {count}")
    async with firefox_tab(firefox, url) as guest:
        await until(guest, f"{VIDEO}?.readyState >= HTMLMediaElement.HAVE_METADATA && {VIDEO}.currentTime === 5")
        await guest.attempt(f"{VIDEO}.play()")
        await until(guest, f"{VIDEO}.currentTime > 5.2")
        await person.click(f"{LINKS}[0]")
        await until(person.tab, f"{LINKS}.length === {count - 1}")
        await guest.visit(url)
        await until(guest, "document.body.innerText.includes('This link does not work')")
