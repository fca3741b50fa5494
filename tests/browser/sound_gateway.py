"""A gateway that browsers play from, over files or over a bucket on a real S3 server."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.catalog import MediaFile
from gateway.protocol.byte_path import byte_path
from tests.browser.library import import_file
from tests.conformance.calling import fetch
from tests.gateway_process import Gateway


@dataclass(frozen=True)
class SoundGateway:
    """A gateway with a recording to play."""

    site: Gateway
    sound: MediaFile

    async def playback_url(self, media: MediaFile) -> str:
        """A playback URL, created by an authenticated call."""
        target = f"/recordings/{media.recording_id}/media/{media.id}/playback-url"
        created: dict[str, str] = await fetch(self.site, target, method="POST")
        return created["url"]

    def accesses(self, media: MediaFile) -> list[dict[str, Any]]:
        """The lines of the access log about the bytes of this file that were written so far."""
        lines = map(json.loads, filter(None, self.site.process.accesses))
        path = byte_path(media.recording_id, media.id)
        return [line for line in lines if line["path"] == path]


def import_sound(site: Gateway, sound: Path) -> SoundGateway:
    """This gateway, with the recording imported."""
    return SoundGateway(site, import_file(site, sound))
