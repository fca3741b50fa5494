"""The media files of a recording of Vexa: their objects found, checked and measured, or named with what is wrong."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.catalog import MediaFile, MediaMove, MediaType, NewMedia
from gateway.imports.vexa_deployment_objects import (
    Choice,
    Objects,
    VexaPlace,
    choose,
    is_inside,
    recording_in,
    split_path,
)
from gateway.imports.vexa_deployment_recordings import VexaMedia, VexaRecording
from gateway.media.facts import MediaFacts, NotMedia
from storage_adapters.base import ObjectNotFound, ObjectStat, StoredObject

_TYPES: Final[Mapping[str, MediaType]] = {"video": "video", "screenshot": "image", "image": "image"}
_CONTENT_TYPES: Final[Mapping[tuple[MediaType, str], str]] = {
    ("audio", "wav"): "audio/wav",
    ("audio", "webm"): "audio/webm",
    ("audio", "opus"): "audio/ogg",
    ("audio", "ogg"): "audio/ogg",
    ("audio", "mp3"): "audio/mpeg",
    ("video", "webm"): "video/webm",
    ("video", "mp4"): "video/mp4",
    ("image", "jpg"): "image/jpeg",
    ("image", "png"): "image/png",
}
_NO_ETAG: Final = "missing"


Look = Callable[[StoredObject], Awaitable[MediaFacts]]
"""Read an object and say what it is; lengths that no header tells are counted. Raises NotMedia or StorageError."""


@dataclass(slots=True)
class PreparedMedia:
    """What is written of one recording's media, and what is reported of it: reasons to count, and texts to show."""

    moves: list[MediaMove] = field(default_factory=list)
    not_moved: Counter[str] = field(default_factory=Counter)
    flags: list[str] = field(default_factory=list)
    chunk_entries: int = 0
    parts: list[Choice] = field(default_factory=list)

    def refuse(self, reason: str, flag: str) -> None:
        """Count and name a media file that is not registered as a file that plays."""
        self.not_moved[reason] += 1
        self.flags.append(flag)


@dataclass(frozen=True, slots=True)
class OwnedObjects:
    """One user's objects by the name of the storage backend that holds them; `places` are by Vexa's name of it.

    A backend of Vexa's that is in no mapping is not in `places`. `is_known` says whether Vexa speaks of a recording.
    """

    vexa_user_id: int
    places: Mapping[str, VexaPlace]
    objects: Mapping[str, Objects]
    is_known: Callable[[int], bool]


async def prepare_media(
    recording: VexaRecording, created_at: datetime, owned: OwnedObjects, known: Mapping[int, MediaFile], look: Look
) -> PreparedMedia:
    """Everything about the recording's media. `known` are the media files that an earlier run moved. Raises StorageError."""
    prepared = PreparedMedia()
    if recording.status == "pending" and not recording.meeting_is_final:
        prepared.refuse("in progress", "still being recorded")
        return prepared
    for (backend, _), entries in _groups(recording, owned, prepared).items():
        place = owned.places[backend]
        choice = choose(recording, entries, owned.objects[place.storage.name])
        await _Preparation(recording, created_at, place, known, look, prepared).take(choice)
    prepared.not_moved.update({"malformed": recording.malformed_media} if recording.malformed_media else {})
    return prepared


def _groups(
    recording: VexaRecording, owned: OwnedObjects, prepared: PreparedMedia
) -> dict[tuple[str, str], list[VexaMedia]]:
    """The usable entries, those of one folder together."""
    groups: dict[tuple[str, str], list[VexaMedia]] = {}
    for entry in recording.media:
        other = recording_in(entry.path or "")
        if entry.path is None or not is_inside(entry.path, owned.vexa_user_id):
            prepared.refuse("outside the owner", "object outside its owner's folder")
        elif other is not None and other != recording.id and owned.is_known(other):
            prepared.refuse("of another recording", f"its object belongs to recording {other}")
        elif entry.backend not in owned.places:
            name = entry.backend[:50]
            prepared.refuse("unmapped backend", f"storage backend {name!r} is not mapped (--map {name}=STORAGE)")
        else:
            folder, _ = split_path(entry.path)
            groups.setdefault((entry.backend, folder or entry.path), []).append(entry)
    return groups


