"""Registers imported objects for one owner, and copies files into one storage backend.

The size, version and time that are recorded for an object are always measured at the storage backend.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import sha256

from gateway.catalog import UNFINISHED_SESSION, MediaFile, NewMeeting, Owner, RecordingCatalog
from gateway.imports.joined_objects import chunk_part, joined_object
from gateway.imports.local_files import NotImportable
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.prober import Prober
from gateway.storage import Storage
from gateway.uploads.joining.join_plan import ChunkPart, plan_join
from gateway.uploads.session_arrangement import missing_numbers
from gateway.uploads.verification import new_media
from storage_adapters.base import ObjectNotFound, ObjectStat, ReadableObjects, StoredObject, Writable

# Each call reads the content to copy from its beginning.
Content = Callable[[], AsyncGenerator[bytes, None]]


@dataclass(frozen=True, slots=True)
class Importer:
    """Registers objects of one storage backend for one owner. Registering an object twice makes no second row.

    With `recording_id` a new media file is added to that recording; `name` is the name of a new recording. With
    `only_whole` a file that is cut off or otherwise damaged is refused. `session` identifies the session that the
    files belong to: they replace a file that was joined from its pieces while the session was unfinished.
    """

    catalog: RecordingCatalog
    storage: Storage
    owner: Owner
    prober: Prober
    meeting: NewMeeting | None = None
    recording_id: int | None = None
    name: str | None = None
    only_whole: bool = False
    session: str | None = None

    async def probe(self, stored: StoredObject, *, remote: bool = False) -> MediaFacts:
        """Probe the file for type, format, duration and metadata. Raises NotMedia or StorageError."""
        found = await self.prober.probe(stored, self.owner.user_id, remote=remote)
        if self.only_whole and "warning" in found.metadata:
            raise NotMedia(str(found.metadata["warning"]))
        return found

    async def measure(self, key: str) -> ObjectStat:
        """The object's size and version, from the storage backend. Raises StorageError."""
        async with self.storage.adapter.open(key) as stored:
            return stored.stat

    async def register(self, key: str, found: MediaFacts, measured: ObjectStat, name: str) -> tuple[MediaFile, bool]:
        """Register the object; return its row, and whether the row is new.

        `name` is the name of the file, and of a new recording unless the importer has another. Raises Refusal.
        """
        media = replace(new_media(self.storage.name, key, found, measured), session=self.session)
        registered, new = await self.catalog.register(
            self.owner, media, name=self.name or name, meeting=self.meeting, recording_id=self.recording_id
        )
        await self.remember(registered, measured)
        return registered, new

    async def remember(self, media: MediaFile, measured: ObjectStat) -> None:
        """Record the object's size and version if they differ from the row."""
        if (media.size, media.etag) != (measured.size, measured.etag):
            await self.catalog.record_object_version(
                media, size=measured.size, etag=measured.etag, object_modified_at=measured.last_modified
            )

    async def add_joined(
        self, source: ReadableObjects, pieces: Mapping[int, tuple[str, int]], name: str
    ) -> tuple[MediaFile, bool]:
        """Join pieces (number → key in `source`, size) into one object; return its row, and whether the row is new.

        Raises NotMedia, NotImportable, Conflict or StorageError.
        """
        notes: dict[str, str | int] = {"unfinished": f"Joined from {len(pieces)} pieces of a session that did not end"}
        if self.session is not None:
            notes[UNFINISHED_SESSION] = self.session
        parts = await _parts(source, pieces)
        if missing := missing_numbers(pieces, first=_first_number(parts)):
            notes["missing_chunks"] = missing
        async with joined_object(await plan_join(source, parts)) as (joined, unreadable):
            found = await self.prober.probe(joined, self.owner.user_id)
            notes |= {"unreadable_parts": unreadable} if unreadable else {}
            found = replace(found, metadata={**found.metadata, **notes})
            return await self.copy_in(lambda: joined.read(0, joined.stat.size), found, name)

    async def copy_in(self, content: Content, found: MediaFacts, name: str) -> tuple[MediaFile, bool]:
        """Copy the content to an object; return its row, and whether the row is new.

        Raises NotImportable or StorageError.
        """
        digest = await _digest(content)
        # Two sessions with the same bytes are two recordings, so the key contains the session.
        stem = digest if self.session is None else f"{digest}-{self.session}"
        key = f"imports/{self.owner.user_id}/{digest[:2]}/{stem}.{found.format}"
        if not await self._contains(key):
            await self._copy(content, key, digest, found)
        media, new = await self.register(key, found, await self.measure(key), name)
        if not await self._contains(key):
            # An earlier queued deletion may have removed the object after the first check and before `register`.
            await self._copy(content, key, digest, found)
            await self.remember(media, await self.measure(key))
        return media, new

    async def _copy(self, content: Content, key: str, digest: str, found: MediaFacts) -> None:
        """Write the object, completely or not at all. Raises NotImportable if its bytes have another digest."""
        adapter = self.storage.adapter
        if not isinstance(adapter, Writable):
            raise NotImportable(f"the storage backend {self.storage.name!r} cannot be written to")
        hashed = sha256()
        async with (
            adapter.create(key, content_type=found.content_type) as writer,
            aclosing(content()) as chunks,
        ):
            async for chunk in chunks:
                hashed.update(chunk)
                await writer.write(chunk)
            if hashed.hexdigest() != digest:
                raise NotImportable("it changed while it was read")

    async def _contains(self, key: str) -> bool:
        try:
            await self.measure(key)
        except ObjectNotFound:
            return False
        return True


async def _parts(source: ReadableObjects, pieces: Mapping[int, tuple[str, int]]) -> list[ChunkPart]:
    parts = []
    for number, (key, size) in sorted(pieces.items()):
        if size:
            parts.append(await chunk_part(source, number, key, size))
    if not parts:
        raise NotMedia("all of its pieces are empty")
    return parts


def _first_number(parts: list[ChunkPart]) -> int:
    """The number of the first piece that the session had.

    If only the first piece present has a header, the session began with it. Otherwise earlier pieces may be missing,
    and counting starts from 0.
    """
    begins = parts[0].container is not None and all(part.container is None for part in parts[1:])
    return (parts[0].first or 0) if begins else 0


async def _digest(content: Content) -> str:
    hashed = sha256()
    async with aclosing(content()) as chunks:
        async for chunk in chunks:
            hashed.update(chunk)
    return hashed.hexdigest()
