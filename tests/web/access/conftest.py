"""One gateway for these suites: a shared secret for meeting bots, one allowed origin, no rate limits."""

from collections.abc import AsyncGenerator, Iterator
from typing import Final

import pytest

from tests.gateway_process import Gateway, running_gateway
from tests.uploads.client import Client, open_client

SETTINGS: Final = {
    "SEEKGATE_RATE_LIMITS__ENABLED": "false",
    "SEEKGATE_CORS__ALLOWED_ORIGINS": '["https://player.example"]',
    "SEEKGATE_UPLOADS__INTERNAL_SECRET": "the secret of the meeting bots, shared",
}


@pytest.fixture(scope="session")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("access"), SETTINGS) as gateway:
        yield gateway


@pytest.fixture
async def client(site: Gateway) -> AsyncGenerator[Client, None]:
    async with open_client(site.base_url, site.key) as opened:
        yield opened


@pytest.fixture(scope="session")
def target(site: Gateway) -> str:
    """The byte route of a small recording."""
    recording_id, media_file_id = site.add("sound", b"sound" * 2000, "mp3")
    return f"/recordings/{recording_id}/media/{media_file_id}/raw"
