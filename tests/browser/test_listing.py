"""The list of the player page: its rows, search, orders and filters, scrolling, and addresses that lead into it."""

import asyncio
from collections.abc import Awaitable
from itertools import product
from typing import Any, Final
from urllib.parse import quote

import pytest
from playwright.async_api import Locator, Page, Request, Route, expect

from gateway.protocol.ids import decode_id
from tests.browser.library import MEETING, PLATFORM, Library
from tests.browser.listener import PATIENCE_SECONDS, Listener
from tests.conformance.calling import fetch
from tests.gateway_process import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY: Final = 1030
FILL: Final = """
    INSERT INTO recordings (user_id, live, source, status, name, created_at)
    SELECT {user}, true, 'upload', 'completed', 'Talk ' || n, now() - n * interval '1 hour' FROM generate_series(1, {count}) n
"""
# Scrolls to the end, and returns the rows that were seen, in their order, and how many there were at most at one time.
SCROLL: Final = """async () => {
  const [list, seen, count] = [document.querySelector("#list"), new Set(), document.querySelector("#list-count")];
  let most = 0;
  for (let still = 0; still < 20; ) {
    const rows = document.querySelectorAll("#rows a");
    most = Math.max(most, rows.length);
    for (const row of rows) seen.add(row.getAttribute("href"));
    const before = list.scrollTop;
    list.scrollTop += 2000;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    still = list.scrollTop === before && !count.textContent.includes("more") ? still + 1 : 0;
  }
  return { seen: [...seen], most };
}"""
SCROLL_ON: Final = """() => {
  document.querySelector("#list").scrollTop += 2000;
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}"""


@pytest.fixture(scope="session")
def many(site: Gateway) -> str:
    """The key of a user with exactly that many recordings; only their rows exist, without files."""
    user_id = site.wait(site.backends.api_keys.ensure_user("many@example.org"))
    site.wait(site.execute(FILL.format(user=user_id, count=MANY)))
    return site.add_key(user_id=user_id)


@pytest.fixture
def changing(site: Gateway) -> str:
    """The key of a user with 250 recordings, which only one test changes."""
    user_id = site.wait(site.backends.api_keys.ensure_user("changing@example.org"))
    site.wait(site.execute(FILL.format(user=user_id, count=250)))
    return site.add_key(user_id=user_id)


async def test_a_row_shows_type_duration_and_size(listener: Listener, library: Library) -> None:
    row = listener.row(library.sound.recording_id)
    await expect(row).to_contain_text("Audio mp3")
    await expect(row).to_contain_text("6:00")
    await expect(row).to_contain_text("7.2\u00a0MB")


TOP: Final = "(row) => row.getBoundingClientRect().top"
# Resolves once something is drawn in the middle of a row's picture.
UNTIL_PAINTED: Final = """(canvas) => new Promise((resolve) => {
  const { width, height } = canvas;
  const look = () => canvas.getContext("2d").getImageData(width / 2, height / 2, 1, 1).data[3] > 0
    ? resolve() : requestAnimationFrame(look);
  look();
})"""


async def test_a_row_shows_the_image_of_its_recording(listener: Listener, library: Library) -> None:
    picture = listener.row(library.still.recording_id).locator("canvas")
    await picture.scroll_into_view_if_needed()  # it is the oldest recording, and only a picture that is seen is drawn
    async with asyncio.timeout(PATIENCE_SECONDS):
        await picture.evaluate(UNTIL_PAINTED)
    await expect(listener.row(library.sound.recording_id).locator("canvas")).to_have_count(0)


async def test_a_filter_shows_only_recordings_of_a_type(listener: Listener, library: Library) -> None:
    await listener.page.get_by_text("Sort and filter").click()
    for type, kind in (("Video", "Video webm"), ("Image", "Image png"), ("Audio", "Audio mp3")):
        await listener.page.get_by_label("Type").select_option(type)
        await expect(listener.rows.filter(has_not_text=kind)).to_have_count(0)
        await expect(listener.rows.filter(has_text=kind).first).to_be_visible()
        await listener.page.get_by_role("button", name="Show all").click()
        await expect(listener.rows.filter(has_not_text=kind).first).to_be_visible()


async def test_filters_and_orders_are_those_of_the_gateway(listener: Listener, library: Library) -> None:
    page = listener.page
    await page.get_by_text("Sort and filter").click()
    for words, order in (("Longest first", "-duration"), ("Shortest first", "duration")):
        await page.get_by_label("Order").select_option(words)
        # Other files of tests that share the gateway add recordings.
        (first,) = (await fetch(listener.site, f"/v1/recordings?sort={order}&limit=1"))["data"]
        await expect(listener.rows.first).to_have_attribute("data-id", str(decode_id("rec", first["id"])))
    await page.get_by_label("Length").select_option("5 to 30 minutes")
    await expect(listener.rows.filter(has_not_text="6:00")).to_have_count(0)
    await page.get_by_label("To", exact=True).fill("2001-01-01")
    await expect(page.get_by_text("No recording is like that.")).to_be_visible()
    await page.get_by_label("To", exact=True).fill("")
    await page.get_by_label("From", exact=True).fill("2001-01-01")
    await expect(listener.rows.first).to_contain_text("6:00")
    await page.get_by_label("Status").select_option("Failed")
    await expect(page.get_by_text("No recording is like that.")).to_be_visible()


