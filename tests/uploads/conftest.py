"""One gateway over local storage for the suite, and media to send to it."""

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.gateway_process import Gateway, running_gateway
from tests.media_files import make_sound, make_still, make_video
from tests.uploads.client import Client, open_client

ALLOWED_ORIGIN: Final = "https://recorder.example"
MAX_FILE_BYTES: Final = 96 * 1024 * 1024
MAX_MEDIA: Final = 3
SETTINGS: Final[Mapping[str, str]] = {
    "SEEKGATE_RATE_LIMITS__ENABLED": "false",
    "SEEKGATE_CORS__ALLOWED_ORIGINS": json.dumps([ALLOWED_ORIGIN]),
    "SEEKGATE_UPLOADS__MAX_FILE_BYTES": str(MAX_FILE_BYTES),
    "SEEKGATE_UPLOADS__MAX_MEDIA_PER_RECORDING": str(MAX_MEDIA),
    "SEEKGATE_UPLOADS__INTERNAL_SECRET": "the secret of the meeting bots, shared",
    "SEEKGATE_UPLOADS__INTERNAL_OWNER": "owner@example.org",
    "SEEKGATE_DELETIONS__POLL_SECONDS": "0.05",
}
MAKERS: Final[Mapping[str, Callable[[Path], Path]]] = {
    "sound.mp3": make_sound,
    "sound.wav": make_sound,
    "sound.webm": make_sound,
    "sound.ogg": make_sound,
    "moov-last.m4a": make_sound,
    "moving.mp4": make_video,
    "moving.webm": make_video,
    "sound.flac": make_sound,
    "sound.aac": make_sound,
    "still.png": make_still,
}

Content = Callable[[str], bytes]


@pytest.fixture(scope="session")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("uploads"), SETTINGS) as gateway:
        yield gateway


@pytest.fixture
async def client(site: Gateway) -> AsyncGenerator[Client, None]:
    async with open_client(site.base_url, site.key) as opened:
        yield opened


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """The bytes of a media file by its name (a key of MAKERS), made once."""
    folder = tmp_path_factory.mktemp("media")
    made: dict[str, bytes] = {}

    def read(name: str) -> bytes:
        if name not in made:
            made[name] = MAKERS[name](folder / name).read_bytes()
        return made[name]

    return read
