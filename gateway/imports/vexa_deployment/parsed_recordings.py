"""Parses the recordings of a Vexa deployment: members of `meetings.data.recordings`, rows of the table `recordings`."""

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from gateway.catalog import RecordingMove
from gateway.imports.vexa_deployment.parsed_values import (
    FINAL_STATUSES,
    SOURCES,
    STATUSES,
    Row,
    count_of,
    integer_id,
    moment_of,
    objects_in,
    seconds_of,
    text_of,
)

# S3 keys have at most 1024 bytes, and PostgreSQL limits the size of an index entry.
_LONGEST_TEXT: Final = 1024
_FORMAT: Final = re.compile(r"[A-Za-z0-9]{1,20}")
# Ids from here on are random. Smaller ones are serial numbers, which recur in other deployments.
_RANDOM_IDS: Final = 10**11


@dataclass(frozen=True, slots=True)
class VexaMedia:
    """A media file as Vexa describes it.

    `chunk_count` is the number of chunks that arrived, `assembled` the number of them in its master; None if Vexa does
    not say.
    """

    id: int | None
    type: str
    format: str
    path: str | None
    backend: str
    duration_seconds: float | None
    chunk_count: int | None
    assembled: int | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VexaRecording(RecordingMove):
    """A recording as Vexa describes it; `user_id` is its owner's id in Vexa.

    `location` says where it was found: (meeting id, index), or (None, id of the row). `unknown_status` is Vexa's status if
    it is none of `STATUSES`.
    """

    location: tuple[int | None, int]
    user_id: int
    meeting_is_final: bool
    unknown_status: str | None
    deletion_pending: bool
    media: tuple[VexaMedia, ...]
    malformed_media: int


@dataclass(frozen=True, slots=True)
class VexaMeeting:
    """The fields of a meeting that its recordings need."""

    id: int | None
    user_id: int
    is_final: bool
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Members:
    """The recordings of one meeting; `malformed` is the number of members that cannot be parsed."""

    recordings: tuple[VexaRecording, ...]
    malformed: int


def meeting_of(row: Row) -> VexaMeeting:
    """Parse the fields of a meeting's row that its recordings need."""
    return VexaMeeting(
        row["id"],
        row["user_id"],
        row.get("status") in FINAL_STATUSES,
        moment_of(row.get("created_at")) or moment_of(row.get("start_time")),
    )


def members_of(row: Row) -> Members:
    """Parse the recordings in a meeting's `data`."""
    if "data" not in row:
        return Members((), 1)
    found = row["data"].get("recordings")
    if found is None:
        return Members((), 0)
    if not isinstance(found, list):
        return Members((), 1)
    meeting = meeting_of(row)
    parsed = [parse_recording(member, meeting, (row["id"], index)) for index, member in enumerate(found)]
    return Members(tuple(each for each in parsed if each is not None), parsed.count(None))


def parse_recording(member: object, meeting: VexaMeeting, location: tuple[int | None, int]) -> VexaRecording | None:
    """Parse a member or a row; None if it is not an object with a usable id."""
    recording_id = integer_id(member.get("id")) if isinstance(member, dict) else None
    if not isinstance(member, dict) or recording_id is None:
        return None
    word = member.get("status")
    status = "completed" if word is None else STATUSES.get(str(word))
    media = [_parse_media(each) for each in objects_in(member.get("media_files"))]
    return VexaRecording(
        id=recording_id,
        location=location,
        user_id=meeting.user_id,
        meeting_id=meeting.id,
        meeting_is_final=meeting.is_final,
        session_uid=_short(member.get("session_uid")),
        source=SOURCES.get(str(member.get("source")), "bot"),
        status=status or "failed",
        unknown_status=None if status else str(word),
        error_message=text_of(member.get("error_message")),
        created_at=moment_of(member.get("created_at")) or meeting.created_at,
        completed_at=moment_of(member.get("completed_at")),
        deletion_pending=bool(member.get("deletion_pending")),
        identity=_identity(recording_id, meeting.user_id, member),
        media=tuple(each for each in media if each is not None),
        malformed_media=media.count(None),
    )


def _identity(recording_id: int, user_id: int, member: Row) -> bytes:
    if recording_id >= _RANDOM_IDS:
        return identity_of("recording", recording_id, user_id)
    return identity_of("recording", recording_id, user_id, member.get("session_uid"), member.get("created_at"))


def _parse_media(entry: object) -> VexaMedia | None:
    if not isinstance(entry, dict):
        return None
    path, sequence = _short(entry.get("storage_path")), count_of(entry.get("chunk_seq"))
    named = text_of(entry.get("format")) or (path or "").rpartition(".")[2]
    return VexaMedia(
        id=integer_id(entry.get("id")),
        type=text_of(entry.get("type")) or "audio",
        format=named.lower() if _FORMAT.fullmatch(named) else "bin",
        path=path,
        backend=text_of(entry.get("storage_backend")) or "",
        duration_seconds=_length_of(entry.get("duration_seconds")),
        chunk_count=count_of(entry.get("chunk_count")) or (None if sequence is None else sequence + 1),
        assembled=count_of(entry.get("assembled_chunk_count")),
        created_at=moment_of(entry.get("created_at")),
    )


def _short(value: object) -> str | None:
    text = text_of(value)
    return text if text is not None and len(text.encode()) <= _LONGEST_TEXT else None


def _length_of(value: object) -> float | None:
    seconds = seconds_of(value)
    return seconds if seconds is not None and seconds >= 0 else None


def identity_of(*parts: object) -> bytes:
    """The digest that identifies a row of Vexa in our notes of what was moved."""
    return sha256(repr(parts).encode("utf-8", "surrogatepass")).digest()
