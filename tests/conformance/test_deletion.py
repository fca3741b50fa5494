"""Deleting: the rows go at once, and with them every way to the bytes."""

from tests.conformance.ask import compose_row
from tests.conformance.calling import call, fetch
from tests.conformance.conftest import AddMedia
from tests.conformance.media import Media
from tests.conformance.raw_http import connect
from tests.conformance.site import Site
from tests.conformance.table import Row, check
from tests.conformance.test_playback_urls import mint


def of(media: Media) -> str:
    return f"/recordings/{media.recording_id}"


async def test_a_deleted_recording_is_gone_at_once_and_everywhere(site: Site, add_media: AddMedia) -> None:
    doomed = add_media("doomed.mp3", b"soon gone")
    playback = await mint(site, doomed)
    assert (await call(site, playback)).status == 200
    gone = await fetch(site, of(doomed), method="DELETE")
    assert gone == {"status": "deleted", "recording_id": doomed.recording_id}
    assert await fetch(site, of(doomed), method="DELETE", status=404) == {"detail": "Recording not found"}
    assert (await call(site, playback)).status == 404
    assert (await call(site, playback, fields=[("If-None-Match", doomed.etag)])).status == 404
    for target in (
        of(doomed),
        doomed.target,
        doomed.target.replace("/raw", "/download"),
        f"{of(doomed)}/master?type=audio",
    ):
        assert (await call(site, target, key=site.key)).status == 404
    assert doomed.recording_id not in [
        shown["id"] for shown in (await fetch(site, "/recordings?limit=200"))["recordings"]
    ]


async def test_a_stream_that_has_begun_ends_whole_although_its_recording_is_deleted(
    site: Site, add_media: AddMedia, large: Media
) -> None:
    doomed = add_media("doomed-large.mp3", large.content)
    row = Row("whole", (), 200)
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, row, doomed))
        head = await connection.read_head()
        await fetch(site, of(doomed), method="DELETE")
        assert await connection.read_exactly(head.promised_bytes("GET")) == doomed.content


async def test_an_object_missing_from_storage_is_404(site: Site, add_media: AddMedia) -> None:
    lost = add_media("lost.mp3", b"not here any more")
    site.path_of("lost.mp3").unlink()
    response = await call(site, lost.target, key=site.key)
    assert response.status == 404


async def test_a_replaced_object_has_new_validators_and_new_bytes(site: Site, add_media: AddMedia) -> None:
    old = add_media("replaced.mp3", b"the old bytes")
    new = site.path_of("replaced.mp3").with_suffix(".new")
    new.write_bytes(b"the new and longer bytes")
    new.replace(site.path_of("replaced.mp3"))
    response = await call(site, old.target, key=site.key, fields=[("If-None-Match", old.etag)])
    assert (response.status, response.body) == (200, b"the new and longer bytes")
    assert response.head["ETag"] != old.etag
    stale = await call(site, old.target, key=site.key, fields=[("Range", "bytes=0-2"), ("If-Range", old.etag)])
    assert (stale.status, stale.body) == (200, b"the new and longer bytes")


async def test_one_response_carries_one_version(site: Site, add_media: AddMedia, large: Media) -> None:
    replaced = add_media("replaced-large.mp3", large.content)
    row = Row("whole", (), 200)
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, row, replaced))
        head = await connection.read_head()
        new = site.path_of("replaced-large.mp3").with_suffix(".new")
        new.write_bytes(bytes(len(large.content)))
        new.replace(site.path_of("replaced-large.mp3"))
        assert await connection.read_exactly(head.promised_bytes("GET")) == replaced.content
        assert head["ETag"] == replaced.etag


async def test_the_answers_before_and_after_a_keep_alive_agree(site: Site, add_media: AddMedia) -> None:
    media = add_media("steady.mp3", b"steady bytes")
    for _ in range(3):
        response = await call(site, media.target, key=site.key)
        check(Row("whole", (), 200), response, media)
