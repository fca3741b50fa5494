"""python -m benchmarks.listening: what browsers are sent while somebody listens, with the pace of a recording and without.

A person opens a recording of six minutes, plays, and seeks twelve times, in each browser, over loopback and over a link
of 8 Mbit/s. The gateway's access log has the bytes that were sent; the browser counts how often playback had to wait.
"""

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import pytest
from playwright.async_api import async_playwright

from benchmarks.__main__ import RESULTS
from benchmarks.goals import Goal, judge
from benchmarks.machine import REPOSITORY, describe_machine
from benchmarks.report import LISTENING_BLOCK, Run, performance_text, targets_table, write_block, write_results
from benchmarks.rows import Round, Row, as_round
from gateway.db.embedded.shared_server import embedded_postgres
from tests.browser.firefox import running_firefox
from tests.browser.library import bring_in
from tests.browser.places import Place
from tests.browser.slow_link import slow_link
from tests.browser.tabs import Tab, chromium_tab, firefox_tab, stage_server, webkit_tab
from tests.browser.webkit import mini_browser, running_webkit_driver
from tests.gateway_process import running_gateway
from tests.toned_files import make_toned

SEEKS: Final = 12
ATTEMPTS: Final = 2
SECONDS: Final = 360
# An index leads to each position of the first; WebKit reads its way through the second, which is therefore not paced for it.
KINDS: Final = ("webm-opus", "mp3-cbr")
LINKS: Final = {"loopback": None, "8 Mbit/s": 1_000_000}
PACED: Final = "seekgate, paced"
UNPACED: Final = "seekgate, not paced"
SERVERS: Final = {UNPACED: "false", PACED: "true"}
_SETTLED_SECONDS: Final = 1.5


@dataclass(frozen=True, slots=True)
class Listening:
    """A browser that plays a kind of recording over a link."""

    browser: str
    kind: str
    link: str

    @property
    def title(self) -> str:
        return f"{self.browser}, {self.kind}, {self.link}"

    @property
    def bytes_per_second(self) -> int | None:
        return LINKS[self.link]


def _loads(opened: Iterable[str]) -> Iterator[Listening]:
    for browser, kind, link in product(opened, KINDS, LINKS):
        if kind == KINDS[0] or browser == "WebKitGTK":
            yield Listening(browser, kind, link)


OpenTab = Callable[[str], AbstractAsyncContextManager[Tab]]


@asynccontextmanager
async def _chromium(stage: str) -> AsyncGenerator[Tab]:
    async with async_playwright() as playwright:
        flags = ["--autoplay-policy=no-user-gesture-required"]
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        async with browser, chromium_tab(browser, stage) as tab:
            yield tab


@asynccontextmanager
async def _firefox(stage: str) -> AsyncGenerator[Tab]:
    with tempfile.TemporaryDirectory(prefix="seekgate-firefox-") as profile:
        program = shutil.which("firefox-esr") or ""
        async with running_firefox(program, Path(profile)) as bidi, firefox_tab(bidi, stage) as tab:
            yield tab


@asynccontextmanager
async def _webkit(stage: str) -> AsyncGenerator[Tab]:
    async with running_webkit_driver() as driver, webkit_tab(driver, mini_browser() or "", stage) as tab:
        yield tab


def browsers() -> dict[str, OpenTab]:
    """The browsers that are installed."""
    found: dict[str, tuple[object, OpenTab]] = {
        "Chromium": (shutil.which("chromium"), _chromium),
        "Firefox": (shutil.which("firefox-esr"), _firefox),
        "WebKitGTK": (mini_browser(), _webkit),
    }
    return {name: opened for name, (program, opened) in found.items() if program}


def _sent(link: str, limit: float, *, moonshot: bool = False) -> Goal:
    row = f"listening/WebKitGTK, {KINDS[0]}, {link}/{PACED}"
    what = f"WebKitGTK, {KINDS[0]}, {link}: bytes sent for each of the recording"
    return Goal(what, limit, "×", lambda rows: rows[row].values["sent_per_byte"], moonshot=moonshot)


def _waits(browser: str, link: str) -> Goal:
    place = f"listening/{browser}, {KINDS[0]}, {link}"

    def more(rows: Round) -> float:
        return rows[f"{place}/{PACED}"].values["waits"] - rows[f"{place}/{UNPACED}"].values["waits"]

    return Goal(f"{browser}, {KINDS[0]}, {link}: times playback waited, more than without a pace", 0, "", more)


GOALS: Final = (
    *(_sent(link, 2) for link in LINKS),
    *(_sent(link, 1.3, moonshot=True) for link in LINKS),
    *(_waits(browser, link) for browser, link in product(("Chromium", "WebKitGTK"), LINKS)),
)


