"""Names, finding what was said, uploading and sharing, as a person does them."""

import asyncio
import re
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, ViewportSize, expect

from gateway.protocol.ids import decode_id, encode_id
from tests.browser.library import SAID, Library, import_file
from tests.browser.listener import PATIENCE_SECONDS, Listener
from tests.browser.tabs import chromium_context
from tests.gateway_process import Gateway
from tests.media_files import make_sound

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_recording_is_shown_by_its_name(listener: Listener, library: Library) -> None:
    await expect(listener.row(library.still.recording_id)).to_contain_text("still.png")
    await listener.open(library.still.recording_id)
    await expect(listener.page.locator("#deck-title")).to_have_text("still.png")


async def test_a_recording_is_renamed_in_place(listener: Listener, library: Library) -> None:
    await listener.open(library.picture.recording_id)
    await listener.page.get_by_role("button", name="Rename").click()
    field = listener.page.get_by_label("Name of this recording")
    await field.fill("Board")
    await field.press("Enter")
    await expect(listener.row(library.picture.recording_id)).to_contain_text("Board")
    await expect(listener.page.get_by_role("button", name="Rename")).to_be_focused()
    await listener.page.keyboard.press("Enter")
    await field.fill("Board meeting")
    await listener.page.get_by_role("button", name="Save").click()
    await expect(listener.page.locator("#deck-title")).to_have_text("Board meeting")
    await expect(listener.row(library.picture.recording_id)).to_contain_text("Board meeting")
    await listener.page.reload()
    await expect(listener.row(library.picture.recording_id)).to_contain_text("Board meeting")


async def test_the_second_of_two_people_who_rename_at_the_same_time_sees_the_firsts_name(
    listener: Listener, library: Library
) -> None:
    await listener.open(library.still.recording_id)
    await listener.page.get_by_role("button", name="Rename").click()
    url = f"{listener.site.base_url}/v1/recordings/{encode_id('rec', library.still.recording_id)}"
    key = {"X-API-Key": listener.site.key}
    theirs = "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u202e <b>日本</b>"
    assert (await listener.page.request.patch(url, headers=key, data={"name": theirs})).ok
    await listener.page.get_by_label("Name of this recording").fill("Mine")
    await listener.page.get_by_label("Name of this recording").press("Enter")
    await expect(listener.page.get_by_text("Somebody else renamed this recording")).to_be_visible()
    await expect(listener.page.locator("#deck-title")).to_have_text(theirs)
    await expect(listener.row(library.still.recording_id).locator(".what")).to_have_text(theirs)
    assert (await listener.page.request.patch(url, headers=key, data={"name": "still.png"})).ok


async def test_escape_keeps_the_name(listener: Listener, library: Library) -> None:
    await listener.open(library.still.recording_id)
    await listener.page.get_by_role("button", name="Rename").click()
    await listener.page.get_by_label("Name of this recording").fill("Something else")
    await listener.page.get_by_label("Name of this recording").press("Escape")
    await expect(listener.page.locator("#deck-title")).to_have_text("still.png")


async def test_what_was_said_is_found_and_plays_from_there(listener: Listener, library: Library) -> None:
    await listener.page.get_by_label("Search", exact=True).fill("tone rises")
    hit = listener.page.get_by_role("link", name=re.compile("Every five seconds the tone rises"))
    await expect(hit.locator("mark")).to_have_text(["tone", "rises"])
    await hit.click()
    await listener.until(f"media.currentTime >= {SAID[1][0]} && media.currentTime < {SAID[1][0] + 15}")
    await expect(listener.page.locator("#deck-title")).to_be_visible()


async def test_a_search_finds_what_was_said_since_the_last_one(
    listener: Listener, site: Gateway, tmp_path: Path
) -> None:
    media = import_file(site, make_sound(tmp_path / "sound.ogg", 60.0))
    url = f"{site.base_url}/v1/recordings/{encode_id('rec', media.recording_id)}/transcript"
    said = [{"start": start, "end": start + 1, "text": f"The quokka waits for {start} seconds."} for start in (2, 5)]
    await listener.page.get_by_label("Search", exact=True).fill("quokka")
    await expect(listener.page.get_by_text("Nothing matches “quokka”.")).to_be_visible()
    for count in (1, 2):
        put = await listener.page.request.put(url, headers={"X-API-Key": site.key}, data={"segments": said[:count]})
        assert put.ok
        await listener.page.get_by_role("button", name="Refresh").click()
        await expect(listener.page.locator("#rows mark")).to_have_count(count)
    # What is shown stays if it cannot be read again, and so does the count of it.
    await listener.page.route("**/v1/recordings?*", lambda route: route.abort())
    await listener.page.get_by_role("button", name="Refresh").click()
    await expect(listener.page.get_by_role("alert").filter(visible=True)).to_contain_text("does not answer")
    await expect(listener.page.locator("#list-count")).to_have_text("1 recording")
    await listener.page.get_by_role("link", name="for 5 seconds").click()
    await listener.until("!media.paused && media.currentTime > 5.2")


