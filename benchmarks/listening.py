"""python -m benchmarks.listening: what browsers are sent while somebody listens, with the pace of a recording and without.

A person opens a recording of six minutes, plays, and seeks twelve times, in each browser, over loopback and over a link
of 8 Mbit/s. The gateway's access log has the bytes that were sent; the browser counts how often playback had to wait.
All browsers listen at the same time, each at its own gateway: a listener costs next to no processor time.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

import click

from benchmarks.__main__ import RESULTS
from benchmarks.goals import Goal, judge
from benchmarks.listeners import LINKS, SECONDS, OpenTab, browsers, listen
from benchmarks.machine import REPOSITORY, describe_machine
from benchmarks.report import LISTENING_BLOCK, Run, add_to_results, performance_text, write_block, write_results
from benchmarks.rows import Round, Row, as_round
from benchmarks.seekgate import running_postgres
from tests.browser.library import import_file
from tests.browser.sound_gateway import SoundGateway
from tests.conftest import prepare_server
from tests.gateway_process import running_gateway
from tests.toned_files import make_toned

STAY_SECONDS: Final = 4
# WebKitGTK finds a position by an index in the first two, by a search in the third. It reads its way to it through the
# last, which is therefore not paced.
KINDS: Final = ("webm-opus", "m4a-moov-last", "ogg-opus", "mp3-cbr")
PACED: Final = "seekgate, paced"
UNPACED: Final = "seekgate, not paced"
SERVERS: Final = {UNPACED: "false", PACED: "true"}


class Listener(NamedTuple):
    """A browser that plays a kind of recording from a server."""

    browser: str
    kind: str
    server: str


def _sent(kind: str, link: str, limit: float, *, stretch: bool = False) -> Goal:
    row = f"listening/WebKitGTK, {kind}, {link}/{PACED}"
    what = f"WebKitGTK, {kind}, {link}: bytes sent for each of the recording"
    return Goal(what, limit, "×", lambda rows: rows[row].values["sent_per_byte"], stretch=stretch)


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


_PACED_PLAYERS: Final = (f"Chromium, {KINDS[0]}", *(f"WebKitGTK, {kind}" for kind in KINDS[:3]))
_PACED_LOADS: Final = [f"{player}, {link}" for player, link in product(_PACED_PLAYERS, LINKS)]
GOALS: Final = (
    *(_sent(kind, link, 2) for kind, link in product(KINDS, LINKS)),
    *(_sent(kind, link, 1.3, stretch=True) for kind, link in product(KINDS, LINKS)),
    *map(_waits, _PACED_LOADS),
    *map(_start, _PACED_LOADS),
)


@contextmanager
def sound_gateways(folder: Path, listeners: list[Listener]) -> Iterator[dict[Listener, SoundGateway]]:
    """Where each listens. A browser has gateways of its own, whose logs have its requests alone."""
    with running_postgres(folder / "postgres") as (runner, url), ExitStack() as stack:
        runner.run(prepare_server(url))
        sounds = {kind: make_toned(folder, kind, SECONDS) for kind in {each.kind for each in listeners}}
        sites = {}
        for browser, server in dict.fromkeys((each.browser, each.server) for each in listeners):
            settings = {"SEEKGATE_DELIVERY__PACE": SERVERS[server], "SEEKGATE_CORS__ALLOWED_ORIGINS": '["*"]'}
            started = running_gateway(url, folder / f"{browser}, {server}", settings)
            sites[browser, server] = stack.enter_context(started)
        found = {}
        for each in listeners:
            site = sites[each.browser, each.server]
            found[each] = SoundGateway(site, import_file(site, sounds[each.kind]))
        yield found


async def measure(
    opened: dict[str, OpenTab], where: dict[Listener, SoundGateway], link: str, stay_seconds: int, seed: int
) -> list[Row]:
    """The rows of a link: everybody listens at the same time."""
    values = await asyncio.gather(
        *(listen(opened[each.browser], gateway, link, stay_seconds, seed) for each, gateway in where.items())
    )
    return [
        Row("listening", f"{each.browser}, {each.kind}, {link}", each.server, found)
        for each, found in zip(where, values, strict=True)
    ]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A short run that shows that the benchmark works; its numbers mean little.")
@click.option("--rounds", type=click.IntRange(1, 20), default=1, help="How many times everything is measured.")
@click.option(
    "--link",
    "links",
    type=click.Choice(list(LINKS)),
    multiple=True,
    default=list(LINKS),
    help="Measure over this link only. What was measured at the same commit over the other one stays in the results.",
)
@click.option(
    "--browser", "only", multiple=True, help="Measure this browser only; may be repeated. Nothing is written."
)
def main(*, quick: bool, rounds: int, links: tuple[str, ...], only: tuple[str, ...]) -> None:
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
        sound_gateways(Path(name), listeners) as where,
    ):
        for number in range(rounds):
            rows = []
            for link in links:
                rows += asyncio.run(measure(opened, where, link, 1 if quick else STAY_SECONDS, number))
            found.append(as_round(rows))
    machine = describe_machine()
    if not (quick or only):
        found = add_to_results(found, RESULTS / "listening", machine["commit"])
    run = Run(machine, found, judge(GOALS, found), [])
    if not (quick or only):
        write_results(run, RESULTS / "listening")
        write_block(REPOSITORY / LISTENING_BLOCK.document, LISTENING_BLOCK, performance_text(run, LISTENING_BLOCK))
    click.echo(performance_text(run, LISTENING_BLOCK))


if __name__ == "__main__":
    main()
