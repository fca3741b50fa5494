"""Python clients on signed playback URLs, whose query aiohttp (and fsspec, which uses it) quotes again."""

import random
from collections.abc import Callable
from functools import partial
from typing import Final

import aiohttp
import fsspec  # type: ignore[import-untyped]
import pytest
from yarl import URL

from tests.conformance.calling import playback_target
from tests.conformance.media import Media
from tests.gateway_process import Gateway

READS: Final = 100


@pytest.mark.parametrize("quote", [URL, partial(URL, encoded=True)], ids=["quoted-again", "unchanged"])
async def test_aiohttp_reads_a_playback_url(site: Gateway, media: Media, quote: Callable[[str], URL]) -> None:
    url = quote(site.base_url + await playback_target(site, media))
    async with aiohttp.ClientSession() as session, session.get(url, headers={"Range": "bytes=1000-1999"}) as response:
        assert response.status == 206
        assert await response.read() == media.content[1000:2000]


async def test_aiohttp_reads_a_whole_object(site: Gateway, media: Media) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(site.base_url + await playback_target(site, media)) as response,
    ):
        assert await response.read() == media.content


@pytest.mark.parametrize("cache", ["none", "readahead", "blockcache"])
async def test_fsspec_reads_anywhere(site: Gateway, media: Media, cache: str) -> None:
    url = site.base_url + await playback_target(site, media)
    chance = random.Random(cache)
    with fsspec.filesystem("http", skip_instance_cache=True).open(url, block_size=64 * 1024, cache_type=cache) as file:
        assert file.size == len(media.content)
        for _ in range(READS):
            offset, length = chance.randrange(len(media.content)), chance.randrange(200_000)
            file.seek(offset)
            assert file.read(length) == media.content[offset : offset + length]


async def test_fsspec_reads_many_ranges_in_parallel(site: Gateway, media: Media) -> None:
    url = site.base_url + await playback_target(site, media)
    chance = random.Random(READS)
    starts = [chance.randrange(len(media.content)) for _ in range(READS)]
    ends = [min(start + chance.randrange(1, 100_000), len(media.content)) for start in starts]
    got = fsspec.filesystem("http", skip_instance_cache=True).cat_ranges([url] * READS, starts, ends)
    assert got == [media.content[start:end] for start, end in zip(starts, ends, strict=True)]