async def until_count(page: Page, rows: Locator, count: int) -> None:
    """Advance the page's clock until there are that many."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await rows.count() != count:
            await page.clock.fast_forward(12_000)
            await asyncio.sleep(0.1)  # until the page has heard from the gateway


async def test_what_others_add_to_a_recording_appears_while_it_is_open(clocked: Listener, library: Library) -> None:
    """Its file, then a transcript and another name, long after it was recorded."""
    page, key = clocked.page, {"X-API-Key": clocked.site.key}
    await clocked.begin(clocked.site.key)
    recordings = f"{clocked.site.base_url}/v1/recordings"
    public_id = (await (await page.request.post(recordings, headers=key, data={"name": "Silent"})).json())["id"]
    await page.evaluate(f"() => {{ location.hash = '#/recordings/{decode_id('rec', public_id)}'; }}")
    await expect(page.get_by_text("No file of this recording is finished yet.")).to_be_visible()
    name = page.get_by_label("Name of this recording")
    await page.get_by_role("button", name="Rename").click()
    await name.fill("Quiet")
    sound = library.short_path.read_bytes()
    about = {"type": "audio", "content_type": "audio/mpeg", "file_size_bytes": len(sound)}
    url = f"{recordings}/{public_id}"
    target = await (await page.request.post(f"{url}/upload-url", headers=key, data=about)).json()
    await page.request.put(target["upload_url"], headers=target["headers"], data=sound)
    assert (await page.request.post(f"{url}/upload-complete", headers=key)).ok
    await until_count(page, page.locator("audio"), 1)
    # The file has changed the recording's entity tag, but nobody else has changed its name.
    async with page.expect_response(lambda response: response.request.method == "PATCH") as renamed:
        await name.press("Enter")
    assert (await renamed.value).ok
    said = [{"start": 0, "end": 1, "text": "Not silent at all."}]
    assert (await page.request.put(f"{url}/transcript", headers=key, data={"segments": said})).ok
    await until_count(page, page.locator("#lines button"), 1)
    assert (await page.request.patch(url, headers=key, data={"name": "Spoken"})).ok
    await until_count(page, page.locator("#deck-title", has_text="Spoken"), 1)
    assert await page.title() == "Spoken – seekgate"


async def test_what_is_said_while_a_recording_is_in_progress_is_found_and_shown(
    clocked: Listener, library: Library
) -> None:
    """Nothing is refreshed by hand; the person's place and the focus stay. At the end the recording can be played."""
    page, key = clocked.page, {"X-API-Key": clocked.site.key}
    await clocked.begin(clocked.site.key)
    made = await page.request.post(f"{clocked.site.base_url}/v1/recordings", headers=key, data={"name": "Live"})
    public_id = (await made.json())["id"]
    url = f"{clocked.site.base_url}/v1/recordings/{public_id}"
    recording_id = decode_id("rec", public_id)

    async def say(*texts: str) -> None:
        said = [{"start": start, "end": start + 1, "text": text} for start, text in enumerate(texts)]
        assert (await page.request.put(f"{url}/transcript", headers=key, data={"segments": said})).ok

    marks, lines = page.locator("#rows mark"), page.locator("#lines button")
    await page.evaluate(f"() => {{ location.hash = '#/recordings/{recording_id}'; }}")
    await expect(page.get_by_text("No file of this recording is finished yet.")).to_be_visible()
    await page.get_by_label("Search", exact=True).fill("wombat")
    await expect(page.get_by_text("Nothing matches “wombat”.")).to_be_visible()
    await say("A wombat digs.")
    await until_count(page, marks, 1)
    await page.get_by_role("link", name="A wombat digs.").focus()
    await say("A wombat digs.", "The wombat sleeps.")
    await until_count(page, marks, 2)
    await expect(page.get_by_role("link", name="A wombat digs.")).to_be_focused()
    await until_count(page, lines, 2)
    await lines.nth(1).focus()
    await say("A wombat digs.", "The wombat sleeps.", "It has woken up.")
    await until_count(page, lines, 3)
    await expect(lines.nth(1)).to_be_focused()
    async with page.expect_response(
        lambda response: "/transcript" in response.url and response.status == 304
    ) as unchanged:
        while not unchanged.is_done():
            await page.clock.fast_forward(12_000)
            await asyncio.sleep(0.1)  # until the page has heard from the gateway
    sound = library.short_path.read_bytes()
    about = {"type": "audio", "content_type": "audio/mpeg", "file_size_bytes": len(sound)}
    target = await (await page.request.post(f"{url}/upload-url", headers=key, data=about)).json()
    # A file that was announced, but has not arrived, cannot be played.
    await say("A wombat digs.", "The wombat sleeps.", "It has woken up.", "It digs.")
    await until_count(page, lines, 4)
    await expect(page.locator("#screen *")).to_have_count(0)
    await page.request.put(target["upload_url"], headers=target["headers"], data=sound)
    assert (await page.request.post(f"{url}/upload-complete", headers=key)).ok
    await until_count(page, page.locator("audio"), 1)
    await clocked.until("media.readyState >= HTMLMediaElement.HAVE_METADATA")
    await expect(lines.nth(1)).to_be_focused()
    await lines.nth(2).click()
    await clocked.until("media.currentTime === 2")


