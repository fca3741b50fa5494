"""The requests that browsers send over a slow link: all of them are for ranges.

RECORD_REQUESTS=1 writes them into docs/browsers.md.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.browser.slow_link import slow_link
from tests.browser.sound_gateway import SoundGateway, import_sound
from tests.browser.tabs import Tab, together
from tests.gateway_process import running_gateway
from tests.toned_files import SECONDS, make_toned

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "browsers.md"
# Little more than it takes to play: while a slow machine acts, Firefox loads on, and it asks for nothing that it has loaded.
LINK_BYTES_PER_SECOND: Final = 128 * 1024
# Name in the document -> function of the media page, and its arguments.
ACTS: Final[dict[str, tuple[str, list[Any]]]] = {
    "load": ("load", []),
    "play": ("hear", []),
    "seek to the middle": ("seek", [30]),
    "play there": ("hear", []),
    "seek to the last second": ("seek", [SECONDS - 1]),
    "play to the end": ("hear", []),
    "seek back": ("seek", [24]),
    "play on": ("hear", []),
    "40 seeks in 4 s": ("storm", [random.Random(7).choices(range(SECONDS - 2), k=40), 100]),
    "play at last": ("hear", []),
    "load again": ("load", []),
    "play again": ("hear", []),
}
# Most requests after the first: whether the range has an end, and the conditions. Chromium fills the holes of its cache,
# Firefox reads on from the seek.
USUAL: Final = {"chromium": ("closed", ("If-Range",)), "firefox": ("open", ())}
SHOWN_ROWS: Final = 5
HEAD: Final = "| act | `Range` | condition | status | promised | sent | outcome |\n|---|---|---|---|---|---|---|"


class Asked(NamedTuple):
    """One request, with its response as the access log records it; lengths in bytes."""

    act: str
    range: str
    conditions: tuple[str, ...]
    status: int
    promised: int
    sent: int
    outcome: str

    @property
    def end(self) -> str:
        """Whether the range has an end."""
        return "open" if self.range.endswith("-") else "closed"

    def row(self) -> str:
        """A line of the document's table."""
        conditions = " ".join(f"`{name}`" for name in self.conditions)
        lengths = f"{self.promised:,} | {self.sent:,}"
        return f"| {self.act} | `{self.range}` | {conditions} | {self.status} | {lengths} | {self.outcome} |"


async def perform(gateway: SoundGateway, tab: Tab) -> list[tuple[str, Mapping[str, str]]]:
    """Perform every act. Each request of the browser, in order: the act during which it arrived, and its fields."""
    acts: list[str] = []
    async with slow_link(gateway.site, LINK_BYTES_PER_SECOND) as link:
        url = (await gateway.playback_url(gateway.sound)).replace(gateway.site.base_url, link.url)
        for act, (function, arguments) in ACTS.items():
            await tab.ask(function, *([url, "audio"] if function == "load" else arguments))
            acts += [act] * (len(link.requests) - len(acts))
        # Firefox asks a server that has gone again and again, without a pause, as long as the element exists.
        await tab.visit("about:blank")
    return list(zip(acts, link.requests, strict=False))


def joined(requests: list[tuple[str, Mapping[str, str]]], gateway: SoundGateway) -> list[Asked]:
    """The requests, with the lines of the access log."""
    lines = {line["request_id"]: line for line in gateway.accesses(gateway.sound)}
    return [
        Asked(
            act,
            fields.get("Range", "none"),
            tuple(name for name in fields if name.startswith("If-")),
            *(lines[fields["X-Request-Id"]][name] for name in ("status", "promised", "sent", "outcome")),
        )
        for act, fields in requests
    ]


def table(requests: list[Asked]) -> str:
    """A table of the first few requests of each act, or `none`."""
    lines = [HEAD]
    for act in ACTS:
        rows = [request.row() for request in requests if request.act == act] or [f"| {act} | none | | | | | |"]
        lines += rows[:SHOWN_ROWS]
        if rows[SHOWN_ROWS:]:
            lines.append(f"| {act} | and {len(rows) - SHOWN_ROWS} more | | | | | |")
    return "\n".join(lines)


def record(browser: str, version: str, requests: list[Asked]) -> None:
    """Put the table into the browser's section of the document."""
    section = re.compile(f"### {browser} .*?(?=\n##)", re.DOTALL)
    text = section.sub(f"### {browser} {version}\n\n{table(requests)}\n", DOCUMENT.read_text("utf-8"))
    DOCUMENT.write_text(text, "utf-8")


async def test_browsers_request_ranges_and_get_them(
    tabs: Sequence[Tab], postgres: str, settings: dict[str, str], tmp_path: Path
) -> None:
    with running_gateway(postgres, tmp_path / "gateway", settings) as site:
        gateway = import_sound(site, make_toned(tmp_path, "wav"))
        performed = await together(tabs, partial(perform, gateway))
    # The log is complete once the gateway has stopped.
    for tab, sent in zip(tabs, performed, strict=True):
        requests = joined(sent, gateway)
        check(tab.browser, requests)
        if os.environ.get("RECORD_REQUESTS") == "1":
            version = await tab.attempt("/(Chrome|Firefox).([0-9]+)/.exec(navigator.userAgent)[2]")
            record(tab.browser.capitalize(), version, requests)


def check(browser: str, requests: list[Asked]) -> None:
    assert {request.status for request in requests} == {206}
    assert all(re.fullmatch("bytes=[0-9]+-[0-9]*", request.range) for request in requests)
    assert {request.outcome for request in requests} <= {"complete", "client_closed"}
    assert {"load", "seek to the middle", "seek to the last second", "seek back"} <= {each.act for each in requests}
    assert (requests[0].range, requests[0].conditions) == ("bytes=0-", ())
    kinds = Counter((request.end, request.conditions) for request in requests[1:])
    assert kinds.most_common(1)[0][0] == USUAL[browser]
