"""One person who listens to a recording in a real browser: what was sent, and how long playback had to wait."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import time
from typing import Any, Final

import click
import pytest
from playwright.async_api import async_playwright

from tests.browser.firefox import running_firefox
from tests.browser.slow_link import slow_link
from tests.browser.sound_gateway import SoundGateway
from tests.browser.tabs import Tab, chromium_tab, firefox_tab, other_origin_server, webkit_tab
from tests.browser.webkit import mini_browser, running_webkit_driver

SEEKS: Final = 12
FEW_SEEKS: Final = 4
SECONDS: Final = 360
LINKS: Final = {"loopback": None, "8 Mbit/s": 1_000_000}
# A browser that has not finished its seeks by then does not finish them: they take less than a minute.
ROW_SECONDS: Final = 90
_SETTLED_SECONDS: Final = 1.5

OpenTab = Callable[[str], AbstractAsyncContextManager[Tab]]


@asynccontextmanager
async def _chromium(other_origin: str) -> AsyncGenerator[Tab]:
    async with async_playwright() as playwright:
        flags = ["--autoplay-policy=no-user-gesture-required"]
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        async with browser, chromium_tab(browser, other_origin) as tab:
            yield tab


@asynccontextmanager
async def _firefox(other_origin: str) -> AsyncGenerator[Tab]:
    with tempfile.TemporaryDirectory(prefix="seekgate-firefox-") as profile:
        program = shutil.which("firefox-esr") or ""
        async with running_firefox(program, Path(profile)) as bidi, firefox_tab(bidi, other_origin) as tab:
            yield tab


@asynccontextmanager
async def _webkit(other_origin: str) -> AsyncGenerator[Tab]:
    async with running_webkit_driver() as driver, webkit_tab(driver, mini_browser() or "", other_origin) as tab:
        yield tab


def browsers() -> dict[str, OpenTab]:
    """The browsers that are installed."""
    found: dict[str, tuple[object, OpenTab]] = {
        "Chromium": (shutil.which("chromium"), _chromium),
        "Firefox": (shutil.which("firefox-esr"), _firefox),
        "WebKitGTK": (mini_browser(), _webkit),
    }
    return {name: opened for name, (program, opened) in found.items() if program}


@dataclass(slots=True)
class Tour:
    """Where a listener seeks to, and for how long it stays at each position.

    Of the seeks that were made: when each began (seconds since the epoch), and what the browser saw. `carried` is the
    number of bytes that went over a slow link.
    """

    seconds: list[int]
    stay_seconds: int
    began: list[float] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    carried: int = 0


async def listen(open_tab: OpenTab, gateway: SoundGateway, link: str, stay_seconds: int, seed: int) -> dict[str, float]:
    """The values of a row: one person, who listens over this link. Only the number of seeks if they were not finished."""
    chance = random.Random(seed)
    tour = Tour([chance.randrange(SECONDS - stay_seconds - 2) for _ in range(SEEKS)], stay_seconds)
    before = len(gateway.accesses(gateway.sound))
    try:
        async with asyncio.timeout(ROW_SECONDS):
            await _over_link(open_tab, gateway, LINKS[link], tour)
    except (pytest.fail.Exception, TimeoutError) as failure:
        click.echo(f"did not finish: {failure}", err=True)
        return {"seeks": len(tour.seen)}
    await _settled(lambda: len(gateway.accesses(gateway.sound)))
    lines = gateway.accesses(gateway.sound)[before:]
    size = gateway.sound.size or 1
    sent = sum(line["sent"] for line in lines)
    few = sum(line["sent"] for line in lines if line["time"] - line["milliseconds"] / 1000 < tour.began[FEW_SEEKS])
    starts = [visit["start"] for visit in tour.seen]
    values = {
        "seeks": len(tour.seen),
        "sent_after_four": few / size,
        "sent_per_byte": sent / size,
        "sent_per_played": sent / size * SECONDS / (SEEKS * stay_seconds),
        "waits": sum(visit["waits"] for visit in tour.seen),
        "pause_max_ms": max(visit["pause"] for visit in tour.seen),
        "presses": sum(visit["presses"] for visit in tour.seen),
        "start_p50_ms": median(starts),
        "start_max_ms": max(starts),
    }
    return values | ({"carried_per_byte": tour.carried / size} if LINKS[link] else {})


async def _over_link(open_tab: OpenTab, gateway: SoundGateway, bytes_per_second: int | None, tour: Tour) -> None:
    url = await gateway.playback_url(gateway.sound)
    if bytes_per_second is None:
        await _visit_all(open_tab, url, tour)
        return
    async with slow_link(gateway.site, bytes_per_second) as link:
        await _visit_all(open_tab, url.replace(gateway.site.base_url, link.url), tour)
        tour.carried = link.carried


async def _visit_all(open_tab: OpenTab, url: str, tour: Tour) -> None:
    async with other_origin_server() as other_origin, open_tab(other_origin) as tab:
        await tab.ask("load", url, "audio")
        for second in tour.seconds:
            tour.began.append(time())
            tour.seen.append(await tab.ask("visit", second, tour.stay_seconds))


async def _settled(read: Callable[[], float]) -> None:
    """Wait until the value has not changed for a while: the log's last lines come late."""
    value, seen = read(), -1.0
    while value != seen:
        seen = value
        await asyncio.sleep(_SETTLED_SECONDS)
        value = read()
