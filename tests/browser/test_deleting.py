"""Deleting on the player page: it asks first, can be undone for a while, and is final afterwards."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.library import Library, import_file
from tests.browser.listener import Listener
from tests.conformance.calling import fetch
from tests.media_files import make_sound

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNDO_WINDOW_MS = 6_000


@pytest.fixture
def doomed(visitor: Listener, library: Library, tmp_path: Path) -> int:
    """A recording to delete: a short sound with different bytes at its end, so that each test has an object of its own."""
    path = make_sound(tmp_path / "sound.mp3")
    path.write_bytes(path.read_bytes() + str(tmp_path).encode())
    return import_file(visitor.site, path).recording_id


async def delete(listener: Listener, recording_id: int, key: str) -> None:
    """Delete it on the page. The time to undo has begun; the test controls the page's clock."""
    await listener.page.clock.install()
    await listener.sign_in(key)
    await listener.open(recording_id)
    await listener.page.get_by_role("button", name="Delete").click()
    await listener.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(listener.row(recording_id)).to_have_count(0)


async def until_gone(listener: Listener, recording_id: int) -> None:
    await listener.until_refused(404, f"/recordings/{recording_id}", listener.site.key)


async def is_there(listener: Listener, recording_id: int) -> bool:
    return await listener.status_of(f"/recordings/{recording_id}", listener.site.key) == 200


async def test_a_recording_that_is_kept_is_not_deleted(visitor: Listener, doomed: int) -> None:
    await visitor.sign_in(visitor.site.key)
    await visitor.open(doomed)
    await visitor.page.get_by_role("button", name="Delete").click()
    await visitor.page.get_by_role("button", name="Keep it").click()
    await expect(visitor.page.get_by_role("button", name="Delete")).to_be_focused()
    assert await is_there(visitor, doomed)


async def test_undo_restores_the_recording_without_a_request(visitor: Listener, doomed: int) -> None:
    await delete(visitor, doomed, visitor.site.key)
    undo = visitor.page.get_by_role("button", name="Undo")
    await expect(undo).to_be_focused()
    await undo.press("Enter")
    await expect(visitor.row(doomed)).to_have_attribute("aria-current", "true")
    await visitor.page.clock.fast_forward(2 * UNDO_WINDOW_MS)
    assert await is_there(visitor, doomed)


async def test_the_recording_is_deleted_after_the_time_to_undo(visitor: Listener, doomed: int) -> None:
    await delete(visitor, doomed, visitor.site.key)
    assert await is_there(visitor, doomed)
    await visitor.page.clock.fast_forward(UNDO_WINDOW_MS)
    await until_gone(visitor, doomed)
    await expect(visitor.page.get_by_role("button", name="Undo")).to_have_count(0)


async def test_leaving_the_page_deletes_the_recording(visitor: Listener, doomed: int) -> None:
    await delete(visitor, doomed, visitor.site.key)
    await visitor.page.goto("about:blank")
    await until_gone(visitor, doomed)


async def test_a_recording_that_cannot_be_deleted_is_shown_again_with_the_reason(
    visitor: Listener, doomed: int
) -> None:
    await delete(visitor, doomed, visitor.site.read_only_key)
    await visitor.page.clock.fast_forward(UNDO_WINDOW_MS)
    notice = visitor.page.get_by_role("status").filter(has_text="The recording could not be deleted.")
    await expect(notice).to_contain_text("This key may not do that.")
    await expect(visitor.row(doomed)).to_be_visible()


async def test_the_list_counts_the_rows_that_it_shows_after_a_deletion(visitor: Listener, doomed: int) -> None:
    await delete(visitor, doomed, visitor.site.key)
    await visitor.page.clock.fast_forward(UNDO_WINDOW_MS)
    await until_gone(visitor, doomed)
    await visitor.page.get_by_role("button", name="Refresh").click()
    await expect(visitor.rows.first).to_be_visible()
    first_page = (await fetch(visitor.site, "/v1/recordings?limit=100"))["data"]
    await expect(visitor.page.locator("#list-count")).to_have_text(
        re.compile(rf"^{len(first_page)} recordings( and more)?$")
    )
