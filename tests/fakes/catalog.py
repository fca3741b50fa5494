"""A RecordingCatalog in memory. It passes the same contract tests as the one in PostgreSQL; one event loop, no threads."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from typing import Any, Final

from gateway.catalog import (
    MediaFile,
    MediaType,
    Meeting,
    NewMedia,
    NewMeeting,
    Owner,
    Recording,
    RecordingCatalog,
    Segment,
    Transcript,
    Validity,
)
from gateway.errors import Conflict, Fault, Invalid
from tests.fakes.deletions import MemoryDeletionQueue

_ids: Final = count(100_000_000_001)


def _now() -> datetime:
    return datetime.now(UTC)


def _refuse_nul(*texts: str | None) -> None:
    if any(text is not None and "\0" in text for text in texts):
        raise Invalid(Fault("unstorable", ("media",), "The catalogue cannot store this"))


class MemoryCatalog(RecordingCatalog):
    def __init__(self, queue: MemoryDeletionQueue) -> None:
        self._queue = queue
        self._recordings: dict[int, Recording] = {}
        self._meetings: dict[int, Meeting] = {}
        self._segments: dict[int, tuple[Segment, ...]] = {}

    async def list_recordings(
        self, owner: Owner, *, limit: int, offset: int, meeting_id: int | None = None
    ) -> Sequence[Recording]:
        found = [each for each in self.recordings_of(owner) if meeting_id is None or each.meeting_id == meeting_id]
        return found[offset : offset + limit]

    async def find_recording(self, owner: Owner, recording_id: int) -> Recording | None:
        found = self._recordings.get(recording_id)
        return found if found is not None and found.owner == owner else None

    async def find_media_file(self, owner: Owner, recording_id: int, media_file_id: int) -> MediaFile | None:
        recording = await self.find_recording(owner, recording_id)
        files = () if recording is None else recording.media_files
        return next((file for file in files if file.id == media_file_id), None)

    async def find_owner(self, recording_id: int, media_file_id: int) -> Owner | None:
        recording = self._recordings.get(recording_id)
        if recording is None or await self.find_media_file(recording.owner, recording_id, media_file_id) is None:
            return None
        return recording.owner

    async def find_master(self, owner: Owner, recording_id: int, media_type: MediaType) -> MediaFile | None:
        recording = await self.find_recording(owner, recording_id)
        files = () if recording is None else recording.media_files
        return next((file for file in reversed(files) if (file.type, file.status) == (media_type, "uploaded")), None)

    async def find_transcript(
        self, owner: Owner, platform: str, native_meeting_id: str, meeting_id: int | None = None
    ) -> Transcript | None:
        meeting = self._find_meeting(owner, platform, native_meeting_id, meeting_id)
        return None if meeting is None else self._transcript(meeting)

    async def find_transcript_of(self, owner: Owner, recording_id: int) -> Transcript | None:
        recording = await self.find_recording(owner, recording_id)
        meeting_id = None if recording is None else recording.meeting_id
        return None if meeting_id is None else self._transcript(self._meetings[meeting_id])

    async def find_transcript_version(
        self, owner: Owner, platform: str, native_meeting_id: str, meeting_id: int | None = None
    ) -> str | None:
        return _version(await self.find_transcript(owner, platform, native_meeting_id, meeting_id))

    async def find_transcript_version_of(self, owner: Owner, recording_id: int) -> str | None:
        return _version(await self.find_transcript_of(owner, recording_id))

    def _transcript(self, meeting: Meeting) -> Transcript:
        segments = sorted(self._segments[meeting.id], key=lambda each: each.start_seconds)
        return Transcript(
            meeting,
            tuple(segments),
            tuple(each for each in self.recordings_of(meeting.owner) if each.meeting_id == meeting.id),
        )

    async def register(
        self,
        owner: Owner,
        media: NewMedia,
        *,
        name: str | None = None,
        meeting: NewMeeting | None = None,
        recording_id: int | None = None,
    ) -> tuple[MediaFile, bool]:
        _refuse_nul(name, media.object_key, *(each.text for each in (meeting.segments if meeting else ())))
        for recording in self._recordings.values():
            for file in recording.media_files:
                if (file.storage, file.object_key) == (media.storage, media.object_key):
                    if recording.owner != owner:
                        raise Conflict("The object belongs to another recording")
                    return file, False
        self._queue.withdraw(media)
        if recording_id is not None:
            return self._add_file(recording_id, media), True
        return self._add(owner, media, name, None if meeting is None else self._ensure_meeting(owner, meeting)), True

    async def record_object_version(
        self, media: MediaFile, *, size: int, etag: str, object_modified_at: datetime
    ) -> None:
        self._change(media.id, size=size, etag=etag, object_modified_at=object_modified_at, missing_at=None)

    async def record_missing(self, media: MediaFile) -> None:
        files = [file for each in self._recordings.values() for file in each.media_files if file.id == media.id]
        if files and files[0].missing_at is None:
            self._change(media.id, missing_at=datetime.now(UTC))

    def _change(self, media_file_id: int, **fields: Any) -> None:
        for recording in list(self._recordings.values()):
            files = tuple(
                replace(file, **fields) if file.id == media_file_id else file for file in recording.media_files
            )
            self.keep(replace(recording, media_files=files))

    async def delete_recording(self, owner: Owner, recording_id: int) -> bool:
        recording = await self.find_recording(owner, recording_id)
        if recording is None:
            return False
        del self._recordings[recording_id]
        for file in recording.media_files:
            file.validity.end()
            self._queue.add(file)
        return True

    def keep(self, recording: Recording) -> None:
        """Add or replace the recording. Earlier look-ups of its files are no longer valid."""
        before = self._recordings.get(recording.id)
        for file in before.media_files if before else ():
            file.validity.end()
        files = tuple(replace(file, validity=Validity()) for file in recording.media_files)
        self._recordings[recording.id] = replace(recording, media_files=files)

    def recordings_of(self, owner: Owner) -> list[Recording]:
        mine = [each for each in self._recordings.values() if each.owner == owner]
        return sorted(mine, key=lambda each: (each.created_at, each.id), reverse=True)

    def _find_meeting(
        self, owner: Owner, platform: str, native_meeting_id: str, meeting_id: int | None = None
    ) -> Meeting | None:
        key = (owner, platform, native_meeting_id)
        found = [
            each
            for each in self._meetings.values()
            if (each.owner, each.platform, each.native_meeting_id) == key and meeting_id in {None, each.id}
        ]
        return max(found, key=lambda each: (each.created_at, each.id), default=None)

    def _ensure_meeting(self, owner: Owner, wanted: NewMeeting) -> int:
        meeting = self._find_meeting(owner, wanted.platform, wanted.native_meeting_id)
        if meeting is None:
            now = _now()
            meeting = Meeting(
                next(_ids), owner, wanted.platform, wanted.native_meeting_id, "completed", None, None, now
            )
            self._meetings[meeting.id] = meeting
        kept = self._segments.get(meeting.id, ())
        self._segments[meeting.id] = kept + tuple(wanted.segments[len(kept) :])
        return meeting.id

    def _add_file(self, recording_id: int, media: NewMedia) -> MediaFile:
        recording = self._recordings.get(recording_id)
        if recording is None:
            raise Conflict("The recording was deleted")
        file = _new_file(recording_id, media, _now())
        self.keep(replace(recording, media_files=(*recording.media_files, file)))
        return file

    def _add(self, owner: Owner, media: NewMedia, name: str | None, meeting_id: int | None) -> MediaFile:
        now, recording_id = _now(), next(_ids)
        file = _new_file(recording_id, media, now)
        recording = Recording(
            id=recording_id,
            owner=owner,
            meeting_id=meeting_id,
            session_uid=None,
            source="upload",
            status="completed",
            error_message=None,
            name=name,
            device_id=None,
            end_user_id=None,
            transcription_id=None,
            metadata=None,
            started_at=None,
            ended_at=None,
            created_at=now,
            completed_at=now,
            media_files=(file,),
        )
        self.keep(recording)
        return file


def _new_file(recording_id: int, media: NewMedia, now: datetime) -> MediaFile:
    return MediaFile(
        next(_ids),
        recording_id,
        status="uploaded",
        captured_at=None,
        created_at=now,
        **{name: getattr(media, name) for name in set(NewMedia.__slots__) - {"session"}},
    )


def _version(transcript: Transcript | None) -> str | None:
    return None if transcript is None else sha256(repr(transcript).encode()).hexdigest()
