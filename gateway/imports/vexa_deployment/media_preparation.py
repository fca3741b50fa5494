"""Finds, checks and measures the objects of a Vexa recording's media files, and reports those with a fault."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.catalog import MediaFile, MediaMove, NewMedia
from gateway.imports.vexa_deployment.chunk_joiner import ChunkJoiner, NotJoinable, joined_key
from gateway.imports.vexa_deployment.media_descriptions import NO_ETAG, declared_media, recorded_media
from gateway.imports.vexa_deployment.parsed_recordings import VexaMedia, VexaRecording
from gateway.imports.vexa_deployment.stored_objects import (
    Choice,
    Folder,
    Objects,
    VexaBackend,
    choose,
    is_inside,
    recording_in,
    split_path,
)
from gateway.media.facts import MediaFacts, NotMedia
from gateway.uploads.verification import new_media
from storage_adapters.base import ObjectNotFound, ObjectStat, StoredObject

Probe = Callable[[StoredObject], Awaitable[MediaFacts]]
"""Probes an object; counts its length if no header contains it. Raises NotMedia or StorageError."""


@dataclass(slots=True)
class PreparedMedia:
    """The media files to write for one recording, and what to report: counts by reason, and texts in `flags`."""

    moves: list[MediaMove] = field(default_factory=list)
    not_moved: Counter[str] = field(default_factory=Counter)
    flags: list[str] = field(default_factory=list)
    chunk_entries: int = 0
    joined: int = 0

    def refuse(self, reason: str, flag: str) -> None:
        """Count and flag a media file that is not registered as playable."""
        self.not_moved[reason] += 1
        self.flags.append(flag)


@dataclass(frozen=True, slots=True)
class OwnedObjects:
    """One user's objects. `objects` is keyed by the backend's name here, `backends` by the backend's name in Vexa.

    A backend of Vexa that is not mapped is not in `backends`. `user_id` is the id here. `is_known` says whether any row
    of Vexa names a recording. `joiner` joins chunks, if that was requested.
    """

    vexa_user_id: int
    user_id: int
    backends: Mapping[str, VexaBackend]
    objects: Mapping[str, Objects]
    is_known: Callable[[int], bool]
    joiner: ChunkJoiner | None = None


async def prepare_media(
    recording: VexaRecording, created_at: datetime, owned: OwnedObjects, known: Mapping[int, MediaFile], probe: Probe
) -> PreparedMedia:
    """Prepare a recording's media; `known` are the media files that an earlier run moved. Raises StorageError."""
    prepared = PreparedMedia()
    if recording.status == "pending" and not recording.meeting_is_final:
        prepared.refuse("in progress", "still being recorded")
        return prepared
    for (name, _), entries in _groups(recording, owned, prepared).items():
        backend = owned.backends[name]
        choice = choose(recording, entries, owned.objects[backend.storage.name])
        await _Preparation(recording, created_at, backend, owned, known, probe, prepared).take(choice)
    prepared.not_moved.update({"malformed": recording.malformed_media} if recording.malformed_media else {})
    return prepared


def _groups(
    recording: VexaRecording, owned: OwnedObjects, prepared: PreparedMedia
) -> dict[tuple[str, str], list[VexaMedia]]:
    """The usable entries, grouped by storage backend and folder; the others are refused."""
    groups: dict[tuple[str, str], list[VexaMedia]] = {}
    for entry in recording.media:
        other = recording_in(entry.path or "")
        if entry.path is None or not is_inside(entry.path, owned.vexa_user_id):
            prepared.refuse("outside the owner", "object outside its owner's folder")
        elif other is not None and other != recording.id and owned.is_known(other):
            prepared.refuse("of another recording", f"its object belongs to recording {other}")
        elif entry.backend not in owned.backends:
            name = entry.backend[:50]
            prepared.refuse("unmapped backend", f"storage backend {name!r} is not mapped (--map {name}=STORAGE)")
        else:
            folder, _ = split_path(entry.path)
            groups.setdefault((entry.backend, folder or entry.path), []).append(entry)
    return groups


