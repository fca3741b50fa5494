"""Deleting on the player page: it asks first, can be undone for a while, and is final afterwards."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.library import Library, import_file
from tests.browser.listener import Listener
from tests.conformance.calling import fetch
from tests.gateway_process import Gateway
from tests.media_files import make_sound

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNDO_WINDOW_MS = 6_000


@pytest.fixture
def doomed(site: Gateway, library: Library, tmp_path: Path) -> int:
    """A recording to delete: a short sound with different bytes at its end, so that each test has an object of its own."""
    path = make_sound(tmp_path / "sound.mp3")
    path.write_bytes(path.read_bytes() + str(tmp_path).encode())
    return import_file(site, path).recording_id


async def delete(listener: Listener, recording_id: int, key: str) -> None:
    """Delete it on the page. The time to undo has begun."""
    await listener.begin(key)
    await listener.open(recording_id)
    await listener.page.get_by_role("button", name="Delete").click()
    await listener.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(listener.row(recording_id)).to_have_count(0)


async def until_gone(listener: Listener, recording_id: int) -> None:
    await listener.until_refused(404, f"/recordings/{recording_id}", listener.site.key)


async def is_there(listener: Listener, recording_id: int) -> bool:
    return await listener.status_of(f"/recordings/{recording_id}", listener.site.key) == 200


async def test_a_recording_that_is_kept_is_not_deleted(somebody: Listener, doomed: int) -> None:
    await somebody.begin(somebody.site.key)
    await somebody.open(doomed)
    await somebody.page.get_by_role("button", name="Delete").click()
    await somebody.page.get_by_role("button", name="Keep it").click()
    await expect(somebody.page.get_by_role("button", name="Delete")).to_be_focused()
    assert await is_there(somebody, doomed)


async def test_undo_restores_the_recording_without_a_request(clocked: Listener, doomed: int) -> None:
    await delete(clocked, doomed, clocked.site.key)
    undo = clocked.page.get_by_role("button", name="Undo")
    await expect(undo).to_be_focused()
    await undo.press("Enter")
    await expect(clocked.row(doomed)).to_have_attribute("aria-current", "true")
    await clocked.page.clock.fast_forward(2 * UNDO_WINDOW_MS)
    assert await is_there(clocked, doomed)


async def test_the_recording_is_deleted_after_the_time_to_undo(clocked: Listener, doomed: int) -> None:
    await delete(clocked, doomed, clocked.site.key)
    assert await is_there(clocked, doomed)
    await clocked.page.clock.fast_forward(UNDO_WINDOW_MS)
    await until_gone(clocked, doomed)
    await expect(clocked.page.get_by_role("button", name="Undo")).to_have_count(0)


async def test_leaving_the_page_deletes_the_recording(clocked: Listener, doomed: int) -> None:
    await delete(clocked, doomed, clocked.site.key)
    await clocked.page.goto("about:blank")
    await until_gone(clocked, doomed)


async def test_a_recording_that_cannot_be_deleted_is_shown_again_with_the_reason(
    clocked: Listener, doomed: int
) -> None:
    await delete(clocked, doomed, clocked.site.read_only_key)
    await clocked.page.clock.fast_forward(UNDO_WINDOW_MS)
    notice = clocked.page.get_by_role("status").filter(has_text="The recording could not be deleted.")
    await expect(notice).to_contain_text("This key may not do that.")
    await expect(clocked.row(doomed)).to_be_visible()


async def test_the_list_counts_the_rows_that_it_shows_after_a_deletion(clocked: Listener, doomed: int) -> None:
    await delete(clocked, doomed, clocked.site.key)
    await clocked.page.clock.fast_forward(UNDO_WINDOW_MS)
    await until_gone(clocked, doomed)
    await clocked.page.get_by_role("button", name="Refresh").click()
    await expect(clocked.rows.first).to_be_visible()
    first_page = (await fetch(clocked.site, "/v1/recordings?limit=100"))["data"]
    await expect(clocked.page.locator("#list-count")).to_have_text(
        re.compile(rf"^{len(first_page)} recordings( and more)?$")
    )
