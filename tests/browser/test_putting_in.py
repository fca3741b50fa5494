"""Putting files in, as a person does it: chosen or recorded, cut off, paused, closed and resumed, refused, over every route."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Request, Route, expect

from storage_adapters.s3.s3_storage import S3Storage
from tests.browser.library import Library
from tests.browser.listener import BLANK, PATIENCE_SECONDS, Listener
from tests.browser.tabs import chromium_context
from tests.gateway_process import Gateway
from tests.media_files import make_sound
from tests.s3.buckets import s3_client
from tests.s3.processes import S3Server
from tests.s3_gateway.s3_site import gateway_over

pytestmark = pytest.mark.asyncio(loop_scope="session")

PIECE = 8 * 1024 * 1024
# Resolves once this many pieces of recordings are stored, each of them a second.
UNTIL_STORED = """(least) => new Promise((resolve) => {
  const later = () => setTimeout(look, 50);
  const look = async () => {
    if (!(await indexedDB.databases()).some(({ name }) => name === "seekgate")) return later();
    const opening = indexedDB.open("seekgate");
    opening.onsuccess = () => {
      const counted = opening.result.transaction("pieces").objectStore("pieces").count();
      counted.onsuccess = () => (counted.result < least ? later() : resolve());
      opening.result.close();
    };
  };
  look();
})"""
# Resolves once no page uses a take.
UNTIL_UNLOCKED = """async () => {
  while ((await navigator.locks.query()).held.length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
}"""

# Keeps where each piece of an upload begins in `offsets`. After this many pieces, `held` resolves, and the others leave the
# page only after `release()`. A piece that Playwright holds is copied several times: 0.35 s of processor time.
HOLD_PIECES = """(most) => {
  const { setRequestHeader, send } = XMLHttpRequest.prototype;
  const released = new Promise((resolve) => (window.release = resolve));
  window.offsets = [];
  window.held = new Promise((resolve) => {
    XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
      if (name === "Upload-Offset") offsets.push(Number(value));
      return setRequestHeader.call(this, name, value);
    };
    XMLHttpRequest.prototype.send = function (body) {
      if (offsets.length <= most) return send.call(this, body);
      released.then(() => send.call(this, body));
      resolve();
    };
  });
}"""


@pytest.fixture(scope="session")
def long_sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of two pieces."""
    path = make_sound(tmp_path_factory.mktemp("long") / "sound.wav", 90.0)
    assert PIECE < path.stat().st_size < 2 * PIECE
    return path


