"""python -m benchmarks.listening: what browsers are sent while somebody listens, with the pace of a recording and without.

A person opens a recording of six minutes, plays, and seeks twelve times, in each browser, over loopback and over a link
of 8 Mbit/s. The gateway's access log has the bytes that were sent; the browser counts how often playback had to wait.
All browsers listen at the same time, each at its own gateway: a listener costs next to no processor time.
"""

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median
from time import time
from typing import Any, Final, NamedTuple

import click
import pytest
from playwright.async_api import async_playwright

from benchmarks.__main__ import RESULTS
from benchmarks.goals import Goal, judge
from benchmarks.machine import REPOSITORY, describe_machine
from benchmarks.report import LISTENING_BLOCK, Run, performance_text, write_block, write_results
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
FEW_SEEKS: Final = 4
SECONDS: Final = 360
STAY_SECONDS: Final = 4
# An index leads to each position of the first two; WebKit reads its way through the third, which is therefore not paced.
KINDS: Final = ("webm-opus", "m4a-moov-last", "mp3-cbr")
LINKS: Final = {"loopback": None, "8 Mbit/s": 1_000_000}
PACED: Final = "seekgate, paced"
UNPACED: Final = "seekgate, not paced"
SERVERS: Final = {UNPACED: "false", PACED: "true"}
# A browser that has not finished its seeks by then does not finish them: they take less than a minute.
ROW_SECONDS: Final = 90
_SETTLED_SECONDS: Final = 1.5


class Listener(NamedTuple):
    """A browser that plays a kind of recording from a server."""

    browser: str
    kind: str
    server: str


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


def _sent(kind: str, link: str, limit: float, *, moonshot: bool = False) -> Goal:
    row = f"listening/WebKitGTK, {kind}, {link}/{PACED}"
    what = f"WebKitGTK, {kind}, {link}: bytes sent for each of the recording"
    return Goal(what, limit, "×", lambda rows: rows[row].values["sent_per_byte"], moonshot=moonshot)


def _waits(load: str) -> Goal:
    return Goal(
        f"{load}: times playback waited, more than without a pace", 0, "", lambda rows: _more(rows, load, "waits")
    )


def _start(load: str) -> Goal:
    what = f"{load}: median time from seek to sound, more than without a pace"
    return Goal(what, 50, " ms", lambda rows: _more(rows, load, "start_p50_ms"))


def _more(rows: Round, load: str, value: str) -> float:
    paced, unpaced = (rows[f"listening/{load}/{server}"].values[value] for server in (PACED, UNPACED))
    return paced - unpaced


_PACED_PLAYERS: Final = (f"Chromium, {KINDS[0]}", f"WebKitGTK, {KINDS[0]}", f"WebKitGTK, {KINDS[1]}")
_PACED_LOADS: Final = [f"{player}, {link}" for player, link in product(_PACED_PLAYERS, LINKS)]
GOALS: Final = (
    *(_sent(kind, link, 2) for kind, link in product(KINDS, LINKS)),
    *(_sent(kind, link, 1.3, moonshot=True) for kind, link in product(KINDS, LINKS)),
    *map(_waits, _PACED_LOADS),
    *map(_start, _PACED_LOADS),
)


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


async def listen(open_tab: OpenTab, place: Place, link: str, stay_seconds: int, seed: int) -> dict[str, float]:
    """The values of a row: one person, who listens over this link. Only the number of seeks if they were not finished."""
    chance = random.Random(seed)
    tour = Tour([chance.randrange(SECONDS - stay_seconds - 2) for _ in range(SEEKS)], stay_seconds)
    before = len(place.accesses(place.sound))
    try:
        async with asyncio.timeout(ROW_SECONDS):
            await _over_link(open_tab, place, LINKS[link], tour)
    except (pytest.fail.Exception, TimeoutError) as failure:
        click.echo(f"did not finish: {failure}", err=True)
        return {"seeks": len(tour.seen)}
    await _settled(lambda: len(place.accesses(place.sound)))
    lines = place.accesses(place.sound)[before:]
    size = place.sound.size or 1
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


async def _over_link(open_tab: OpenTab, place: Place, bytes_per_second: int | None, tour: Tour) -> None:
    url = await place.mint(place.sound)
    if bytes_per_second is None:
        await _visit_all(open_tab, url, tour)
        return
    async with slow_link(place.site, bytes_per_second) as link:
        await _visit_all(open_tab, url.replace(place.site.base_url, link.url), tour)
        tour.carried = link.carried


async def _visit_all(open_tab: OpenTab, url: str, tour: Tour) -> None:
    async with stage_server() as stage, open_tab(stage) as tab:
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


@contextmanager
def places(folder: Path, listeners: list[Listener]) -> Iterator[dict[Listener, Place]]:
    """Where each listens. A browser has gateways of its own, whose logs have its requests alone."""
    postgres = embedded_postgres(folder / "postgres")
    with asyncio.Runner() as runner, ExitStack() as stack:
        url = runner.run(postgres.__aenter__())
        stack.callback(lambda: runner.run(postgres.__aexit__(None, None, None)))
        sounds = {kind: make_toned(folder, kind, SECONDS) for kind in {each.kind for each in listeners}}
        sites = {}
        for browser, server in dict.fromkeys((each.browser, each.server) for each in listeners):
            settings = {"SEEKGATE_DELIVERY__PACE": SERVERS[server], "SEEKGATE_CORS__ALLOWED_ORIGINS": '["*"]'}
            started = running_gateway(url, folder / f"{browser}, {server}", settings)
            sites[browser, server] = stack.enter_context(started)
        found = {}
        for each in listeners:
            site = sites[each.browser, each.server]
            found[each] = Place(site, bring_in(site, sounds[each.kind]))
        yield found


async def measure(
    opened: dict[str, OpenTab], where: dict[Listener, Place], link: str, stay_seconds: int, seed: int
) -> list[Row]:
    """The rows of a link: everybody listens at the same time."""
    values = await asyncio.gather(
        *(listen(opened[each.browser], place, link, stay_seconds, seed) for each, place in where.items())
    )
    return [
        Row("listening", f"{each.browser}, {each.kind}, {link}", each.server, found)
        for each, found in zip(where, values, strict=True)
    ]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A short run that shows that the benchmark works; its numbers mean little.")
@click.option("--rounds", type=click.IntRange(1, 20), default=1, help="How many times everything is measured.")
@click.option(
    "--browser", "only", multiple=True, help="Measure this browser only; may be repeated. Nothing is written."
)
def main(*, quick: bool, rounds: int, only: tuple[str, ...]) -> None:
    """Measure what is sent to each browser, with the pace of a recording and without."""
    opened = {name: open_tab for name, open_tab in browsers().items() if not only or name in only}
    listeners = [
        Listener(browser, kind, server)
        for browser, kind, server in product(opened, KINDS, SERVERS)
        if kind == KINDS[0] or browser == "WebKitGTK"
    ]
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="seekgate-listening-") as name,
        places(Path(name), listeners) as where,
    ):
        for number in range(rounds):
            rows = []
            for link in LINKS:
                rows += asyncio.run(measure(opened, where, link, 1 if quick else STAY_SECONDS, number))
            found.append(as_round(rows))
    run = Run(describe_machine(), found, judge(GOALS, found), [])
    if not (quick or only):
        write_results(run, RESULTS / "listening")
        write_block(REPOSITORY / LISTENING_BLOCK.document, LISTENING_BLOCK, performance_text(run, LISTENING_BLOCK))
    click.echo(performance_text(run, LISTENING_BLOCK))


if __name__ == "__main__":
    main()
