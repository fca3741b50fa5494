"""The list of the player page: its rows, search, paging, and addresses that lead into it."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from gateway.catalog import NewMedia, Owner
from tests.browser.library import MEETING, Library
from tests.browser.listener import Listener
from tests.gateway_process import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 130


@pytest.fixture(scope="session")
def many(site: Gateway) -> str:
    """The key of a user with many recordings; only their rows exist, without objects."""
    now = datetime.now(UTC)
    for number in range(MANY):
        media = NewMedia("audio", "mp3", "audio/mpeg", "local", f"many/{number}", 1000 + number, str(number), now)
        site._loop.run(site.backends.catalog.register(Owner(site.other_user_id), media))
    return site.other_key


async def test_a_row_shows_type_duration_and_size(listener: Listener, library: Library) -> None:
    row = listener.row(library.sound.recording_id)
    await expect(row).to_contain_text("Audio mp3")
    await expect(row).to_contain_text("6:00")
    await expect(row).to_contain_text("7.2\u00a0MB")


@pytest.mark.parametrize(
    ("words", "kind"), [("video", "Video webm"), ("IMAGE png", "Image png"), ("mp3 uploaded", "Audio mp3")]
)
async def test_a_search_shows_only_recordings_with_every_word(
    listener: Listener, library: Library, words: str, kind: str
) -> None:
    await listener.page.get_by_label("Search").fill(words)
    await expect(listener.rows.filter(has_not_text=kind)).to_have_count(0)
    await expect(listener.rows.filter(has_text=kind).first).to_be_visible()


async def test_a_search_without_a_match_says_so(listener: Listener) -> None:
    await listener.page.get_by_label("Search").fill("no such thing")
    await expect(listener.page.get_by_text("Nothing matches “no such thing”.")).to_be_visible()


async def test_an_empty_catalogue_says_how_to_fill_it(visitor: Listener) -> None:
    await visitor.sign_in(visitor.site.test_key)
    await expect(visitor.page.get_by_text("Nothing recorded yet")).to_be_visible()
    await expect(visitor.page.get_by_text("seekgate import FILE --user EMAIL")).to_be_visible()


async def test_show_more_shows_the_next_page_until_the_end(visitor: Listener, many: str) -> None:
    await visitor.sign_in(many)
    more = visitor.page.get_by_role("button", name="Show more")
    await expect(visitor.rows).to_have_count(50)
    await more.click()
    await expect(visitor.rows).to_have_count(100)
    await expect(visitor.rows.nth(50)).to_be_focused()
    await more.click()
    await expect(visitor.rows).to_have_count(MANY)
    await expect(more).to_be_hidden()
    assert len(set(await visitor.rows.evaluate_all("rows => rows.map(row => row.href)"))) == MANY


async def test_a_search_finds_recordings_on_later_pages(visitor: Listener, many: str) -> None:
    await visitor.sign_in(many)
    await expect(visitor.rows).to_have_count(50)
    oldest = visitor.site._loop.run(
        visitor.site.backends.catalog.list_recordings(Owner(visitor.site.other_user_id), limit=1, offset=MANY - 1)
    )[0]
    await visitor.page.get_by_label("Search").fill(str(oldest.id))
    await expect(visitor.rows).to_have_count(1)


async def test_an_address_opens_its_recording(listener: Listener, library: Library) -> None:
    await listener.page.goto("about:blank")
    await listener.arrive(f"#/recordings/{library.picture.recording_id}")
    await listener.until("media.tagName === 'VIDEO' && media.readyState >= HTMLMediaElement.HAVE_METADATA")


async def test_a_deleted_recording_is_reported(listener: Listener) -> None:
    await listener.arrive("#/recordings/1")
    await expect(
        listener.page.get_by_role("status").filter(has_text="This recording no longer exists.")
    ).to_be_visible()


async def test_a_meeting_is_opened_by_its_id(listener: Listener, library: Library) -> None:
    await listener.page.get_by_text("Open a meeting").click()
    await listener.page.get_by_label("Meeting ID").fill(MEETING)
    await listener.page.get_by_role("button", name="Open", exact=True).click()
    await expect(listener.page.get_by_role("heading", name=f"Meeting {MEETING}")).to_be_visible()
    await expect(listener.rows).to_have_count(1)
    await listener.page.get_by_role("link", name="All recordings").filter(visible=True).click()
    await expect(listener.page.get_by_role("heading", name="Recordings")).to_be_visible()


async def test_an_unknown_meeting_is_reported(listener: Listener) -> None:
    await listener.arrive("#/meetings/zoom/no-such-meeting")
    await expect(listener.page.get_by_role("status").filter(has_text="There is no such meeting")).to_be_visible()