class Pieces:
    """The pieces that a page sends. Those from number `hold_from` on are held until they are released or lost."""

    def __init__(self, hold_from: int = 99) -> None:
        self.offsets: list[int] = []
        self.released = asyncio.Event()
        self.held = asyncio.Event()
        self._hold_from = hold_from
        self._is_lost = False
        self._was_lost = asyncio.Event()

    async def lose(self) -> None:
        """Lose the held piece, and those that are sent again: the browser would send a held one when its page is closed."""
        self._is_lost = True
        self.released.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._was_lost.wait()

    async def watch(self, visitor: Listener) -> None:
        await visitor.page.route(re.compile("/v1/uploads/up_"), self._pass)

    async def until_held(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.held.wait()

    async def _pass(self, route: Route, request: Request) -> None:
        if request.method == "PATCH":
            self.offsets.append(int(request.headers["upload-offset"]))
            if len(self.offsets) >= self._hold_from and not self.released.is_set():
                self.held.set()
                await self.released.wait()
            if self._is_lost:
                await route.abort("internetdisconnected")
                self._was_lost.set()
                return
        await route.continue_()


def opened(visitor: Listener) -> Locator:
    return visitor.page.locator("#uploads").get_by_role("link", name="Open")


async def choose(visitor: Listener, *paths: Path) -> None:
    await visitor.page.locator("#upload-files").set_input_files(paths)


async def new_tab(context: BrowserContext, site: Gateway, script: str = "") -> Listener:
    """A person in a new tab, in which this script runs before the page's."""
    visitor = Listener(await context.new_page(), site)
    await visitor.page.add_init_script(script)
    await visitor.arrive(BLANK)
    return visitor


async def enter(visitor: Listener) -> None:
    """Load the page, signed in."""
    await visitor.page.evaluate("(key) => sessionStorage.setItem('seekgate.key', key)", visitor.site.key)
    await visitor.arrive()
    await expect(visitor.page.locator("#upload")).to_be_visible()


async def signed_in(context: BrowserContext, site: Gateway, script: str = "") -> Listener:
    """A person at the page in a new tab."""
    visitor = await new_tab(context, site, script)
    await enter(visitor)
    return visitor


async def test_an_upload_whose_page_was_closed_goes_on_when_the_file_is_chosen_again(
    context: BrowserContext, site: Gateway, long_sound: Path
) -> None:
    first = await signed_in(context, site)
    await first.page.evaluate(HOLD_PIECES, 1)
    await choose(first, long_sound)
    await first.patiently("() => held")
    await first.page.close()
    again = await signed_in(context, site)
    await again.page.evaluate(HOLD_PIECES, 9)
    created: list[str] = []
    again.page.on("request", lambda each: created.append(each.url) if each.method == "POST" else None)
    await choose(again, long_sound)
    await expect(opened(again)).to_be_visible()
    assert await again.page.evaluate("() => offsets") == [PIECE]
    assert [url for url in created if url.endswith(("/v1/recordings", "/tus"))] == []
    await opened(again).click()
    await again.until("media.readyState >= HTMLMediaElement.HAVE_METADATA")
    assert again.faults == []


async def test_a_paused_upload_rests_until_it_is_resumed(somebody: Listener, long_sound: Path) -> None:
    pieces = Pieces(hold_from=2)
    await somebody.begin(somebody.site.key)
    await pieces.watch(somebody)
    await choose(somebody, long_sound)
    await pieces.until_held()
    await somebody.page.get_by_role("button", name="Pause").click()
    pieces.released.set()
    await somebody.page.get_by_role("button", name="Resume").click()
    await expect(opened(somebody)).to_be_visible()
    assert pieces.offsets[1] == PIECE


# Sends the piece that begins here before the page does, and keeps the status in `stored`.
SEND_TWICE = """(offset) => {
  const { open, setRequestHeader, send } = XMLHttpRequest.prototype;
  window.stored = [];
  XMLHttpRequest.prototype.open = function (method, url) {
    this.wanted = { method, url, headers: {} };
    return open.call(this, method, url);
  };
  XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
    this.wanted.headers[name] = value;
    return setRequestHeader.call(this, name, value);
  };
  XMLHttpRequest.prototype.send = async function (body) {
    const { method, url, headers } = this.wanted;
    if (headers["Upload-Offset"] === String(offset)) stored.push((await fetch(url, { method, headers, body })).status);
    send.call(this, body);
  };
}"""


async def test_an_upload_goes_on_after_a_piece_that_is_stored_already(somebody: Listener, long_sound: Path) -> None:
    await somebody.begin(somebody.site.key)
    await somebody.page.evaluate(SEND_TWICE, PIECE)
    await choose(somebody, long_sound)
    await expect(opened(somebody)).to_be_visible()
    assert await somebody.page.evaluate("() => stored") == [204]


async def test_an_upload_outlasts_a_dead_connection_and_a_network_that_was_cut(
    context: BrowserContext, site: Gateway, long_sound: Path
) -> None:
    visitor, pieces = await signed_in(context, site), Pieces(hold_from=2)
    await visitor.page.clock.install()
    await pieces.watch(visitor)
    await choose(visitor, long_sound)
    await pieces.until_held()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(pieces.offsets) < 3:
            await visitor.page.clock.fast_forward(60_000)
            await asyncio.sleep(0.1)  # until the page has heard from the gateway
    await context.set_offline(True)
    pieces.released.set()
    await context.set_offline(False)
    await expect(opened(visitor)).to_be_visible()


# Keeps the response to each piece from the page until `release()`, as if the storage backend were slow. `answered` resolves
# when the first has arrived. Counts in `aborted` what the page gives up.
HOLD_RESPONSES = """() => {
  const { open, abort } = XMLHttpRequest.prototype;
  const released = new Promise((resolve) => (window.release = resolve));
  window.aborted = 0;
  window.answered = new Promise((resolve) => {
    XMLHttpRequest.prototype.open = function (...given) {
      for (const name of ["load", "loadend"]) {
        this.addEventListener(name, (event) => {
          event.stopImmediatePropagation();
          released.then(() => this.dispatchEvent(new ProgressEvent(name)));
          resolve();
        }, { once: true });
      }
      return open.apply(this, given);
    };
  });
  XMLHttpRequest.prototype.abort = function () {
    aborted += 1;
    return abort.call(this);
  };
}"""


async def test_an_upload_that_was_sent_waits_for_a_slow_storage_backend(clocked: Listener, library: Library) -> None:
    await clocked.begin(clocked.site.key)
    await clocked.page.evaluate(HOLD_RESPONSES)
    await choose(clocked, library.short_path)
    await clocked.patiently("() => answered")
    await clocked.page.clock.fast_forward(300_000)
    assert await clocked.page.evaluate("() => aborted") == 0
    await clocked.page.evaluate("() => release()")
    await expect(opened(clocked)).to_be_visible()


async def test_several_files_travel_together_and_a_refused_one_says_why(
    somebody: Listener, long_sound: Path, tmp_path: Path
) -> None:
    await somebody.begin(somebody.site.key)
    await somebody.page.evaluate(HOLD_PIECES, 0)
    bad = tmp_path / "letter.mp3"
    bad.write_text("Dear Sir or Madam")
    await choose(somebody, long_sound, bad, make_sound(tmp_path / "sound.ogg"), make_sound(tmp_path / "sound.flac"))
    await somebody.patiently("() => held")
    await expect(somebody.page.locator("#uploads progress")).to_have_count(4)
    await expect(somebody.page.locator("#upload-total")).to_contain_text(re.compile(r"^4 files: .+ of \d+"))
    await somebody.page.evaluate("() => release()")
    await expect(opened(somebody)).to_have_count(3)
    refused = somebody.page.locator("#uploads li.trouble")
    await expect(refused).to_contain_text("letter.mp3")
    await expect(refused.locator(".words")).to_have_text(
        re.compile("^Refused. The gateway says: It is not audio: it cannot be read as wav, [a-z0-9, ]+ or webp$")
    )
    await expect(somebody.page.locator("#upload-total")).to_be_empty()


@pytest_asyncio.fixture(loop_scope="session")
async def studio(chromium_shell: Browser) -> AsyncGenerator[BrowserContext]:
    """The browser of a new user who may record."""
    async with chromium_context(chromium_shell, reduced_motion="reduce", permissions=["microphone"]) as context:
        yield context


def record_button(visitor: Listener) -> Locator:
    return visitor.page.get_by_role("button", name="Record", exact=True)


async def record(visitor: Listener, pieces: int = 2) -> None:
    """Start a recording, and wait until this many pieces of it are stored."""
    await record_button(visitor).click()
    await expect(visitor.page.get_by_role("button", name="Stop recording")).to_be_visible()
    await visitor.patiently(UNTIL_STORED, pieces)


async def close_page(visitor: Listener, another: Listener) -> None:
    """Close the page, and wait in another tab until the browser has unlocked the recording that it made."""
    await visitor.page.close()
    await another.patiently(UNTIL_UNLOCKED)


async def hear_the_recording(visitor: Listener) -> None:
    await opened(visitor).click()
    await visitor.until("media.readyState >= HTMLMediaElement.HAVE_METADATA")
    await expect(visitor.page.get_by_role("heading", name=re.compile("^Recording of "))).to_be_visible()
    await visitor.until_drawn()
    assert visitor.faults == []


async def test_what_the_microphone_hears_becomes_a_recording(studio: BrowserContext, site: Gateway) -> None:
    visitor = await signed_in(studio, site)
    await record(visitor)
    await visitor.page.get_by_role("button", name="Stop recording").click()
    await hear_the_recording(visitor)
    # Nothing is left to offer.
    again = await signed_in(studio, site)
    await expect(again.rows.first).to_be_visible()
    await expect(again.page.locator("#uploads li")).to_have_count(0)


@pytest.mark.usefixtures("library")
async def test_a_take_whose_page_was_closed_is_offered_at_the_next_visit_with_the_same_key(
    studio: BrowserContext, site: Gateway
) -> None:
    first = await signed_in(studio, site)
    await record(first)
    second = await signed_in(studio, site)
    await expect(second.rows.first).to_be_visible()
    offer = second.page.get_by_text("Recorded earlier, not uploaded yet")
    await expect(offer).to_have_count(0)  # the first page is using it
    await close_page(first, second)
    await second.page.reload()
    await expect(offer).to_be_visible()
    await second.page.get_by_role("button", name="Sign out").click()
    await second.sign_in(site.read_only_key)
    await expect(record_button(second)).to_be_visible()
    await expect(second.rows.first).to_be_visible()
    await expect(offer).to_have_count(0)
    await second.page.get_by_role("button", name="Sign out").click()
    await second.sign_in(site.key)
    await offer.locator("..").get_by_role("button", name="Upload", exact=True).click()
    await hear_the_recording(second)


async def test_a_take_whose_page_was_closed_while_it_was_sent_goes_on_where_it_was(
    studio: BrowserContext, site: Gateway
) -> None:
    first, pieces = await signed_in(studio, site), Pieces(hold_from=1)
    await pieces.watch(first)
    await record(first)
    await first.page.get_by_role("button", name="Stop recording").click()
    await pieces.until_held()
    await pieces.lose()
    again = await new_tab(studio, site)
    await close_page(first, again)
    await enter(again)
    created: list[str] = []
    again.page.on("request", lambda each: created.append(each.url) if each.method == "POST" else None)
    await again.page.locator("#uploads").get_by_role("button", name="Upload", exact=True).click()
    await hear_the_recording(again)
    assert [url for url in created if url.endswith(("/v1/recordings", "/tus"))] == []


async def test_a_take_that_was_refused_is_offered_at_the_next_visit_without_a_reload(
    studio: BrowserContext, site: Gateway
) -> None:
    visitor = await signed_in(studio, site)
    await visitor.page.route("**/v1/recordings", lambda route: route.fulfill(status=403), times=1)
    await record(visitor)
    await visitor.page.get_by_role("button", name="Stop recording").click()
    await expect(visitor.page.locator("#uploads li.trouble")).to_be_visible()
    await visitor.page.get_by_role("button", name="Sign out").click()
    await visitor.sign_in(site.key)
    await visitor.page.locator("#uploads").get_by_role("button", name="Upload", exact=True).click()
    await hear_the_recording(visitor)


# The page asks for the lock of a take only after `goOn()`; `asked` resolves once it wants to, `answered` once it has the answer.
HOLD_LOCKS = """
  const request = navigator.locks.request.bind(navigator.locks);
  const wait = new Promise((resolve) => (window.goOn = resolve));
  window.answered = new Promise((answered) => {
    window.asked = new Promise((asked) => {
      navigator.locks.request = (name, options, use) => {
        asked();
        return wait.then(() => request(name, options, (lock) => { answered(lock !== null); return use(lock); }));
      };
    });
  });
"""


async def test_a_take_that_another_tab_uploads_meanwhile_is_not_offered(studio: BrowserContext, site: Gateway) -> None:
    first = await signed_in(studio, site)
    await record(first)
    second = await signed_in(studio, site, HOLD_LOCKS)
    await second.patiently("() => asked")
    await first.page.get_by_role("button", name="Stop recording").click()
    await first.patiently(UNTIL_UNLOCKED)
    assert await second.patiently("() => (goOn(), answered)")
    await second.patiently(UNTIL_UNLOCKED)  # a take that is offered stays locked
    await expect(second.page.locator("#uploads li")).to_have_count(0)
    assert second.faults == []


# The browser refuses the second piece, as if its storage were full, and has room again for the third, with which `third`
# resolves.
REFUSE_THE_SECOND_PIECE = """
  const { start } = MediaRecorder.prototype;
  window.third = new Promise((resolve) => {
    MediaRecorder.prototype.start = function (...given) {
      let heard = 0;
      this.addEventListener("dataavailable", () => (heard += 1) === 3 && resolve());
      return start.apply(this, given);
    };
  });
  const { put } = IDBObjectStore.prototype;
  let count = 0;
  IDBObjectStore.prototype.put = function (...given) {
    count += 1;
    if (count === 2) throw new DOMException("full", "QuotaExceededError");
    return put.apply(this, given);
  };
"""
STORED_PIECES = """() => new Promise((resolve) => {
  const opening = indexedDB.open("seekgate");
  opening.onsuccess = () => {
    const reading = opening.result.transaction("pieces").objectStore("pieces").getAllKeys();
    reading.onsuccess = () => resolve(reading.result.map(([, number]) => number));
  };
})"""


async def test_a_take_is_stored_without_a_hole_if_the_browser_refuses_a_piece(
    studio: BrowserContext, site: Gateway
) -> None:
    await studio.add_init_script(REFUSE_THE_SECOND_PIECE)
    visitor = await signed_in(studio, site)
    await visitor.page.route("**/v1/recordings", lambda route: route.fulfill(status=403), times=1)
    await record(visitor, pieces=1)
    await visitor.patiently("() => third")
    await visitor.page.get_by_role("button", name="Stop recording").click()
    await expect(visitor.page.locator("#uploads li.trouble")).to_be_visible()
    await visitor.patiently(UNTIL_UNLOCKED)
    assert await visitor.patiently(STORED_PIECES) == [1]
    assert visitor.faults == []


@pytest.mark.usefixtures("library")
async def test_a_take_is_offered_after_signing_in_again_and_not_once_it_is_discarded(
    studio: BrowserContext, site: Gateway
) -> None:
    visitor = await signed_in(studio, site)
    await record(visitor)
    first, visitor = visitor, await new_tab(studio, site, HOLD_LOCKS)
    await close_page(first, visitor)
    await enter(visitor)
    await visitor.patiently("() => asked")
    await visitor.page.get_by_role("button", name="Sign out").click()
    await visitor.sign_in(site.key)
    await expect(visitor.rows.first).to_be_visible()
    await visitor.page.evaluate("() => goOn()")
    await visitor.page.get_by_role("button", name="Discard").click()
    await expect(visitor.page.locator("#uploads li")).to_have_count(0)
    again = await signed_in(studio, site)
    await expect(again.rows.first).to_be_visible()
    await again.patiently(UNTIL_UNLOCKED)  # a take that is offered stays locked
    await expect(again.page.locator("#uploads li")).to_have_count(0)


@pytest.fixture(params=[64, 5], ids=["one PUT", "parts"])
def bucket_site(
    request: pytest.FixtureRequest, s3_server: S3Server, postgres: str, tmp_path: Path
) -> Iterator[Gateway]:
    """A gateway over a bucket whose CORS rule permits its page to upload, as docs/uploads.md asks for."""
    part = request.param * 1024 * 1024
    with gateway_over(s3_server, postgres, tmp_path, {}, upload_part_bytes=part) as site:
        asyncio.run(permit_uploads(s3_server, site))
        yield site


async def permit_uploads(server: S3Server, site: Gateway) -> None:
    adapter = next(iter(site.backends.storages.values())).adapter
    assert isinstance(adapter, S3Storage)
    rule = {"AllowedOrigins": [site.base_url], "AllowedMethods": ["PUT"], "AllowedHeaders": ["*"]}
    async with s3_client(server) as client:
        try:
            await client.put_bucket_cors(Bucket=adapter._bucket, CORSConfiguration={"CORSRules": [rule]})
        except client.exceptions.ClientError as error:
            pytest.skip(f"cannot run here: this S3 server has no CORS rules for buckets ({error})")


async def test_a_file_is_uploaded_from_the_page_to_a_bucket(
    context: BrowserContext, bucket_site: Gateway, long_sound: Path
) -> None:
    visitor = await signed_in(context, bucket_site)
    await choose(visitor, long_sound)
    await opened(visitor).click()
    await visitor.until("media.readyState >= HTMLMediaElement.HAVE_METADATA")
    await visitor.until_drawn()
    assert visitor.faults == []


# Keeps the microphone's track, and counts in `asked` how often a page asks for one.
WATCH_MICROPHONE = """
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  [window.tracks, window.asked] = [[], 0];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    asked += 1;
    const stream = await ask(wanted);
    window.tracks.push(...stream.getTracks());
    return stream;
  };
"""


@pytest.mark.usefixtures("library")
async def test_signing_out_turns_the_microphone_off_and_uploads_nothing(studio: BrowserContext, site: Gateway) -> None:
    await studio.add_init_script(WATCH_MICROPHONE)
    visitor = await signed_in(studio, site)
    await record(visitor)
    visitor.requests.clear()
    await visitor.page.get_by_role("button", name="Sign out").click()
    await visitor.patiently(UNTIL_UNLOCKED)  # a take that is uploaded stays locked meanwhile
    assert await visitor.page.evaluate("() => tracks.map((track) => track.readyState)") == ["ended"]
    # The code of the player may still be loading.
    assert [each for each in visitor.requests if "/v1/" in each] == []
    await visitor.sign_in(site.key)
    await expect(record_button(visitor)).to_be_visible()
    await expect(visitor.rows.first).to_be_visible()
    await expect(visitor.page.locator("#uploads li")).to_have_count(0)
    assert visitor.faults == []


# The person answers the browser's question about the microphone only with `allow()`.
ASK = """
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.answered = new Promise((resolve) => (window.allow = resolve));
  navigator.mediaDevices.getUserMedia = (wanted) => answered.then(() => ask(wanted));
"""


async def test_signing_out_while_the_browser_asks_for_the_microphone_leaves_nothing_locked(
    studio: BrowserContext, site: Gateway
) -> None:
    await studio.add_init_script(ASK)
    visitor = await signed_in(studio, site)
    await record_button(visitor).click()
    await visitor.page.get_by_role("button", name="Sign out").click()
    await visitor.page.evaluate("() => allow()")
    # The button is enabled as soon as the page has its answer.
    await expect(visitor.page.locator("#record:not(:disabled)")).to_be_attached()
    await visitor.patiently(UNTIL_UNLOCKED)


async def test_a_second_click_while_the_browser_asks_for_the_microphone_starts_nothing(
    studio: BrowserContext, site: Gateway
) -> None:
    await studio.add_init_script(WATCH_MICROPHONE)
    visitor = await signed_in(studio, site)
    await visitor.page.locator("#record").evaluate("(button) => { button.click(); button.click(); }")
    await expect(visitor.page.get_by_role("button", name="Stop recording")).to_be_visible()
    assert await visitor.page.evaluate("() => asked") == 1
