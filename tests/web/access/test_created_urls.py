"""URLs that an API key created end with the key, within a second and in every process."""

import time
from typing import Final

import pytest

from gateway import keys
from gateway.protocol.signing import Grant, owner_text
from tests.conformance.calling import call, target_of
from tests.gateway_process import Gateway
from tests.uploads.client import Client
from tests.web.access.created_urls import CREATORS, create_playback_url, expect_refusal, status_of

END: Final = {
    "revoked": "UPDATE api_keys SET revoked_at = now() WHERE prefix = '{}'",
    "expired": "UPDATE api_keys SET expires_at = now() WHERE prefix = '{}'",
    "deleted": "DELETE FROM api_keys WHERE prefix = '{}'",
    "restricted": "UPDATE api_keys SET scopes = '{{}}' WHERE prefix = '{}'",
}


@pytest.mark.parametrize("end", END)
@pytest.mark.parametrize("kind", CREATORS)
async def test_a_url_ends_with_the_key_that_created_it(
    site: Gateway, client: Client, target: str, kind: str, end: str
) -> None:
    key = site.add_key()
    created = await CREATORS[kind](client, key, target)
    for _ in range(3):
        assert await status_of(client, created) == created.status
    await site.execute(END[end].format(keys.visible_prefix(key)))
    await expect_refusal(client, created, time.monotonic())
    # Others' URLs go on.
    assert await status_of(client, await CREATORS[kind](client, site.key, target)) == created.status


async def test_a_url_ends_when_its_key_expires_whatever_it_says_itself(
    site: Gateway, client: Client, target: str
) -> None:
    key = site.add_key()
    created = await create_playback_url(client, key, target)
    prefix = keys.visible_prefix(key)
    soon = "UPDATE api_keys SET expires_at = now() + interval '2 seconds' WHERE prefix = '{}'"
    await site.execute(soon.format(prefix))
    expires = time.monotonic() + 2
    await expect_refusal(client, created, expires)
    assert time.monotonic() >= expires - 0.1


async def test_a_url_of_the_command_line_needs_no_key(site: Gateway, target: str) -> None:
    _, _, recording_id, _, media_file_id, _ = target.split("/")
    grant = Grant(owner_text(site.user_id, live=True), int(recording_id), int(media_file_id))
    signed = site.backends.signer.sign(grant, now=time.time())
    assert "by=" not in signed.query
    assert (await call(site, f"{target}?{signed.query}")).status == 200


async def test_a_playback_url_is_the_same_for_one_key_and_differs_between_keys(
    site: Gateway, client: Client, target: str
) -> None:
    first = await create_playback_url(client, site.key, target)
    again = await create_playback_url(client, site.key, target)
    other = await create_playback_url(client, site.add_key(), target)
    assert target_of(first.url) == target_of(again.url) != target_of(other.url)
