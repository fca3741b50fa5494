"""An admission holds as long as what it was decided by: the key, the media file, and the clocks."""

import time
from pathlib import Path

import pytest

from gateway.catalog import Validity
from gateway.protocol.signing import SigningKey
from gateway.web.bytes.admissions import RENEW_SECONDS, Admission, Admissions
from gateway.web.bytes.bounded_cache import BoundedCache
from tests.conformance.raw_http import compose, connect
from tests.web.byte_route_site import Site, running_site


class Clocks:
    """A wall clock and a monotonic one, set by hand."""

    def __init__(self, admissions: Admissions) -> None:
        self.now = self.clock = 1000.0
        admissions._now = lambda: self.now
        admissions._clock = lambda: self.clock


async def admitted(site: Site) -> tuple[Admissions, Admission]:
    admissions = site.responder._admissions
    async with connect("127.0.0.1", site.plain_port) as client:
        await client.send(compose("GET", site.target, [("X-API-Key", site.key), ("Range", "bytes=0-0")]))
        assert (await client.read_response()).status == 206
    asked = (site.target, site.key, None)
    admission = admissions._cache.get(asked)
    assert admission is not None
    return admissions, admission


@pytest.mark.parametrize("cause", ["permission", "media"])
async def test_an_admission_ends_with_its_key_or_its_media_file(tmp_path: Path, cause: str) -> None:
    async with running_site(tmp_path) as site:
        admissions, admission = await admitted(site)
        assert admissions.holds(admission)
        (admission.permission if cause == "permission" else admission.media.validity).end()
        assert not admissions.holds(admission)


async def test_an_admission_of_a_signed_url_ends_with_the_signing_keys(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site:
        admissions, by_key = await admitted(site)
        target = site.signed_target
        async with connect("127.0.0.1", site.port) as client:
            for status in (206, 206, 403):
                if status == 403:
                    site.signer.keys.replace([SigningKey("next", b"another secret of this site")])
                await client.send(compose("GET", target, [("Range", "bytes=0-0")]))
                assert (await client.read_response()).status == status
            # The second one took the fast path.
            assert len([each for each in site.slow_path_ranges if each == "bytes=0-0"]) == 3
            await client.send(compose("GET", site.signed_target, [("Range", "bytes=0-0")]))
            assert (await client.read_response()).status == 206
        assert admissions.holds(by_key)


async def test_an_admission_ends_at_its_keys_expiry_and_is_renewed_in_between(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site:
        admissions, admission = await admitted(site)
        clocks = Clocks(admissions)
        expiring = Admission(
            admission.media,
            admission.prepared,
            admission.storage,
            redirects=False,
            principal=None,
            by_key=True,
            key_id=1,
            reader=1,
            permission=Validity(),
            generation=None,
            expires_at=1100.0,
            renew_at=1000.0 + RENEW_SECONDS,
        )
        assert admissions.holds(expiring)
        clocks.now = 1100.0
        assert not admissions.holds(expiring)
        # A wall clock that is set back makes a key valid again, as it would for any request.
        clocks.now = 900.0
        assert admissions.holds(expiring)
        clocks.clock += RENEW_SECONDS
        assert not admissions.holds(expiring)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_wall_clock_that_steps_prolongs_nothing_that_is_cached(tmp_path: Path, hours: int) -> None:
    async with running_site(tmp_path) as site, connect("127.0.0.1", site.port) as client:
        admissions, admission = await admitted(site)
        clocks = Clocks(admissions)
        clocks.clock, clocks.now = admission.renew_at - 1, time.time() + hours * 3600
        asked = compose("GET", site.target, [("X-API-Key", site.key), ("Range", "bytes=0-0")])
        assert admissions.holds(admission)
        for status in (206, 206, 401):
            if status == 401:
                await site.keys.revoke_key(site.key[:12])
            await client.send(asked)
            assert (await client.read_response()).status == status
        clocks.clock = admission.renew_at
        assert not admissions.holds(admission)


def test_a_bounded_cache_keeps_what_was_used_last() -> None:
    cache: BoundedCache[str, int] = BoundedCache(max_entries=3, max_bytes=100)
    for number, key in enumerate("abc"):
        cache.put(key, number, 10)
    assert cache.get("a") == 0
    cache.put("d", 3, 10)
    assert [cache.get(key) for key in "abcd"] == [0, None, 2, 3]
    cache.put("e", 4, 85)
    assert [cache.get(key) for key in "acde"] == [None, None, 3, 4]
    cache.put("d", 5, 90)
    cache.drop("d")
    assert (cache.get("d"), cache.get("e"), len(cache)) == (None, None, 0)
    cache.put("f", 6, 101)
    assert cache.get("f") is None


async def test_no_cache_keeps_a_response_for_longer_than_its_url_is_valid(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site, connect("127.0.0.1", site.port) as client:
        for seconds in (7000, 3000, 100, 20, 1):
            target = site.signed_url(seconds)
            for _ in range(3):
                await client.send(compose("GET", target, [("Range", "bytes=0-0")]))
                control = (await client.read_response()).head["Cache-Control"]
                lifetime = int(control.removeprefix("max-age=").partition(",")[0])
                assert min(3600, seconds * 0.8 - 2) <= lifetime <= min(3600, seconds)
                assert control.endswith(", public, no-transform")
