"""Python's clients on signed playback URLs: aiohttp, and so fsspec, quotes the query anew."""

from collections.abc import Callable
from functools import partial

import aiohttp
import pytest
from yarl import URL

from tests.conformance.calling import mint
from tests.conformance.media import Media
from tests.gateway_process import Gateway


@pytest.mark.parametrize("quote", [URL, partial(URL, encoded=True)], ids=["quoted-anew", "as-it-is"])
async def test_aiohttp_reads_a_playback_url(site: Gateway, media: Media, quote: Callable[[str], URL]) -> None:
    url = quote(site.base_url + await mint(site, media))
    async with aiohttp.ClientSession() as session, session.get(url, headers={"Range": "bytes=1000-1999"}) as response:
        assert response.status == 206
        assert await response.read() == media.content[1000:2000]


async def test_aiohttp_reads_a_whole_object(site: Gateway, media: Media) -> None:
    async with aiohttp.ClientSession() as session, session.get(site.base_url + await mint(site, media)) as response:
        assert await response.read() == media.content
