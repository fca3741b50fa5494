"""What real players send: the request heads, ranges and connection habits of Chromium, Firefox, Safari and a CDN.

docs/browsers.md records the requests of real browsers, from which these profiles are taken.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.plan import KIB, MIB


@dataclass(frozen=True, slots=True)
class Fetch:
    """A request for `bytes=first-last`, or for `bytes=first-` if `is_open`, of which the player reads `taken` bytes."""

    first: int
    last: int
    taken: int
    is_open: bool = False
    if_range: bool = False

    @property
    def length(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of player. `seek(chance, size, n)` returns the requests of its n-th seek in an object of that size.

    If `keeps` is set and the player has read the whole response, the connection is used for the next seek. Otherwise it is
    reset, as browsers do.
    """

    name: str
    players: int
    keeps: bool
    fields: Mapping[str, str]
    seek: Callable[[random.Random, int, int], Sequence[Fetch]]


def _chromium(chance: random.Random, size: int, number: int) -> Sequence[Fetch]:
    """Fills the holes of its cache; every fourth seek is open-ended and abandoned early."""
    if number % 4 == 3:
        first = chance.randrange(size - 256 * KIB)
        return [Fetch(first, size - 1, 256 * KIB, is_open=True, if_range=True)]
    length = chance.randrange(400 * KIB, 2 * MIB)
    first = chance.randrange(size - length)
    return [Fetch(first, first + length - 1, length, if_range=True)]


def _firefox(chance: random.Random, size: int, _number: int) -> Sequence[Fetch]:
    return [Fetch(chance.randrange(size - 256 * KIB), size - 1, 256 * KIB, is_open=True)]


def _safari(chance: random.Random, size: int, _number: int) -> Sequence[Fetch]:
    """Probes for ranges first, then names the last byte."""
    first = chance.randrange(size - 512 * KIB)
    return [Fetch(0, 1, 2), Fetch(first, size - 1, 512 * KIB, if_range=True)]


def _cdn(chance: random.Random, size: int, _number: int) -> Sequence[Fetch]:
    """Requests aligned slices, as nginx's `slice` module does."""
    first = chance.randrange(size // (8 * MIB)) * 8 * MIB
    return [Fetch(first, first + 8 * MIB - 1, 8 * MIB)]


_PAGE: Final = "https://player.example.org/"

PROFILES: Final = (
    Profile(
        "Chromium",
        players=8,
        keeps=True,
        fields={
            "Connection": "keep-alive",
            "sec-ch-ua-platform": '"Linux"',
            "Accept-Encoding": "identity;q=1, *;q=0",
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
            "Accept": "*/*",
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "no-cors",
            "Sec-Fetch-Dest": "audio",
            "Referer": _PAGE,
            "Accept-Language": "en-GB,en;q=0.9",
        },
        seek=_chromium,
    ),
    Profile(
        "Firefox",
        players=8,
        keeps=False,
        fields={
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
            "Accept": "audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,application/ogg;q=0.7,video/*;q=0.6,*/*;q=0.5",
            "Accept-Language": "en-GB,en;q=0.5",
            "Accept-Encoding": "identity",
            "Referer": _PAGE,
            "Connection": "keep-alive",
            "Sec-Fetch-Dest": "audio",
            "Sec-Fetch-Mode": "no-cors",
            "Sec-Fetch-Site": "cross-site",
            "Priority": "u=4",
        },
        seek=_firefox,
    ),
    Profile(
        "Safari",
        players=8,
        keeps=False,
        fields={
            "X-Playback-Session-Id": "6E2B2F0C-9A4B-4E29-8C55-0D5F6E7A1B3C",
            "Accept": "*/*",
            "Accept-Language": "en-GB,en;q=0.9",
            "Accept-Encoding": "identity",
            "User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
            "Sec-Fetch-Dest": "audio",
            "icy-metadata": "1",
            "Connection": "Keep-Alive",
        },
        seek=_safari,
    ),
    Profile("CDN, 8 MiB slices", players=4, keeps=True, fields={"Connection": "keep-alive"}, seek=_cdn),
)