async def test_a_file_is_uploaded_from_the_page_and_plays(listener: Listener, library: Library) -> None:
    await listener.page.locator("#upload-files").set_input_files(library.short_path)
    done = listener.page.locator("#uploads").get_by_role("link", name="Open")
    await done.click()
    await listener.until("media.readyState >= HTMLMediaElement.HAVE_METADATA && Math.round(media.duration) === 5")
    await expect(listener.page.locator("#deck-title")).to_have_text(library.short_path.name)


async def test_a_file_that_is_refused_says_why(listener: Listener, tmp_path: Path) -> None:
    bad = tmp_path / "not-music.mp3"
    bad.write_bytes(b"this is not music" * 100)
    empty = tmp_path / "empty.mp3"
    empty.touch()
    await listener.page.locator("#upload-files").set_input_files([bad, empty])
    refused = listener.page.locator("#uploads li.trouble")
    await expect(refused.filter(has_text=bad.name)).to_contain_text("cannot be read")
    await expect(refused.filter(has_text=empty.name)).to_contain_text("This file is empty.")


async def test_a_file_that_was_deleted_before_it_is_sent_says_that_it_cannot_be_read(
    listener: Listener, library: Library, tmp_path: Path
) -> None:
    pending, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        pending.set()
        await released.wait()
        await route.continue_()

    await listener.page.route("**/v1/recordings", hold)
    file = tmp_path / "deleted.mp3"
    file.write_bytes(library.short_path.read_bytes())
    await listener.page.locator("#upload-files").set_input_files(file)
    await pending.wait()
    file.unlink()
    released.set()
    refused = listener.page.locator("#uploads li.trouble .words")
    await expect(refused).to_contain_text("The browser cannot read this file.")


async def test_a_refused_upload_leaves_no_row_in_the_list(listener: Listener, library: Library, tmp_path: Path) -> None:
    """The list is read while the upload is pending."""
    pending, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        pending.set()
        await released.wait()
        await route.continue_()

    page = listener.page
    await page.route("**/upload-complete", hold)
    bad = tmp_path / "not-music-either.mp3"
    bad.write_bytes(b"this is not music" * 100)
    await page.locator("#upload-files").set_input_files(bad)
    await pending.wait()
    await page.get_by_role("button", name="Refresh").click()
    row = page.locator("#rows").get_by_role("link").filter(has_text=bad.name)
    await expect(row).to_be_visible()
    released.set()
    await expect(page.locator("#uploads li.trouble .words")).to_contain_text("cannot be read")
    await expect(row).to_have_count(0)


