"""Signing in: where the page stores the key, where the key never appears, and what the page says when it is refused."""

import asyncio

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Route, expect

from gateway import keys
from tests.browser.library import Library
from tests.browser.listener import PATIENCE_SECONDS, Listener

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def new_listener(visitor: Listener, library: Library) -> Listener:
    """A person who has just signed in and sees the list of recordings."""
    await visitor.sign_in(visitor.site.key)
    # The page stores the key once the gateway has accepted it.
    await expect(visitor.rows.first).to_be_visible()
    return visitor


async def stored(listener: Listener) -> list[str]:
    values: list[str] = await listener.page.evaluate(
        "() => [...Object.values(sessionStorage), ...Object.values(localStorage), document.cookie]"
    )
    return values


async def test_a_wrong_key_is_reported_and_not_stored(visitor: Listener) -> None:
    for key in ("sk_live_wrong", "schlüssel", "two words"):
        await visitor.page.reload()
        await visitor.sign_in(key)
        await expect(visitor.page.get_by_role("alert")).to_contain_text("This key is not known here")
        assert await stored(visitor) == [""], key


async def test_a_key_without_the_scope_is_reported(visitor: Listener) -> None:
    await visitor.sign_in(visitor.site.write_only_key)
    await expect(visitor.page.get_by_role("alert")).to_have_text("This key may not do that.")


async def test_a_gateway_that_does_not_answer_is_reported(visitor: Listener, shared_browser: BrowserContext) -> None:
    await shared_browser.set_offline(offline=True)
    await visitor.sign_in(visitor.site.key)
    await expect(visitor.page.get_by_role("alert")).to_contain_text("The gateway does not answer")


async def test_the_key_is_stored_in_its_tab_and_appears_in_no_address(
    new_listener: Listener, library: Library, shared_browser: BrowserContext
) -> None:
    await new_listener.open_sound(library.sound.recording_id)
    await new_listener.page.reload()
    await new_listener.until("media.readyState >= HTMLMediaElement.HAVE_METADATA")
    assert [url for url in (*new_listener.requests, new_listener.page.url) if new_listener.site.key in url] == []
    assert await stored(new_listener) == [new_listener.site.key, ""]
    other_tab = Listener(await shared_browser.new_page(), new_listener.site)
    await other_tab.arrive()
    await expect(other_tab.page.get_by_label("API key")).to_be_visible()


async def test_signing_out_deletes_the_key_and_the_list(new_listener: Listener, library: Library) -> None:
    await new_listener.open_sound(library.sound.recording_id)
    await new_listener.page.get_by_role("button", name="Sign out").click()
    await expect(new_listener.page.get_by_label("API key")).to_be_focused()
    assert await stored(new_listener) == [""]
    assert await new_listener.page.locator("#rows a, audio").count() == 0


async def test_a_late_refusal_of_an_earlier_key_does_not_end_the_session(
    new_listener: Listener, library: Library
) -> None:
    page, (asked, released) = new_listener.page, (asyncio.Event(), asyncio.Event())

    async def hold(route: Route) -> None:
        asked.set()
        await released.wait()
        await route.fulfill(status=401)

    await page.route("**/v1/recordings/rec_*", hold)
    await page.evaluate(f"() => {{ location.hash = '#/recordings/{library.sound.recording_id}'; }}")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asked.wait()
    await page.evaluate("() => { location.hash = '#/'; }")
    await page.get_by_role("button", name="Sign out").click()
    await new_listener.sign_in(new_listener.site.key)
    await expect(new_listener.rows.first).to_be_visible()
    async with page.expect_response("**/v1/recordings/rec_*"):
        released.set()
    async with page.expect_response("**/v1/recordings?*"):
        await page.get_by_role("button", name="Refresh").click()
    await expect(new_listener.rows.first).to_be_visible()
    assert await stored(new_listener) == [new_listener.site.key, ""]


async def test_a_key_that_was_revoked_leads_back_to_the_form(visitor: Listener, library: Library) -> None:
    key = visitor.site.add_key()
    await visitor.sign_in(key)
    await expect(visitor.rows.first).to_be_visible()
    visitor.site.wait(visitor.site.backends.api_keys.revoke_key(keys.visible_prefix(key)))
    # The gateway caches keys until the database's notification arrives, a moment later.
    await visitor.until_refused(401, "/recordings", key)
    # The list may have asked for a row's picture since: then the form is shown already, and the button hidden.
    await visitor.page.locator("#refresh").dispatch_event("click")
    await expect(visitor.page.get_by_role("alert").filter(visible=True)).to_contain_text("no longer accepts this key")
