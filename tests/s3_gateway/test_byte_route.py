"""The byte route over each S3 server: what a server can change of a response.

How a range or a condition is decided has nothing to do with the storage backend: the whole table of it is tested over
local files (tests/conformance).
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.conformance.calling import call, fetch, playback_target
from tests.conformance.media import Media
from tests.conformance.objects import noise
from tests.conformance.raw_http import Response
from tests.conformance.site import SETTINGS
from tests.gateway_process import Gateway
from tests.s3.processes import S3Server
from tests.s3_gateway.s3_site import add_settled, gateway_over

SIZE: Final = 1_300_000  # more than one window
CONTENT: Final = noise(1, SIZE)


@pytest.fixture(scope="module", params=["swift", "ceph", "rclone", "seaweedfs"])
def site(request: pytest.FixtureRequest, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    server: S3Server = request.getfixturevalue(request.param)
    with gateway_over(server, postgres, tmp_path_factory.mktemp("s3-byte-route"), SETTINGS) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def media(site: Gateway) -> Media:
    return add_settled(site, "media", CONTENT)


async def ask(site: Gateway, media: Media, ranges: str | None = None, **fields: str) -> Response:
    asked = ([("Range", f"bytes={ranges}")] if ranges else []) + [
        (name.replace("_", "-"), value) for name, value in fields.items()
    ]
    return await call(site, media.target, key=site.key, fields=asked)


RANGES: Final[dict[str, tuple[str | None, int, bytes]]] = {
    "everything": (None, 200, CONTENT),
    "the first byte": ("0-0", 206, CONTENT[:1]),
    "the middle": ("700000-800000", 206, CONTENT[700_000:800_001]),
    "several windows": ("100-1299000", 206, CONTENT[100:1_299_001]),
    "from the middle on": ("1200000-", 206, CONTENT[1_200_000:]),
    "the last bytes": ("-7", 206, CONTENT[-7:]),
    "more than there is": ("1299990-9999999", 206, CONTENT[1_299_990:]),
}


@pytest.mark.parametrize(("ranges", "status", "body"), RANGES.values(), ids=RANGES.keys())
async def test_a_range_is_exact(site: Gateway, media: Media, ranges: str | None, status: int, body: bytes) -> None:
    response = await ask(site, media, ranges)
    assert (response.status, response.body, response.head["ETag"]) == (status, body, media.etag)
    first = CONTENT.find(body)
    expected = f"bytes {first}-{first + len(body) - 1}/{SIZE}" if status == 206 else None
    assert response.head.get("Content-Range") == expected


async def test_a_range_beyond_the_end_is_unsatisfiable(site: Gateway, media: Media) -> None:
    response = await ask(site, media, str(SIZE) + "-")
    assert (response.status, response.head["Content-Range"]) == (416, f"bytes */{SIZE}")


async def test_several_ranges_come_in_one_response(site: Gateway, media: Media) -> None:
    response = await ask(site, media, "0-9,1000000-1000009,-10")
    assert response.status == 206
    assert response.head["Content-Type"].startswith("multipart/byteranges; boundary=")
    for part in (CONTENT[:10], CONTENT[1_000_000:1_000_010], CONTENT[-10:]):
        assert part in response.body


async def test_conditions_hold_against_the_servers_tag_and_time(site: Gateway, media: Media) -> None:
    head = (await call(site, media.target, method="HEAD", key=site.key)).head
    assert (head["Content-Length"], head["ETag"]) == (str(SIZE), media.etag)
    modified = head["Last-Modified"]
    for fields, status in (
        ({"If_None_Match": media.etag}, 304),
        ({"If_None_Match": '"other"'}, 206),
        ({"If_Modified_Since": modified}, 304),
        ({"If_Match": '"other"'}, 412),
        ({"If_Range": media.etag}, 206),
        ({"If_Range": modified}, 206),
        ({"If_Range": '"other"'}, 200),
    ):
        response = await ask(site, media, "0-9", **fields)
        assert (response.status, response.head["ETag"]) == (status, media.etag), fields


@pytest.mark.parametrize("content", [b"", b"x"], ids=["empty", "one byte"])
async def test_a_tiny_object_is_whole(site: Gateway, content: bytes) -> None:
    media = add_settled(site, f"tiny-{len(content)}", content)
    response = await ask(site, media)
    assert (response.status, response.body) == (200, content)
    assert (await ask(site, media, "0-0")).status == (206 if content else 416)


async def test_a_playback_url_plays_and_a_deleted_recording_does_not(site: Gateway) -> None:
    media = add_settled(site, "doomed", b"not for long")
    url = await playback_target(site, media)
    response: Any = await call(site, url, fields=[("Range", "bytes=4-6")])
    assert (response.status, response.body) == (206, b"for")
    await fetch(site, f"/recordings/{media.recording_id}", method="DELETE")
    assert (await call(site, url)).status == 404
