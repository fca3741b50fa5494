"""What Chromium and Firefox play of the corpus: each file from its beginning to its end, at eight times the pace."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright

from tests.browser.bidi import BidiError
from tests.browser.conftest import launch
from tests.browser.firefox import running_firefox
from tests.browser.tabs import Tab, chromium_tab, firefox_tab
from tests.corpus.edits import Sample

TABS: Final = 3
SECONDS: Final = 30
# Resolves with where it began, where it ended and the error, if any. The claimed duration is read before it plays.
PLAY: Final = """async (url, tag) => {
  const media = document.createElement(tag);
  const ends = new Promise((resolve) => {
    for (const name of ["ended", "error"]) media.addEventListener(name, () => resolve(name), { once: true });
    setTimeout(() => resolve("stalled"), 15000);
  });
  media.muted = true;
  media.src = url;
  document.body.append(media);
  await Promise.race([ends, new Promise((resolve) => media.addEventListener("loadeddata", resolve, { once: true }))]);
  const [begin, claimed] = [media.currentTime, media.duration];
  media.playbackRate = 8;
  media.play().catch(() => {});
  const outcome = await ends;
  const found = { outcome, begin, claimed: Number.isFinite(claimed) ? claimed : null, end: media.currentTime };
  media.removeAttribute("src");
  media.remove();
  return found;
}"""


@dataclass(frozen=True, slots=True)
class Played:
    """`claimed` is what the browser said before it played, None for an unknown length; `outcome` how it ended."""

    outcome: str
    begin: float
    claimed: float | None
    end: float

    @property
    def seconds(self) -> float:
        """How long it played."""
        return self.end - self.begin


@asynccontextmanager
async def served(samples: Sequence[Sample]) -> AsyncGenerator[str]:
    """The files under their numbers, with their types."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for number, sample in enumerate(samples):
            (folder / str(number)).write_bytes(sample.content)

        async def page(_: web.Request) -> web.Response:
            return web.Response(text="<!doctype html><title>Corpus</title>", content_type="text/html")

        async def file(request: web.Request) -> web.FileResponse:
            number = int(request.match_info["number"])
            headers = {"Content-Type": samples[number].content_type or "application/octet-stream"}
            return web.FileResponse(folder / str(number), headers=headers)

        app = web.Application()
        app.add_routes([web.get("/", page), web.get("/{number:[0-9]+}", file)])
        async with TestServer(app) as server:
            yield str(server.make_url("/"))


async def played(tab: Tab, url: str, number: int, sample: Sample) -> Played | None:
    """What the browser plays of this file; None if it says nothing."""
    tag = "video" if (sample.content_type or "").startswith("video") else "audio"
    try:
        async with asyncio.timeout(SECONDS):
            return Played(**await tab.evaluate(f"({PLAY})('{url}{number}', '{tag}')"))
    except (BidiError, TimeoutError):
        return None


async def play_in(tabs: Sequence[Tab], url: str, samples: Sequence[Sample]) -> list[Played | None]:
    """What the browser plays of each file, of which each tab plays one at a time."""
    found: list[Played | None] = [None] * len(samples)
    waiting = list(enumerate(samples))

    async def work(tab: Tab) -> None:
        while waiting:
            number, sample = waiting.pop()
            found[number] = await played(tab, url, number, sample)

    async with asyncio.TaskGroup() as group:
        for tab in tabs:
            group.create_task(work(tab))
    return found


async def play_all(browser: str, samples: Sequence[Sample]) -> list[Played | None]:
    """What the browser plays of each."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(samples))
        if browser == "chromium":
            playwright = await stack.enter_async_context(async_playwright())
            chromium = await stack.enter_async_context(await launch(playwright, "chromium"))
            tabs = [await stack.enter_async_context(chromium_tab(chromium, url)) for _ in range(TABS)]
        else:
            profile = Path(stack.enter_context(TemporaryDirectory()))
            bidi = await stack.enter_async_context(running_firefox(shutil.which("firefox-esr") or "", profile))
            tabs = [await stack.enter_async_context(firefox_tab(bidi, url)) for _ in range(TABS)]
        return await play_in(tabs, url, samples)