async def test_a_day_of_which_a_person_has_typed_only_a_part_of_the_year_filters_nothing(
    listener: Listener, library: Library
) -> None:
    page = listener.page
    await page.get_by_text("Sort and filter").click()
    for label, day in product(("From", "To"), ("0001-01-01", "0202-01-01", "9999-12-31")):
        for typed in (day, ""):
            async with page.expect_response("**/v1/recordings?*") as response:
                await page.get_by_label(label, exact=True).fill(typed)
            assert (await response.value).ok
            assert "created_after" not in (await response.value).url
            assert "created_before" not in (await response.value).url


async def test_a_page_of_the_list_costs_one_request(listener: Listener) -> None:
    asked: list[Request] = []

    def note(request: Request) -> None:
        # What the list shows is asked for again from time to time, with the entity tag that it has.
        if "recordings?" in request.url and "if-none-match" not in request.headers:
            asked.append(request)

    listener.page.on("request", note)
    await listener.page.get_by_role("button", name="Refresh").click()
    await expect(listener.rows.first).to_be_visible()
    listener.page.remove_listener("request", note)
    assert len(asked) == 1


async def test_a_search_without_a_match_says_so(listener: Listener) -> None:
    await listener.page.get_by_label("Search").fill("no such thing")
    await expect(listener.page.get_by_text("Nothing matches “no such thing”.")).to_be_visible()


async def test_an_empty_catalogue_says_how_to_fill_it(somebody: Listener) -> None:
    await somebody.begin(somebody.site.test_key)
    await expect(somebody.page.get_by_text("Nothing recorded yet")).to_be_visible()
    await expect(somebody.page.get_by_text("seekgate import FILE --user EMAIL")).to_be_visible()


async def test_the_list_continues_as_it_is_scrolled_and_keeps_few_rows(somebody: Listener, many: str) -> None:
    await somebody.begin(many)
    await expect(somebody.rows.first).to_be_visible()
    scrolled: dict[str, Any] = await somebody.patiently(SCROLL)
    assert len(scrolled["seen"]) == MANY
    assert scrolled["most"] <= 300, "rows in the document"
    await expect(somebody.page.get_by_text(f"{MANY:,} recordings")).to_be_visible()
    await somebody.page.evaluate("() => document.querySelector('#list').scrollTop = 0")
    newest = scrolled["seen"][0]
    await expect(somebody.page.locator(f'a[href="{newest}"]')).to_be_visible()
    back: dict[str, Any] = await somebody.patiently(SCROLL)
    assert back["seen"] == scrolled["seen"]


async def miss_a_later_page(page: Page, change: Awaitable[None]) -> None:
    """After a change of the first page, a refresh reads that page, but not the next one; a later refresh shows the change."""
    count = page.locator("#list-count")
    counted = await count.inner_text()
    await page.route("**/v1/recordings?*cursor=*", lambda route: route.abort())
    await change
    async with page.expect_event("requestfailed", lambda request: "cursor=" in request.url):
        await page.clock.fast_forward(12_000)
    await page.unroute("**/v1/recordings?*cursor=*")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await count.inner_text() == counted:
            await page.clock.fast_forward(12_000)
            await asyncio.sleep(0.1)  # until the page has heard from the gateway


async def test_what_others_change_appears_while_the_list_is_shown(clocked: Listener, changing: str) -> None:
    """New recordings, names, and deletions: the rows around them stay where they are, with the focus."""
    page, key = clocked.page, {"X-API-Key": changing}
    recordings = f"{clocked.site.base_url}/v1/recordings"

    async def url_of(name: str) -> str:
        found = await page.request.get(f"{recordings}?q={quote(name)}", headers=key)
        (url,) = (f"{recordings}/{each['id']}" for each in (await found.json())["data"] if each["name"] == name)
        return url

    async def create(name: str) -> None:
        assert (await page.request.post(recordings, headers=key, data={"name": name})).ok

    async def until_shown(name: str) -> Locator:
        row = clocked.rows.filter(has_text=name)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await row.count() == 0:
                await page.clock.fast_forward(12_000)
                await asyncio.sleep(0.1)  # until the page has heard from the gateway
        return row

    await clocked.begin(changing)
    await expect(clocked.rows.first).to_be_visible()
    await create("At the top")
    await expect(await until_shown("At the top")).to_be_in_viewport()

    # The response ends in the midst of its body, as if the connection had been lost.
    await page.route("**/v1/recordings?*", lambda route: route.fulfill(body='{"data": ['))
    async with page.expect_response("**/v1/recordings?*"):
        await page.clock.fast_forward(12_000)
    await page.unroute("**/v1/recordings?*")
    await create("After the fault")
    await until_shown("After the fault")
    async with page.expect_response(lambda response: "/v1/recordings?" in response.url and response.status == 304):
        await page.clock.fast_forward(12_000)

    await clocked.patiently(SCROLL)
    await page.evaluate("() => document.querySelector('#list').scrollTop = 0")
    row = clocked.rows.filter(has_text="Talk 150")
    while await row.count() == 0:
        await clocked.patiently(SCROLL_ON)
    await row.scroll_into_view_if_needed()
    await row.focus()
    element, place = await row.element_handle(), await row.evaluate(TOP)
    # Above it there is another recording.
    await miss_a_later_page(page, create("Out of sight"))
    # Of those below it, one has another name, and one is deleted.
    assert (await page.request.delete(await url_of("Talk 152"), headers=key)).ok
    assert (await page.request.patch(await url_of("Talk 151"), headers=key, data={"name": "Renamed"})).ok
    await until_shown("Renamed")
    await expect(clocked.rows.filter(has_text="Talk 152")).to_have_count(0)
    assert element is not None
    assert await element.evaluate("(row) => row === document.activeElement")
    assert abs(await row.evaluate(TOP) - place) <= 1, "browsers scroll by whole pixels"


