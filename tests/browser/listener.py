"""A person at the player page: what they do there, by its labels, and what they see and hear."""

import asyncio
import re
from typing import Any, Final

import pytest
from playwright.async_api import ConsoleMessage, Locator, Page, expect

from tests.gateway_process import Gateway

# Resolves once the media element of the page meets the condition, which is checked at each of its events.
# Events rather than a timer, because some tests stop the page's clock.
_UNTIL: Final = """() => new Promise((resolve) => {
  const news = ["abort", "canplay", "canplaythrough", "durationchange", "emptied", "ended", "error", "loadeddata",
    "loadedmetadata", "loadstart", "pause", "play", "playing", "progress", "ratechange", "seeked", "seeking", "stalled",
    "suspend", "timeupdate", "waiting"];
  const look = () => {
    const media = document.querySelector("audio, video");
    if (media === null || !(%s)) return;
    for (const name of news) document.removeEventListener(name, look, true);
    resolve();
  };
  for (const name of news) document.addEventListener(name, look, true);
  look();
})"""
# Whatever the page does after a second or later, it does ten times as soon.
HURRY: Final = """(() => {
  const { setTimeout: later } = window;
  window.setTimeout = (act, wait = 0, ...given) => later(act, wait < 1000 ? wait : wait / 10, ...given);
})()"""
# A document of the same origin that runs nothing.
BLANK: Final = "player/000000000000/icon.svg"
_STATE: Final = "[media.src, media.currentTime, media.paused, media.readyState, media.error?.message]"
_STORE: Final = """(key) => {
  localStorage.clear();
  sessionStorage.clear();
  if (key !== null) sessionStorage.setItem("seekgate.key", key);
}"""
PATIENCE_SECONDS: Final = 60


class Listener:
    """A person with a browser at a gateway's page. `faults` are errors of the page's code."""

    def __init__(self, page: Page, site: Gateway) -> None:
        self.page = page
        self.site = site
        self.faults: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._hear)
        page.on("request", lambda request: self.requests.append(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        # A refused request is not an error of the page; each test says which it expects.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(message.text)

    async def arrive(self, place: str = "") -> None:
        await self.page.goto(f"{self.site.base_url}/{place}")

    async def begin(self, key: str | None) -> None:
        """Load the page as it is for a person who is signed in with this key, or not, and has stored nothing else."""
        await self.page.unroute_all(behavior="ignoreErrors")
        await self.arrive(BLANK)  # from here, every address of the page is another document
        await self.page.evaluate(_STORE, key)
        self.faults.clear()
        self.requests.clear()
        await self.arrive()

    async def sign_in(self, key: str) -> None:
        await self.page.get_by_label("API key").fill(key)
        await self.page.get_by_role("button", name="Open recordings").click()

    @property
    def rows(self) -> Locator:
        return self.page.get_by_role("navigation").get_by_role("listitem").get_by_role("link")

    def row(self, recording_id: int) -> Locator:
        return self.page.locator(f'a[href="#/recordings/{recording_id}"]')

    async def open(self, recording_id: int) -> None:
        """Choose the recording in the list."""
        row = self.row(recording_id)
        await row.click()
        await expect(row).to_have_attribute("aria-current", "true")

    async def open_sound(self, recording_id: int) -> None:
        """Choose it, and wait until its duration is known."""
        await self.open(recording_id)
        await self.until("media.readyState >= HTMLMediaElement.HAVE_METADATA")

    async def play(self) -> None:
        await self.page.keyboard.press("Space")
        await self.until("!media.paused && media.currentTime > 0")

    async def until_drawn(self) -> None:
        """Wait until the waveform is complete."""
        await expect(self.page.locator("#waveform .shape")).to_have_attribute("d", re.compile("."))
        figure = self.page.get_by_role("figure", name="Waveform")
        await expect(figure.locator("figcaption")).to_be_empty()

    async def until(self, condition: str) -> None:
        """Wait for a condition, in JavaScript, on the element `media`."""
        try:
            await self.patiently(_UNTIL % condition)
        except TimeoutError:
            pytest.fail(f"never: {condition}; but {await self.media(f'media && {_STATE}')}")

    async def patiently(self, function: str, argument: Any = None) -> Any:
        """What the page's JavaScript function resolves with. Raises TimeoutError; Playwright would wait for ever."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.page.evaluate(function, argument)

    async def media(self, expression: str) -> Any:
        """The value of an expression, in JavaScript, on the element `media`."""
        return await self.page.evaluate(
            f"() => {{ const media = document.querySelector('audio, video'); return {expression}; }}"
        )

    async def status_of(self, path: str, key: str | None = None) -> int:
        """The status of the gateway's response, to somebody with this key."""
        headers = {} if key is None else {"X-API-Key": key}
        response = await self.page.request.head(f"{self.site.base_url}{path}", headers=headers)
        return response.status

    async def until_refused(self, status: int, path: str, key: str | None = None) -> None:
        """Ask until the gateway answers with this status."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if await self.status_of(path, key) == status:
                    return
                await asyncio.sleep(0.05)
