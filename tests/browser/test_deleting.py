"""Deleting: asked about, taken back in time, and final when the time is over."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.library import Library, bring_in
from tests.browser.listener import PATIENCE_SECONDS, Listener

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNDO_WINDOW_MS = 6_000


@pytest.fixture
def doomed(visitor: Listener, library: Library, tmp_path: Path) -> int:
    """A recording to delete: the sound of the library with a tail of its own, so that it is another object."""
    path = tmp_path / "doomed.mp3"
    path.write_bytes(library.sound_path.read_bytes() + str(tmp_path).encode())
    return bring_in(visitor.site, path).recording_id


async def delete(listener: Listener, recording_id: int, key: str) -> None:
    """Delete it, as far as a person does: the window stands open, the page's clock is ours."""
    await listener.page.clock.install()
    await listener.sign_in(key)
    await listener.open(recording_id)
    await listener.page.get_by_role("button", name="Delete").click()
    await listener.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(listener.row(recording_id)).to_have_count(0)


async def until_gone(listener: Listener, recording_id: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await listener.status_of(recording_id) != 404:
            pass  # each look is a request


async def test_who_keeps_it_keeps_it(visitor: Listener, doomed: int) -> None:
    await visitor.sign_in(visitor.site.key)
    await visitor.open(doomed)
    await visitor.page.get_by_role("button", name="Delete").click()
    await visitor.page.get_by_role("button", name="Keep it").click()
    await expect(visitor.page.get_by_role("button", name="Delete")).to_be_focused()
    assert await visitor.status_of(doomed) == 200


async def test_undo_brings_it_back_and_the_gateway_has_never_heard_of_it(visitor: Listener, doomed: int) -> None:
    await delete(visitor, doomed, visitor.site.key)
    undo = visitor.page.get_by_role("button", name="Undo")
    await expect(undo).to_be_focused()
    await undo.press("Enter")
    await expect(visitor.row(doomed)).to_have_attribute("aria-current", "true")
    await visitor.page.clock.fast_forward(2 * UNDO_WINDOW_MS)
    assert await visitor.status_of(doomed) == 200


async def test_when_the_window_is_over_it_is_gone(visitor: Listener, doomed: int) -> None:
    await delete(visitor, doomed, visitor.site.key)
    assert await visitor.status_of(doomed) == 200
    await visitor.page.clock.fast_forward(UNDO_WINDOW_MS)
    await until_gone(visitor, doomed)
    await expect(visitor.page.get_by_role("button", name="Undo")).to_have_count(0)


async def test_leaving_the_page_ends_the_window(visitor: Listener, doomed: int) -> None:
    await delete(visitor, doomed, visitor.site.key)
    await visitor.page.goto("about:blank")
    await until_gone(visitor, doomed)


async def test_one_that_cannot_be_deleted_comes_back_with_the_reason(visitor: Listener, doomed: int) -> None:
    await delete(visitor, doomed, visitor.site.read_only_key)
    await visitor.page.clock.fast_forward(UNDO_WINDOW_MS)
    notice = visitor.page.get_by_role("status").filter(has_text="The recording could not be deleted.")
    await expect(notice).to_contain_text("This key may not do that.")
    await expect(visitor.row(doomed)).to_be_visible()
