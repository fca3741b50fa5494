"""Uploads that are never completed: a running gateway removes them, with the bytes that arrived."""

from collections.abc import Iterator

import pytest

from tests.gateway_process import Gateway, running_gateway
from tests.uploads.client import open_client
from tests.uploads.conftest import SETTINGS, Content
from tests.uploads.test_tus import append, create
from tests.uploads.test_uploading import root_of, unfinished
from tests.uploads.waiting import wait_until

# Long enough for any machine to upload in; a tenth of it passes between two runs of the clean-up.
ABANDONED_AFTER = {
    "SEEKGATE_UPLOADS__URL_EXPIRES_IN_SECONDS": "30",
    "SEEKGATE_UPLOADS__ABANDONED_AFTER_SECONDS": "30",
}
A_MINUTE_PASSES = "UPDATE media_files SET created_at = created_at - interval '1 minute'"


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("abandoned"), {**SETTINGS, **ABANDONED_AFTER}) as gateway:
        yield gateway


async def test_an_upload_that_is_never_completed_is_removed_and_a_completed_one_stays(
    site: Gateway, content: Content
) -> None:
    async with open_client(site.base_url, site.key) as client:
        kept, media = await client.upload(content("sound.mp3"))
        sent, begun, never = [await client.new_recording() for _ in range(3)]
        assert (await client.put(await client.promise(sent), content("sound.mp3"))).status == 200
        url = (await create(client, 1000, begun)).headers["Location"]
        assert (await append(client, url, 0, b"x" * 500)).status == 204
        promised = await client.promise(never)
        await site.execute(A_MINUTE_PASSES)
        await wait_until(lambda: len(list(root_of(site).glob("uploads/*/*"))) == 1 and unfinished(site) == [])
        for recording in (sent, begun, never):
            assert (await client.succeed("GET", f"/v1/recordings/{recording}"))["media"] == []
            assert (await client.complete(recording)).status == 400
        assert (await client.put(promised, content("sound.mp3"))).status in {403, 404}
        assert (await client.raw(kept, media)).body == content("sound.mp3")
