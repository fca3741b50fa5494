"""The storage backend's own URLs: what `download` and `master` hand out, and where `raw` redirects to. Read with curl."""

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conformance.bota_calls import post, recording_of
from tests.conformance.calling import call, fetch, playback_target, target_of
from tests.conformance.media import Media
from tests.conformance.objects import add, noise
from tests.conformance.site import SETTINGS
from tests.gateway_process import Gateway
from tests.s3.processes import S3Server
from tests.s3_gateway.s3_site import gateway_over

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt install curl)")

CONTENT = noise(6, 100_000)


@pytest.fixture(scope="module")
def public(s3_server: S3Server) -> str:
    """The server by another name, as browsers would reach it."""
    return f"http://localhost:{s3_server.port}"


@pytest.fixture(scope="module")
def site(
    s3_server: S3Server, public: str, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("s3-presigned")
    with gateway_over(s3_server, postgres, folder, SETTINGS, redirect=True, public_endpoint_url=public) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def media(site: Gateway) -> Media:
    return add(site, "media", CONTENT)


def curl(*arguments: str) -> tuple[str, bytes]:
    """The last response's head and all bodies, as curl gets them; no arguments but these."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", "--disable", "--dump-header", "/dev/stderr", *arguments],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stderr.decode("latin-1").lower().replace("\r", ""), done.stdout


async def described(site: Gateway, media: Media, route: str) -> dict[str, Any]:
    where = f"/recordings/{media.recording_id}/master?type=audio" if route == "master" else media.target[:-3] + route
    response: dict[str, Any] = await fetch(site, where)
    return response


@pytest.mark.parametrize("route", ["download", "master"])
async def test_the_url_is_the_buckets_own_and_saves_the_file(
    site: Gateway, media: Media, public: str, route: str
) -> None:
    response = await described(site, media, route)
    assert response["download_url"].startswith(f"{public}/")
    assert 1700 <= response["expires_in"] <= 3600
    head, body = curl(response["download_url"])
    assert body == CONTENT
    assert "\ncontent-type: audio/mpeg\n" in head
    assert f'\ncontent-disposition: attachment; filename="{response["filename"]}"\n' in head


async def test_the_url_serves_ranges(site: Gateway, media: Media) -> None:
    response = await described(site, media, "download")
    head, body = curl("--range", "5-14", response["download_url"])
    assert (body, head.splitlines()[0].split()[1]) == (CONTENT[5:15], "206")


async def test_the_url_is_stable_inside_its_window_so_that_caches_hit(site: Gateway, media: Media) -> None:
    urls = {(await described(site, media, "download"))["download_url"] for _ in range(5)}
    assert len(urls) == 1


async def test_raw_redirects_to_a_url_that_plays(site: Gateway, media: Media, public: str) -> None:
    response = await call(site, media.target, key=site.key, fields=[("Range", "bytes=0-1")])
    assert response.status == 302
    assert response.head["Location"].startswith(f"{public}/")
    head, body = curl("--range", "0-1", response.head["Location"])
    assert body == CONTENT[:2]
    assert "\ncontent-type: audio/mpeg\n" in head
    assert "\ncontent-disposition: inline; filename=" in head


async def test_a_playback_url_redirects_too_and_curl_follows(site: Gateway, media: Media) -> None:
    url = f"{site.base_url}{await playback_target(site, media)}"
    assert curl("--location", url)[1] == CONTENT
    assert curl("--location", "--range", "-10", url)[1] == CONTENT[-10:]


async def test_a_share_links_url_is_not_redirected(site: Gateway, media: Media) -> None:
    """The name of an object may contain the owner's id, and a presigned URL would not end with the link."""
    link = await post(site, f"{recording_of(media)}/links", {"expires_in_seconds": 60}, status=201)
    path = urlsplit(link["url"]).path
    policy = (await call(site, path)).head["Content-Security-Policy"] or ""
    assert "media-src 'self'" in policy.split("; ")
    (shown,) = (await fetch(site, f"{path}/recording.json"))["media"]
    for _ in range(2):
        response = await call(site, target_of(shown["url"]), fields=[("Range", "bytes=5-9")])
        assert (response.status, response.body) == (206, CONTENT[5:10])


async def test_the_key_does_not_travel_with_the_redirect(site: Gateway, media: Media) -> None:
    location = (await call(site, media.target, key=site.key)).head["Location"]
    assert site.key not in location
    assert urlsplit(location).netloc != site.authority


async def test_head_is_answered_by_the_gateway(site: Gateway, media: Media) -> None:
    # A URL that was presigned for GET refuses HEAD.
    response = await call(site, media.target, method="HEAD", key=site.key)
    assert (response.status, response.head["Content-Length"]) == (200, str(len(CONTENT)))


async def test_a_redirect_needs_a_key(site: Gateway, media: Media) -> None:
    assert (await call(site, media.target)).status == 401
    assert (await call(site, media.target, key=site.other_key)).status == 404
