"""What an administrator changes by SQL ends what the gateway remembers of it, and nothing else."""

import asyncio
from itertools import count
from typing import Final

import pytest

from gateway.keys import digest
from tests.conformance.media import Media
from tests.conformance.objects import AddMedia
from tests.conformance.raw_http import Connection, compose, connect
from tests.gateway_process import Gateway

SOON: Final = 60
_numbers: Final = count(1)

# What is changed, and the status of every request that comes later.
CHANGES: Final = {
    "the key loses its scopes": ("UPDATE api_keys SET scopes = '{{}}' WHERE digest = {digest}", 403),
    "the key expires": ("UPDATE api_keys SET expires_at = now() WHERE digest = {digest}", 401),
    "the key is revoked": ("UPDATE api_keys SET revoked_at = now() WHERE digest = {digest}", 401),
    "the key is deleted": ("DELETE FROM api_keys WHERE digest = {digest}", 401),
    "the key is another one": ("UPDATE api_keys SET digest = sha256(digest) WHERE digest = {digest}", 401),
    "the key has another owner": ("UPDATE api_keys SET user_id = {other} WHERE digest = {digest}", 404),
    "the key is for test data": ("UPDATE api_keys SET live = false WHERE digest = {digest}", 404),
    "the recording has another owner": ("UPDATE recordings SET user_id = {other} WHERE id = {recording}", 404),
    "the recording is test data": ("UPDATE recordings SET live = false WHERE id = {recording}", 404),
    "the recording is deleted": ("DELETE FROM recordings WHERE id = {recording}", 404),
    "the file is deleted": ("DELETE FROM media_files WHERE id = {media}", 404),
    "the file is not uploaded": ("UPDATE media_files SET status = 'pending' WHERE id = {media}", 404),
}


async def seek(client: Connection, site: Gateway, media: Media, key: str) -> int:
    fields = [("X-API-Key", key), ("Range", "bytes=10-19")]
    await client.send(compose("GET", media.target, fields, host=site.authority))
    return (await client.read_response()).status


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_by_sql_ends_what_is_cached(
    site: Gateway, add_media: AddMedia, media: Media, change: str
) -> None:
    key = site.add_key()
    changed = add_media(f"changed-{next(_numbers)}", b"0123456789" * 10)
    statement, status = CHANGES[change]
    async with connect(site.host, site.port) as client, connect(site.host, site.port) as other:
        for _ in range(3):
            assert await seek(client, site, changed, key) == 206
            assert await seek(other, site, media, site.key) == 206
        await site.execute(
            statement.format(
                digest=f"'\\x{digest(key).hex()}'",
                other=site.other_user_id,
                recording=changed.recording_id,
                media=changed.media_file_id,
            )
        )
        async with asyncio.timeout(SOON):
            while (found := await seek(client, site, changed, key)) == 206:
                pass
        assert [found, await seek(client, site, changed, key)] == [status] * 2
        assert await seek(other, site, media, site.key) == 206