@dataclass(frozen=True, slots=True)
class _Preparation:
    """Prepares the media of one recording in one storage backend."""

    recording: VexaRecording
    created_at: datetime
    backend: VexaBackend
    owned: OwnedObjects
    known: Mapping[int, MediaFile]
    probe: Probe
    prepared: PreparedMedia

    async def take(self, choice: Choice) -> None:
        """Add a media file for the choice, or report what is wrong with it."""
        media_id = choice.entry.id
        if choice.state == "in progress":
            self.prepared.refuse("in progress", "still being recorded")
        elif media_id is None or media_id in {move.id for move in self.prepared.moves}:
            self.prepared.refuse("malformed", "a media file has no id of its own")
        elif (joined := self._joined_earlier(media_id)) is not None:
            self._add(choice, media_id, recorded_media(joined))
        elif choice.state == "chunks only":
            await self._join(choice, media_id)
        else:
            self.prepared.chunk_entries += choice.others
            media = None if choice.listed is None else await self._measured(choice, media_id)
            if media is None:
                self.prepared.refuse("missing", "object is missing")
            elif (count := choice.entry.assembled) is not None and count < (choice.entry.chunk_count or 0):
                self.prepared.flags.append(f"its master contains {count} of {choice.entry.chunk_count} chunks")
            self._add(choice, media_id, media)

    def _add(self, choice: Choice, media_id: int, media: NewMedia | None) -> None:
        created_at = choice.entry.created_at or self.created_at
        moved = media or self._declared(choice)
        self.prepared.moves.append(MediaMove(media_id, self.recording.id, moved, media is None, created_at))

    def _joined_earlier(self, media_id: int) -> MediaFile | None:
        """The media file that an earlier run joined. It stays even if Vexa has made a master since."""
        here = self.known.get(media_id)
        return here if here is not None and here.object_key == self._joined_key(media_id) else None

    def _joined_key(self, media_id: int) -> str:
        return joined_key(self.owned.user_id, self.recording.id, media_id)

    async def _join(self, choice: Choice, media_id: int) -> None:
        found = choice.parts or Folder()
        flag = f"chunks only ({found.chunks} objects), {found.size} bytes"
        if self.owned.joiner is not None:
            try:
                media = await self.owned.joiner.join(self.backend, choice, self._joined_key(media_id))
            except NotJoinable as error:
                flag += f", cannot be joined: {error}"
            else:
                self.prepared.joined += 1
                self._add(choice, media_id, media)
                return
        self.prepared.refuse("chunks only", flag)

    async def _measured(self, choice: Choice, media_id: int) -> NewMedia | None:
        """The object, probed unless an earlier run registered the same one; None if it has just disappeared."""
        key, here = self.backend.key(choice.path), self.known.get(media_id)
        size = choice.listed.size if choice.listed else None
        found = (self.backend.storage.name, key, size)
        if here and here.missing_at is None and (here.storage, here.object_key, here.size) == found:
            return recorded_media(here)
        try:
            async with self.backend.storage.adapter.open(key) as stored:
                return await self._probed(choice, stored)
        except ObjectNotFound:
            return None

    async def _probed(self, choice: Choice, stored: StoredObject) -> NewMedia:
        try:
            facts = await self.probe(stored)
        except NotMedia as error:
            self.prepared.flags.append(f"object cannot be played: {error}")
            return self._declared(choice, stored.stat)
        media = new_media(self.backend.storage.name, self.backend.key(choice.path), facts, stored.stat)
        unknown = media.duration_seconds is None
        return replace(media, duration_seconds=choice.entry.duration_seconds) if unknown else media

    def _declared(self, choice: Choice, stat: ObjectStat | None = None) -> NewMedia:
        name, key = self.backend.storage.name, self.backend.key(choice.path)
        return declared_media(choice.entry, name, key, stat or ObjectStat(0, NO_ETAG, self.created_at))
