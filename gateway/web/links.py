"""URLs that need no API key: the gateway's playback URLs and share links, and presigned URLs of a storage backend."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from aiohttp import web

from gateway.catalog import MediaFile, Owner
from gateway.protocol.byte_path import byte_path
from gateway.protocol.signing import Disposition, Grant, Signer, owner_text
from gateway.storage import Storage
from gateway.web.exchange import EXCHANGE
from gateway.web.hosts import base_url
from storage_adapters.base import Presigning


class Link(NamedTuple):
    """A URL and when it expires."""

    url: str
    expires_at: datetime


def file_name(media: MediaFile) -> str:
    """The name under which a client saves the file."""
    return f"{media.recording_id}_{media.type}.{media.format}"


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links. They start with `public_url`, or with the request's own scheme and Host if that is None."""

    signer: Signer
    public_url: str | None

    def playback(self, request: web.Request, owner: Owner | None, media: MediaFile, disposition: Disposition) -> Link:
        """A playback URL of the gateway. It is valid only while the API key that admitted this request is.

        Without an `owner`, the URL does not show whose file it is.
        """
        key_id = request[EXCHANGE].key_id
        own = owner_text(owner.user_id, owner.live) if owner else ""
        grant = Grant(own, media.recording_id, media.id, disposition, key_id)
        signed = self.signer.sign(grant, now=time.time())
        base = base_url(request, self.public_url)
        return Link(f"{base}{byte_path(media.recording_id, media.id)}?{signed.query}", signed.expires_at)

    def shared(self, request: web.Request, token: str) -> str:
        """The page of a share link."""
        return f"{base_url(request, self.public_url)}/shared/{token}"

    async def presigned(self, storage: Presigning, media: MediaFile, disposition: Disposition) -> Link:
        """A URL of the storage backend itself."""
        url = await storage.presign_get(
            media.object_key,
            content_type=media.content_type,
            content_disposition=f'{disposition}; filename="{file_name(media)}"',
        )
        return Link(url.url, url.expires_at)

    async def download(self, request: web.Request, owner: Owner, media: MediaFile, storage: Storage) -> Link:
        """A URL to download the file from: presigned if the storage backend makes such URLs, else a playback URL."""
        if isinstance(storage.adapter, Presigning):
            return await self.presigned(storage.adapter, media, "attachment")
        return self.playback(request, owner, media, "attachment")

    def seconds_left(self, link: Link) -> int:
        """Whole seconds until the link expires."""
        return max(int(link.expires_at.timestamp() - time.time()), 0)
