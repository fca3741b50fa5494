"""A gateway for generated requests, with recordings, media and tokens that exist in it."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.protocol.ids import encode_id
from tests.gateway_process import Gateway, running_gateway
from tests.openapi.generated import HOSTILE, Words, write_settings
from tests.uploads.client import Client, open_client

# Generated requests delete recordings: there are enough for the requests that follow.
RECORDINGS: Final = 30
UPLOADS: Final = 6
SETTINGS: Final = {"SEEKGATE_RATE_LIMITS__ENABLED": "false", "SEEKGATE_UPLOADS__STALL_TIMEOUT_SECONDS": "2"}


@pytest.fixture(scope="session")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("generated"), SETTINGS) as gateway:
        yield gateway


@pytest.fixture
async def settings(site: Gateway, tmp_path: Path) -> Path:
    """Schemathesis' settings, with the ids that exist in this test."""
    async with open_client(site.base_url, site.key) as client:
        pending = [await client.new_recording() for _ in range(UPLOADS)]
        tokens = [token for each in pending for token in (await put_token(client, each), await tus_token(client, each))]
    return write_settings(tmp_path, words(site, tmp_path.name, pending, tokens))


def words(site: Gateway, prefix: str, pending: list[str], tokens: list[str]) -> Words:
    """The dictionaries that the settings name."""
    media = [
        site.add(f"{prefix}-{n}", bytes(1000 + n), "mp3", meeting=("zoom", "m"), segments=("a",))
        for n in range(RECORDINGS)
    ]
    return {
        "recordings": [recording for recording, _ in media],
        "media_files": [file for _, file in media],
        "bota_recordings": [*pending, *(encode_id("rec", recording) for recording, _ in media)],
        "bota_media": [encode_id("med", file) for _, file in media],
        "tokens": tokens,
        "hostile": HOSTILE,
    }


async def put_token(client: Client, recording: str) -> str:
    return str((await client.promise(recording))["upload_url"]).rpartition("/")[2]


async def tus_token(client: Client, recording: str) -> str:
    metadata = ",".join(
        f"{name} {base64.b64encode(text.encode()).decode()}"
        for name, text in (("recording_id", recording), ("type", "audio"))
    )
    fields = {"Tus-Resumable": "1.0.0", "Upload-Length": "100", "Upload-Metadata": metadata}
    created = await client.ask("POST", "/v1/uploads/tus", headers={"Authorization": f"Bearer {client.key}", **fields})
    return created.headers["Location"].rpartition("/")[2]
