"""Deletion: the rows are deleted immediately, and every URL of the bytes ends with them."""

from pathlib import Path

from tests.conformance.ask import compose_row
from tests.conformance.calling import call, fetch, playback_target
from tests.conformance.media import Media
from tests.conformance.objects import AddMedia
from tests.conformance.raw_http import connect
from tests.conformance.table import Row
from tests.gateway_process import Gateway


def of(media: Media) -> str:
    return f"/recordings/{media.recording_id}"


def replace(path: Path, content: bytes) -> None:
    """Replace the object atomically by another one."""
    successor = path.with_suffix(".new")
    successor.write_bytes(content)
    successor.replace(path)


async def test_a_deleted_recording_is_not_found_on_any_route(site: Gateway, add_media: AddMedia) -> None:
    doomed = add_media("doomed", b"soon gone")
    playback = await playback_target(site, doomed)
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


async def test_a_response_that_has_begun_is_completed_after_its_recording_was_deleted(
    site: Gateway, add_media: AddMedia, large: Media
) -> None:
    doomed = add_media("doomed-large", large.content)
    row = Row("whole", (), 200)
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, row, doomed))
        head = await connection.read_head()
        await fetch(site, of(doomed), method="DELETE")
        assert await connection.read_exactly(head.promised_bytes("GET")) == doomed.content


async def test_an_object_missing_from_storage_is_404(site: Gateway, add_media: AddMedia) -> None:
    lost = add_media("lost", b"not here any more")
    site.path_of("lost").unlink()
    response = await call(site, lost.target, key=site.key)
    assert response.status == 404


async def test_a_replaced_object_has_new_validators_and_new_bytes(site: Gateway, add_media: AddMedia) -> None:
    old = add_media("replaced", b"the old bytes")
    replace(site.path_of("replaced"), b"the new and longer bytes")
    response = await call(site, old.target, key=site.key, fields=[("If-None-Match", old.etag)])
    assert (response.status, response.body) == (200, b"the new and longer bytes")
    assert response.head["ETag"] != old.etag
    stale = await call(site, old.target, key=site.key, fields=[("Range", "bytes=0-2"), ("If-Range", old.etag)])
    assert (stale.status, stale.body) == (200, b"the new and longer bytes")


async def test_one_response_carries_one_version(site: Gateway, add_media: AddMedia, large: Media) -> None:
    replaced = add_media("replaced-large", large.content)
    row = Row("whole", (), 200)
    async with connect(site.host, site.port) as connection:
        await connection.send(compose_row(site, row, replaced))
        head = await connection.read_head()
        replace(site.path_of("replaced-large"), bytes(len(large.content)))
        assert await connection.read_exactly(head.promised_bytes("GET")) == replaced.content
        assert head["ETag"] == replaced.etag