async def listen(
    open_tab: OpenTab, place: Place, bytes_per_second: int | None, stay_seconds: int, seed: int
) -> dict[str, float]:
    """The values of a row: one person, who listens over this link (None for loopback).

    WebKitGTK hangs in a seek now and then, paced or not: then it starts again.
    """
    chance = random.Random(seed)
    seconds = [chance.randrange(SECONDS - stay_seconds - 2) for _ in range(SEEKS)]
    for attempt in range(ATTEMPTS):
        before = len(place.accesses(place.sound))
        try:
            heard = await _over_link(open_tab, place, bytes_per_second, seconds, stay_seconds)
        except pytest.fail.Exception:
            if attempt + 1 == ATTEMPTS:
                raise
            await _settled(lambda: len(place.accesses(place.sound)))
        else:
            break
    sent = await _settled(lambda: sum(line["sent"] for line in place.accesses(place.sound)[before:]))
    recordings = sent / (place.sound.size or 1)
    starts = [visit["start"] for visit in heard]
    return {
        "sent_per_byte": recordings,
        "sent_per_played": recordings * SECONDS / (SEEKS * stay_seconds),
        "waits": sum(visit["waits"] for visit in heard),
        "start_p50_ms": median(starts),
        "start_max_ms": max(starts),
    }


async def _over_link(
    open_tab: OpenTab, place: Place, bytes_per_second: int | None, seconds: list[int], stay_seconds: int
) -> list[dict[str, Any]]:
    url = await place.mint(place.sound)
    async with stage_server() as stage:
        if bytes_per_second is None:
            return await _tour(open_tab, stage, url, seconds, stay_seconds)
        async with slow_link(place.site, bytes_per_second) as link:
            url = url.replace(place.site.base_url, link.url)
            return await _tour(open_tab, stage, url, seconds, stay_seconds)


async def _tour(open_tab: OpenTab, stage: str, url: str, seconds: list[int], stay_seconds: int) -> list[dict[str, Any]]:
    async with open_tab(stage) as tab:
        await tab.ask("load", url, "audio")
        return [await tab.ask("visit", second, stay_seconds) for second in seconds]


async def _settled(read: Callable[[], float]) -> float:
    """The value, once it has not changed for a while: the log's last lines come late."""
    value, seen = read(), -1.0
    while value != seen:
        seen = value
        await asyncio.sleep(_SETTLED_SECONDS)
        value = read()
    return value


@contextmanager
def places(folder: Path) -> Iterator[dict[str, list[Place]]]:
    """The gateways by name, each with a recording of each kind."""
    postgres = embedded_postgres(folder / "postgres")
    with asyncio.Runner() as runner, ExitStack() as stack:
        url = runner.run(postgres.__aenter__())
        stack.callback(lambda: runner.run(postgres.__aexit__(None, None, None)))
        sounds = [make_toned(folder, kind, SECONDS) for kind in KINDS]
        found = {}
        for name, pace in SERVERS.items():
            settings = {"SEEKGATE_DELIVERY__PACE": pace, "SEEKGATE_CORS__ALLOWED_ORIGINS": '["*"]'}
            site = stack.enter_context(running_gateway(url, folder / name, settings))
            found[name] = [Place(site, bring_in(site, sound)) for sound in sounds]
        yield found


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A short run that shows that the benchmark works; its numbers mean little.")
@click.option("--rounds", type=click.IntRange(1, 20), default=1, help="How many times everything is measured.")
@click.option(
    "--browser", "only", multiple=True, help="Measure this browser only; may be repeated. Nothing is written."
)
def main(*, quick: bool, rounds: int, only: tuple[str, ...]) -> None:
    """Measure what is sent to each browser, with the pace of a recording and without."""
    stay_seconds = 1 if quick else 4
    opened = {name: open_tab for name, open_tab in browsers().items() if not only or name in only}
    found = []
    with tempfile.TemporaryDirectory(prefix="seekgate-listening-") as name, places(Path(name)) as gateways:
        for number in range(rounds):
            rows = []
            for load, server in product(_loads(opened), SERVERS):
                place = gateways[server][KINDS.index(load.kind)]
                try:
                    values = asyncio.run(
                        listen(opened[load.browser], place, load.bytes_per_second, stay_seconds, number)
                    )
                except pytest.fail.Exception as failure:
                    click.echo(f"{load.title}, {server}: not measured: {failure}", err=True)
                    continue
                click.echo(f"{load.title}, {server}: {values}", err=True)
                rows.append(Row("listening", load.title, server, values))
            found.append(as_round(rows))
    run = Run(describe_machine(), found, judge(GOALS, found), [])
    if not (quick or only):
        write_results(run, RESULTS / "listening")
        write_block(REPOSITORY / LISTENING_BLOCK.document, LISTENING_BLOCK, performance_text(run, LISTENING_BLOCK))
    click.echo(targets_table(run.verdicts))


if __name__ == "__main__":
    main()
