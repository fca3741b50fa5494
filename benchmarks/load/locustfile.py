"""Locust users that seek like Chromium, Safari and a CDN, and disconnect in the middle of a body as players do.

    SEEKGATE_URLS=urls.txt SEEKGATE_KEY=sk_live_... locust -f locustfile.py --host http://127.0.0.1:8080 \
        --headless --users 50 --run-time 30s [Chromium] [Safari] [Cdn]

The bytes of synthetic objects are compared with their pattern; SEEK_VERIFY=0 turns that off. SEEK_PAUSE_MS is how long a
user waits between two sessions of seeks (0).
"""

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from locust import FastHttpUser, constant, task
from locust.contrib.fasthttp import FastResponse

MIB = 1024 * 1024
SLICE = 8 * MIB
OPENED = MIB
SEEKS = 8
PERIOD = 262_139
VERIFY = os.environ.get("SEEK_VERIFY", "1") == "1"
PAUSE_SECONDS = int(os.environ.get("SEEK_PAUSE_MS", "0")) / 1000


@dataclass(frozen=True)
class Media:
    """A line of the list that list_urls.py writes."""

    url: str
    size: int
    etag: str

    @property
    def seed(self) -> int | None:
        """The seed of a demo's synthetic recording: recording n has seed n and `1 MiB * (1 + n mod 256) + n` bytes."""
        seed = self.size % MIB
        return seed if self.size == MIB * (1 + seed % 256) + seed else None


def read_urls() -> list[Media]:
    """The media files of the list, without empty ones: no range of those is satisfiable."""
    lines = Path(os.environ["SEEKGATE_URLS"]).read_text().splitlines()
    found = [Media(url, int(size), etag) for url, size, etag in (line.split(" ", 2) for line in lines)]
    return [media for media in found if media.size]


def make_table() -> bytes:
    """The pattern of a synthetic object (storage_adapters/synthetic.py)."""
    x, table = 1, bytearray()
    for _ in range(PERIOD):
        x = 48_271 * x % 2_147_483_647
        table.append(x // 256 % 256)
    return bytes(table)


MEDIA = read_urls()
TABLE = make_table()


def expected(seed: int, offset: int, length: int) -> bytes:
    """The bytes of a synthetic object in this range."""
    start = (offset + 7919 * seed) % PERIOD
    return (TABLE * ((start + length) // PERIOD + 1))[start : start + length]


def find_trouble(response: FastResponse, media: Media, first: int, last: int, wanted: int) -> str | None:
    """Read `wanted` bytes of the response to first-last; return what is wrong with it, or None."""
    stated = response.headers.get("Content-Range") if response.headers else None
    if response.status_code != 206 or stated != f"bytes {first}-{last}/{media.size}":
        return f"{response.status_code}, Content-Range {stated}"
    body = response.read(wanted)
    if len(body) != wanted:
        return f"{len(body)} bytes instead of {wanted}"
    if VERIFY and media.seed is not None and body != expected(media.seed, first, wanted):
        return "wrong bytes"
    return None


class Seeker(FastHttpUser):
    """A user that requests a range, checks the response, and disconnects."""

    abstract = True
    wait_time = constant(PAUSE_SECONDS)
    key: ClassVar[str] = os.environ.get("SEEKGATE_KEY", "")

    def seek(self, media: Media, first: int, last: int, *, take: int | None = None, if_range: bool = False) -> None:
        """Request first-last and read everything, or read `take` bytes and disconnect."""
        last = min(last, media.size - 1)
        headers = {"Range": f"bytes={first}-{last}"}
        headers |= {"X-API-Key": self.key} if self.key else {}
        headers |= {"If-Range": media.etag} if if_range else {}
        wanted = min(take or last - first + 1, last - first + 1)
        name = type(self).__name__
        with self.client.get(media.url, headers=headers, stream=True, catch_response=True, name=name) as response:
            trouble = find_trouble(response, media, first, last, wanted)
            if trouble:
                response.failure(trouble)
            response.release()  # closes the connection if the body was not read to its end


class Chromium(Seeker):
    """Requests the beginning, then closed ranges that fill holes of its cache, each with If-Range."""

    @task
    def play(self) -> None:
        media = random.choice(MEDIA)
        self.seek(media, 0, media.size - 1, take=OPENED)
        for _ in range(SEEKS):
            first = random.randrange(media.size)
            self.seek(media, first, first + random.randint(1, 16) * 65_536 - 1, if_range=True)


class Safari(Seeker):
    """Requests two bytes to learn whether ranges work, then the whole file, which it leaves and reopens elsewhere."""

    @task
    def play(self) -> None:
        media = random.choice(MEDIA)
        self.seek(media, 0, 1)
        self.seek(media, 0, media.size - 1, take=OPENED // 4)
        for _ in range(SEEKS):
            self.seek(media, random.randrange(media.size), media.size - 1, take=OPENED)


class Cdn(Seeker):
    """Requests aligned slices of 8 MiB and reads each completely."""

    @task
    def pull(self) -> None:
        media = random.choice(MEDIA)
        slices = -(-media.size // SLICE)
        for _ in range(min(SEEKS, slices)):
            first = random.randrange(slices) * SLICE
            self.seek(media, first, first + SLICE - 1)