@dataclass(frozen=True, slots=True)
class _Preparation:
    """One recording's media at one place."""

    recording: VexaRecording
    created_at: datetime
    place: VexaPlace
    known: Mapping[int, MediaFile]
    look: Look
    prepared: PreparedMedia

    async def take(self, choice: Choice) -> None:
        """Turn a choice into a media file, or into what is wrong with it."""
        if choice.state == "in progress":
            self.prepared.refuse("in progress", "still being recorded")
        elif choice.state == "chunks only" and choice.parts is not None:
            count, size = choice.parts.chunks, choice.parts.size
            self.prepared.refuse("chunks only", f"chunks only ({count} objects), {size} bytes")
            self.prepared.parts.append(choice)
        elif choice.entry.id is None or choice.entry.id in {move.id for move in self.prepared.moves}:
            self.prepared.refuse("malformed", "a media file has no id of its own")
        else:
            self.prepared.chunk_entries += choice.others
            self.prepared.moves.append(await self._move(choice, choice.entry.id))

    async def _move(self, choice: Choice, media_id: int) -> MediaMove:
        media = None if choice.listed is None else await self._measured(choice, media_id)
        if media is None:
            self.prepared.refuse("missing", "object is missing")
        created_at = choice.entry.created_at or self.created_at
        missing = media is None
        return MediaMove(media_id, self.recording.id, media or self._declared(choice, None), missing, created_at)

    async def _measured(self, choice: Choice, media_id: int) -> NewMedia | None:
        """The object as it is; None if it has just disappeared."""
        key, here = self.place.key(choice.path), self.known.get(media_id)
        size = choice.listed.size if choice.listed else None
        if here is not None and here.missing_at is None and _at(here) == (self.place.storage.name, key, size):
            return _as_it_is(here)
        try:
            async with self.place.storage.adapter.open(key) as stored:
                return await self._looked_at(choice, stored)
        except ObjectNotFound:
            return None

    async def _looked_at(self, choice: Choice, stored: StoredObject) -> NewMedia:
        try:
            facts = await self.look(stored)
        except NotMedia as error:
            self.prepared.flags.append(f"object cannot be played: {error}")
            return self._declared(choice, stored.stat)
        return NewMedia(
            type=facts.type,
            format=facts.format,
            content_type=facts.content_type,
            storage=self.place.storage.name,
            object_key=self.place.key(choice.path),
            size=stored.stat.size,
            etag=stored.stat.etag,
            object_modified_at=stored.stat.last_modified,
            duration_seconds=choice.entry.duration_seconds
            if facts.duration_seconds is None
            else facts.duration_seconds,
            metadata=facts.metadata,
        )

    def _declared(self, choice: Choice, stat: ObjectStat | None) -> NewMedia:
        """The file as Vexa describes it."""
        entry = choice.entry
        media_type = _TYPES.get(entry.type, "audio")
        return NewMedia(
            type=media_type,
            format=entry.format,
            content_type=_CONTENT_TYPES.get((media_type, entry.format), "application/octet-stream"),
            storage=self.place.storage.name,
            object_key=self.place.key(choice.path),
            size=stat.size if stat else 0,
            etag=stat.etag if stat else _NO_ETAG,
            object_modified_at=stat.last_modified if stat else self.created_at,
            duration_seconds=entry.duration_seconds,
        )


def _at(here: MediaFile) -> tuple[str, str, int | None]:
    return here.storage, here.object_key, here.size


def _as_it_is(here: MediaFile) -> NewMedia:
    return NewMedia(
        type=here.type,
        format=here.format,
        content_type=here.content_type,
        storage=here.storage,
        object_key=here.object_key,
        size=here.size or 0,
        etag=here.etag or _NO_ETAG,
        object_modified_at=here.object_modified_at or here.created_at,
        duration_seconds=here.duration_seconds,
        metadata=here.metadata,
    )
