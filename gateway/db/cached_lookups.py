"""Caches the look-ups of the byte route: keys by digest or id, and media files.

The database sends a notification on the channel `seekgate` with each change that such a look-up would see (schema.sql):

    key <digest in hex>                      a key was added, changed or deleted
    media <recording id> <media file id>     an uploaded media file was added, changed or deleted
    recording <recording id>                 a recording has another owner
    signing_key                              the gateway's own signing key was stored or replaced
    everything                               all keys, media files or signing keys were deleted by TRUNCATE
"""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

import asyncpg

from gateway.catalog import ApiKey, MediaFile, Owner, Validity
from gateway.db.api_keys import PgApiKeys
from gateway.db.look_up_cache import UNKNOWN, LookUpCache
from gateway.db.pool import connected, storable
from gateway.db.reachability import Reachability
from gateway.db.recordings import PgRecordingCatalog
from gateway.db.signing_keys import OwnSigningKey
from gateway.errors import Unavailable

CHANNEL: Final = "seekgate"
# Less than the time limit of a whole readiness check.
CHECK_SECONDS: Final = 1.0

Found = TypeVar("Found", ApiKey, MediaFile)


def _bind(found: Found, validity: Validity) -> Found:
    return replace(found, validity=validity)


class CachedApiKeys(PgApiKeys):
    """PgApiKeys that caches keys by digest, and digests by id."""

    def __init__(
        self, pool: asyncpg.Pool, reachability: Reachability | None = None, *, grace_seconds: float = 0.0
    ) -> None:
        super().__init__(pool)
        self._reachability = reachability or Reachability()
        self.cache: LookUpCache[bytes, None, ApiKey] = LookUpCache(
            _bind, self._reachability, grace_seconds=grace_seconds
        )
        # A key's id and digest never change, so no notification removes one.
        self.digests: LookUpCache[int, None, bytes] = LookUpCache(
            lambda digest, _: digest, self._reachability, grace_seconds=grace_seconds
        )

    async def find_key(self, digest: bytes) -> ApiKey | None:
        known = self.cache.recall(digest, None)
        if known is not UNKNOWN:
            return known
        look_up = super().find_key
        return await self.cache.ask(digest, None, lambda: look_up(digest))

    async def find_digest(self, key_id: int) -> bytes | None:
        look_up = super().find_digest
        return await self.digests.ask(key_id, None, lambda: look_up(key_id))

    async def record_key_use(self, key_id: int) -> None:
        # No request should wait for a statistic while the database is down.
        self._reachability.require()
        await super().record_key_use(key_id)

    def forget(self, digest: bytes) -> None:
        """Remove the key immediately, so that the caller sees its own change; the notification may arrive later."""
        self.cache.forget(digest)


class CachedRecordingCatalog(PgRecordingCatalog):
    """PgRecordingCatalog that caches media files by recording, owner and id."""

    def __init__(
        self, pool: asyncpg.Pool, reachability: Reachability | None = None, *, grace_seconds: float = 0.0
    ) -> None:
        super().__init__(pool)
        self.cache: LookUpCache[int, tuple[Owner, int], MediaFile] = LookUpCache(
            _bind, reachability, grace_seconds=grace_seconds
        )

    async def find_media_file(self, owner: Owner, recording_id: int, media_file_id: int) -> MediaFile | None:
        if not storable(recording_id, media_file_id):
            return None
        caller = (owner, media_file_id)
        known = self.cache.recall(recording_id, caller)
        if isinstance(known, MediaFile) and known.status == "uploaded":
            return known
        look_up = super().find_media_file
        found = await self.cache.ask(recording_id, caller, lambda: look_up(owner, recording_id, media_file_id))
        if found is not None and found.status == "pending":
            # The client that completes an upload reads the file immediately, perhaps before the notification arrives.
            return await look_up(owner, recording_id, media_file_id)
        return found

    async def record_object_version(
        self, media: MediaFile, *, size: int, etag: str, object_modified_at: datetime
    ) -> None:
        await super().record_object_version(media, size=size, etag=etag, object_modified_at=object_modified_at)
        self.forget_recording(media.recording_id)

    async def record_missing(self, media: MediaFile) -> None:
        await super().record_missing(media)
        self.forget_recording(media.recording_id)

    async def delete_recording(self, owner: Owner, recording_id: int) -> bool:
        deleted = await super().delete_recording(owner, recording_id)
        self.forget_recording(recording_id)
        return deleted

    def forget_recording(self, recording_id: int) -> None:
        """Remove the media files of the recording, as CachedApiKeys.forget does for a key."""
        self.cache.forget(recording_id)


async def check_database(keys: CachedApiKeys, reachability: Reachability, grace_seconds: float) -> str | None:
    """Send a query. Returns None if the database answers, and a warning for `grace_seconds` after it last answered.

    During that time the gateway still counts as ready: a load balancer that removed every gateway would end the playback
    that the grace time is for. Raises Unavailable or TimeoutError afterwards.
    """
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await keys.find_key(bytes(32))
    except (Unavailable, TimeoutError):
        if reachability.seconds_since_answer() >= grace_seconds:
            raise
        return "unreachable, serving from memory"
    return None


NOTIFY: Final = "SELECT pg_notify($1, $2)"


async def notify(pool: asyncpg.Pool, channel: str, text: str) -> None:
    """Send a notification to all listeners of the channel."""
    async with connected(pool) as connection:
        await connection.execute(NOTIFY, channel, text)


class Changes:
    """A Listener that passes notifications to the caches."""

    def __init__(
        self,
        keys: CachedApiKeys,
        catalog: CachedRecordingCatalog,
        reachability: Reachability | None = None,
        own_signing_key: OwnSigningKey | None = None,
    ) -> None:
        self._reachability = reachability
        self._own_signing_key = own_signing_key
        self._keys = keys.cache
        self._media = catalog.cache
        self._caches = (keys.cache, keys.digests, catalog.cache)

    def trust(self, *, trusted: bool) -> None:
        """Set whether notifications arrive from now on."""
        for cache in self._caches:
            cache.trust(trusted=trusted)
        if self._own_signing_key is not None:
            self._own_signing_key.trust(trusted=trusted)
        if trusted and self._reachability is not None:
            self._reachability.record_answer()

    def beat(self) -> None:
        """Remove expired entries; called about once a second while notifications arrive."""
        for cache in self._caches:
            cache.expire()

    def receive(self, text: str) -> None:
        """Apply one notification. A newer version may send an unknown kind, which concerns nothing that is cached here."""
        kind, *words = text.split(" ")
        if kind == "key":
            self._keys.forget(bytes.fromhex(words[0]))
        elif kind in {"media", "recording"}:
            self._media.forget(int(words[0]))
        elif kind == "signing_key" and self._own_signing_key is not None:
            self._own_signing_key.record_change()
        elif kind == "everything":
            for cache in self._caches:
                cache.forget_all()
            if self._own_signing_key is not None:
                self._own_signing_key.record_change()
