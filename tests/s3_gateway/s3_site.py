"""A gateway whose only storage is a bucket."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.conformance.media import Media
from tests.conformance.objects import add, look
from tests.gateway_process import Gateway, running_gateway
from tests.s3.buckets import make_bucket, settings
from tests.s3.processes import S3Server

STORAGE: Final = "bucket"


def s3_environ(server: S3Server, bucket: str, name: str = STORAGE, **more: Any) -> dict[str, str]:
    """Environment variables of a storage backend over this bucket; `more` are its further settings."""
    given = {"kind": "s3", **settings(server, bucket, **more)}
    return {f"SEEKGATE_STORAGES__{name}__{setting}".upper(): str(value) for setting, value in given.items()}


def only_s3(server: S3Server, bucket: str, **more: Any) -> dict[str, str]:
    """The same, and no other storage."""
    chosen = {"SEEKGATE_STORAGES__LOCAL": "null", "SEEKGATE_DEFAULT_STORAGE": STORAGE}
    return chosen | s3_environ(server, bucket, **more)


@contextmanager
def gateway_over(
    server: S3Server, postgres: str, folder: Path, environ: Mapping[str, str], **more: Any
) -> Iterator[Gateway]:
    """A gateway over a new bucket on the server."""
    bucket = asyncio.run(make_bucket(server))
    with running_gateway(postgres, folder, {**environ, **only_s3(server, bucket, **more)}) as gateway:
        yield gateway


def add_settled(site: Gateway, name: str, content: bytes) -> Media:
    """Register bytes under a new name, and open them once their timestamp is not in the future any more.

    Swift rounds the time of a modification up to the next second; until then it is sent as the time of the response.
    """
    media = add(site, name, content)
    ids = (media.recording_id, media.media_file_id)
    modified_at = site.media_file(ids).object_modified_at
    assert modified_at is not None
    while (left := (modified_at - datetime.now(UTC)).total_seconds()) >= 0:
        time.sleep(left + 0.001)
    return look(site, ids, content)
