"""The byte path's two look-ups, remembered: the key, and the media file.

Knows: which look-ups repeat at every seek, and what a change is called (schema.sql notifies the channel
`seekgate` with the texts below). Refuses to know: how answers are kept (gateway.db.answer_cache).

    key <digest in hex>                      a key was revoked, changed or deleted
    media <recording id> <media file id>     a media file was changed or deleted
"""

from datetime import datetime
from typing import Final

import asyncpg

from gateway.catalog import ApiKey, Epoch, MediaFile, Owner
from gateway.db.answer_cache import UNKNOWN, Memory
from gateway.db.api_keys import PgApiKeys
from gateway.db.recordings import PgRecordingCatalog

CHANNEL: Final = "seekgate"


class CachedApiKeys(PgApiKeys):
    """PgApiKeys that remembers keys by digest."""

    def __init__(self, pool: asyncpg.Pool, epoch: Epoch) -> None:
        super().__init__(pool)
        self._epoch = epoch
        self.memory: Memory[bytes, None, ApiKey] = Memory()
        # A key's id and digest never change, so no notification has to forget one.
        self.digests: Memory[int, None, bytes] = Memory()

    async def find_key(self, digest: bytes) -> ApiKey | None:
        known = self.memory.recall(digest, None)
        if known is not UNKNOWN:
            return known
        look_up = super().find_key
        return await self.memory.ask(digest, None, lambda: look_up(digest))

    async def find_digest(self, key_id: int) -> bytes | None:
        look_up = super().find_digest
        return await self.digests.ask(key_id, None, lambda: look_up(key_id))

    def forget(self, digest: bytes) -> None:
        """Changed at once for who was told so: the notification may come a moment behind the answer."""
        self.memory.forget(digest)
        self._epoch.change()


class CachedRecordingCatalog(PgRecordingCatalog):
    """PgRecordingCatalog that remembers media files by their recording, who asked, and for which."""

    def __init__(self, pool: asyncpg.Pool, epoch: Epoch) -> None:
        super().__init__(pool)
        self._epoch = epoch
        self.memory: Memory[int, tuple[Owner, int], MediaFile] = Memory()

    async def find_media_file(self, owner: Owner, recording_id: int, media_file_id: int) -> MediaFile | None:
        asker = (owner, media_file_id)
        known = self.memory.recall(recording_id, asker)
        if isinstance(known, MediaFile) and known.status == "uploaded":
            return known
        look_up = super().find_media_file
        found = await self.memory.ask(recording_id, asker, lambda: look_up(owner, recording_id, media_file_id))
        if found is not None and found.status == "pending":
            # It is completed once, and whoever completed it reads it at once: sooner than we may hear of it.
            return await look_up(owner, recording_id, media_file_id)
        return found

    async def record_object_version(
        self, media: MediaFile, *, size: int, etag: str, object_modified_at: datetime
    ) -> None:
        await super().record_object_version(media, size=size, etag=etag, object_modified_at=object_modified_at)
        self._forget(media.recording_id)

    async def record_missing(self, media: MediaFile) -> None:
        await super().record_missing(media)
        self._forget(media.recording_id)

    async def delete_recording(self, owner: Owner, recording_id: int) -> bool:
        gone = await super().delete_recording(owner, recording_id)
        self._forget(recording_id)
        return gone

    def _forget(self, recording_id: int) -> None:
        """As CachedApiKeys.forget."""
        self.memory.forget(recording_id)
        self._epoch.change()


class Changes:
    """Passes what the database tells on to both memories, and begins an epoch with every change."""

    def __init__(self, keys: CachedApiKeys, catalog: CachedRecordingCatalog, epoch: Epoch) -> None:
        self._epoch = epoch
        self._keys = keys.memory
        self._digests = keys.digests
        self._media = catalog.memory

    def trust(self, *, trusted: bool) -> None:
        """Whether changes are being heard."""
        self._keys.trust(trusted=trusted)
        self._digests.trust(trusted=trusted)
        self._media.trust(trusted=trusted)
        if trusted:
            self._epoch.begin()
        else:
            self._epoch.end()

    def hear(self, text: str) -> None:
        """One notification; an unknown one, as a newer version may send, concerns nothing remembered here."""
        kind, *words = text.split(" ")
        if kind == "key":
            self._keys.forget(bytes.fromhex(words[0]))
            self._epoch.begin()
        elif kind == "media":
            self._media.forget(int(words[0]))
            self._epoch.begin()
