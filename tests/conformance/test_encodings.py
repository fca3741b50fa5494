"""Pages and JSON are sent compressed to clients that accept it; media never are (RFC 9110 section 12.5.3)."""

import gzip
import json

import brotli
import pytest

from gateway.web.encodings import preferred_encoding
from tests.conformance.bota_calls import RECORDINGS, create
from tests.conformance.calling import call
from tests.conformance.media import Media
from tests.gateway_process import Gateway


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("*", "br"),
        ("*;q=0", None),
        ("br ; q=0.001", "br"),
        ("identity", None),
        ("", None),
        ("br;q=nonsense", None),
        (",, ,gzip,", "gzip"),
        ("gzip," * 400, None),
    ],
)
def test_the_best_coding_that_the_client_accepts_is_chosen(field: str, coding: str | None) -> None:
    assert preferred_encoding(field, ["br", "gzip"]) == coding


@pytest.mark.parametrize("target", ["/", "/player/000000000000/player.js", "/docs/000000000000/swagger-ui-bundle.js"])
async def test_a_pages_file_is_the_same_in_every_coding(site: Gateway, target: str) -> None:
    plain = await call(site, target)
    brotlied = await call(site, target, fields=[("Accept-Encoding", "gzip, br")])
    gzipped = await call(site, target, fields=[("Accept-Encoding", "gzip")])
    assert plain.body == brotli.decompress(brotlied.body) == gzip.decompress(gzipped.body)
    assert [each.head.get("Content-Encoding") for each in (plain, brotlied, gzipped)] == [None, "br", "gzip"]
    assert {"Accept-Encoding" in (each.head.get("Vary") or "") for each in (plain, brotlied, gzipped)} == {True}
    assert len({each.head["ETag"] for each in (plain, brotlied, gzipped)}) == 3
    again = await call(site, target, fields=[("Accept-Encoding", "br"), ("If-None-Match", brotlied.head["ETag"])])
    assert again.status == 304


async def test_a_long_list_is_compressed_for_those_who_accept_it(site: Gateway) -> None:
    for number in range(8):
        await create(site, name=f"recording {number}")
    fields = [("Authorization", f"Bearer {site.key}")]
    plain = await call(site, RECORDINGS, fields=fields)
    gzipped = await call(site, RECORDINGS, fields=[*fields, ("Accept-Encoding", "gzip")])
    assert gzipped.head.get("Content-Encoding") == "gzip"
    assert json.loads(gzip.decompress(gzipped.body)) == json.loads(plain.body)
    assert "Accept-Encoding" in (plain.head.get("Vary") or "")
    assert "Authorization" in (plain.head.get("Vary") or "")


async def test_media_are_never_encoded(site: Gateway, media: Media) -> None:
    fields = [("X-API-Key", site.key), ("Accept-Encoding", "br, gzip")]
    response = await call(site, media.target, fields=fields)
    assert (response.head.get("Content-Encoding"), response.body) == (None, media.content)