async def test_a_page_that_cannot_be_read_is_read_on_request(visitor: Listener, many: str) -> None:
    # A page that nobody sees is not refreshed, which would repeat the request, too.
    await visitor.page.evaluate("() => Object.defineProperty(document, 'hidden', { get: () => true })")
    await visitor.sign_in(many)
    await expect(visitor.rows.first).to_be_visible()
    await visitor.page.route("**/v1/recordings?*", lambda route: route.abort())
    await visitor.page.evaluate("() => document.querySelector('#list').scrollTop = 1e6")
    await expect(visitor.page.get_by_role("alert")).to_contain_text("does not answer")
    await visitor.page.unroute("**/v1/recordings?*")
    visitor.requests.clear()
    await visitor.page.evaluate("() => document.querySelector('#list').scrollTop = 0")
    # Playwright's click would scroll to the button, at the end of the list, where the page reads on.
    again = visitor.page.get_by_role("button", name="Try again").filter(visible=True)
    async with visitor.page.expect_request("**/v1/recordings?*"):
        await again.evaluate("button => button.click()")
    await expect(visitor.page.get_by_role("alert").filter(visible=True)).to_have_count(0)
    # The code of the player may still be loading.
    asked = [each for each in visitor.requests if "recordings" in each]
    assert len(asked) == 1, asked
    # What is shown stays if it cannot be read again.
    await visitor.page.route("**/v1/recordings?*", lambda route: route.abort())
    await visitor.page.get_by_role("button", name="Refresh").click()
    await expect(visitor.page.get_by_role("alert").filter(visible=True)).to_contain_text("does not answer")
    await expect(visitor.rows.first).to_be_visible()


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


async def until_read(page: Page, released: asyncio.Event) -> None:
    """Let the transcript arrive, and wait until the page has read it."""
    async with page.expect_response("**/transcripts/**") as arriving:
        released.set()
    await (await arriving.value).finished()
    await page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")


async def test_a_meeting_that_arrives_late_does_not_replace_the_list(listener: Listener, library: Library) -> None:
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await released.wait()
        await route.continue_()

    page = listener.page
    await page.route("**/transcripts/**", hold)
    await page.evaluate(f"() => {{ location.hash = '#/meetings/{PLATFORM}/{MEETING}'; }}")
    await asked.wait()
    await listener.open(library.still.recording_id)
    await until_read(page, released)
    await expect(page.get_by_role("heading", name="Recordings")).to_be_visible()
    await expect(page.locator("#deck-title")).to_have_text("still.png")


async def test_a_failure_that_arrives_late_does_not_close_what_was_opened_since(
    listener: Listener, library: Library
) -> None:
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await released.wait()
        await route.fulfill(status=503)

    page = listener.page
    await page.route("**/transcripts/**", hold)
    await page.evaluate("() => { location.hash = '#/meetings/zoom/slow'; }")
    await asked.wait()
    await listener.open(library.still.recording_id)
    await until_read(page, released)
    await expect(page.locator("#deck-title")).to_have_text("still.png")
    assert page.url.endswith(f"#/recordings/{library.still.recording_id}")


async def test_signing_out_ends_a_search_that_is_being_typed(clocked: Listener, library: Library) -> None:
    page = clocked.page
    await clocked.begin(clocked.site.key)
    await expect(clocked.rows.first).to_be_visible()
    await page.get_by_label("Search", exact=True).fill("tone")
    await page.get_by_role("button", name="Sign out").click()
    clocked.requests.clear()
    await page.clock.fast_forward(1000)
    await page.evaluate("() => {}")  # requests that were sent before are reported before this is answered
    # The code of the player may still be loading.
    assert [each for each in clocked.requests if "recordings" in each] == []