async def test_a_moment_is_shared_and_the_link_ended(
    listener: Listener, library: Library, chromium_shell: Browser
) -> None:
    page = listener.page
    await listener.open_sound(library.sound.recording_id)
    await listener.media("media.currentTime = 65")
    await listener.until("media.currentTime === 65 && !media.seeking")
    await page.get_by_role("button", name="Share").click()
    await expect(page.locator("#share-dialog")).to_be_visible()
    await page.get_by_role("button", name="Copy link").click()
    await expect(page.locator("#share-url")).to_have_value(re.compile("/shared/lk_"))
    url = await page.locator("#share-url").input_value()
    await expect(page.locator("#share-links li").first).to_be_visible()

    async with chromium_context(chromium_shell, reduced_motion="reduce") as stranger:
        guest = Listener(await stranger.new_page(), listener.site)
        await guest.page.goto(url)
        await guest.until("media.readyState >= HTMLMediaElement.HAVE_METADATA && media.currentTime === 65")
        await expect(guest.page.locator("#lines li")).to_have_count(len(SAID))
        await guest.until_drawn()
        await guest.page.get_by_text("1.5×").click()
        await guest.until("media.playbackRate === 1.5")
        assert all(
            request.startswith((url, f"{listener.site.base_url}/player/", f"{listener.site.base_url}/recordings/"))
            for request in guest.requests
        )
        await page.locator("#share-links").get_by_role("button", name="End the link").first.click()
        await expect(page.get_by_text("The link has ended.")).to_be_visible()
        await guest.page.reload()
        assert guest.faults == []
        await expect(guest.page.locator("body")).to_contain_text("This link does not work")


async def test_an_unknown_link_is_not_found(visitor: Listener) -> None:
    response = await visitor.page.goto(f"{visitor.site.base_url}/shared/lk_{'x' * 43}")
    assert response is not None
    assert response.status == 404


async def test_the_place_where_someone_stopped_is_remembered(listener: Listener, library: Library) -> None:
    await listener.open_sound(library.sound.recording_id)
    await listener.media("media.currentTime = 100")
    await listener.until("media.currentTime === 100 && !media.seeking")
    await listener.play()
    await listener.page.keyboard.press("Space")
    await listener.until("media.paused")
    await listener.page.reload()
    await listener.until("media.readyState >= HTMLMediaElement.HAVE_METADATA && media.currentTime >= 100")


async def test_german_browsers_read_german_also_on_a_narrow_screen(
    chromium_shell: Browser, site: Gateway, library: Library
) -> None:
    size = ViewportSize(width=320, height=640)
    async with chromium_context(chromium_shell, locale="de-DE", reduced_motion="reduce", viewport=size) as context:
        page = await context.new_page()
        visitor = Listener(page, site)
        await visitor.arrive(f"#/recordings/{library.sound.recording_id}")
        await expect(page.locator("html")).to_have_attribute("lang", "de-DE")
        await page.get_by_label("API-Schlüssel").fill(site.key)
        await page.get_by_role("button", name="Aufnahmen öffnen").click()
        await expect(page.locator("#speed")).to_contain_text("0,5×")
        assert await page.evaluate(FITS)
        await page.get_by_role("link", name="Alle Aufnahmen").press("Enter")
        await expect(visitor.row(library.sound.recording_id)).to_be_focused()
        assert await page.evaluate(FITS)
        assert visitor.faults == []


FITS: Final = "() => document.documentElement.scrollWidth <= innerWidth"
# Every name of a table of words, however deep: a word is a text, a function, or a list of texts.
NAMES = """async () => {
  const names = (table, path) => Object.entries(table).flatMap(([name, word]) =>
    typeof word === "object" && !Array.isArray(word) ? names(word, `${path}${name}.`) : [`${path}${name}: ${typeof word}`]);
  const [english, german] = await Promise.all(["en", "de"].map((code) => import(`/player/000000000000/strings.${code}.js`)));
  return [names(english.words, "").sort(), names(german.words, "").sort()];
}"""


async def test_german_has_a_word_for_each_english_one(visitor: Listener) -> None:
    english, german = await visitor.page.evaluate(NAMES)
    assert german == english
    assert len(english) > 100


# What a browser does if its user blocks storage, or blocks it for frames of other sites.
NO_STORAGE = """for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
}
for (const name of ["request", "query"]) navigator.locks[name] = () => Promise.reject(new DOMException("denied", "SecurityError"));"""


async def test_the_pages_work_in_a_browser_that_refuses_to_store_anything(
    context: BrowserContext, site: Gateway, library: Library
) -> None:
    page = await context.new_page()
    visitor = Listener(page, site)
    await page.add_init_script(NO_STORAGE)
    await visitor.arrive()
    await visitor.sign_in(visitor.site.key)
    await visitor.open_sound(library.sound.recording_id)
    await visitor.play()
    await page.get_by_role("button", name="Share").click()
    await page.get_by_role("button", name="Copy link").click()
    await expect(page.locator("#share-url")).to_have_value(re.compile("/shared/lk_"))
    await page.goto(await page.locator("#share-url").input_value() + "/embed")
    await visitor.until("media.readyState >= HTMLMediaElement.HAVE_METADATA")
    await visitor.play()
    assert visitor.faults == []
