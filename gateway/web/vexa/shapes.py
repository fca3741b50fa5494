"""Recordings, media files and transcripts in Vexa's field names, as JSON-ready values. Storage keys never appear."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.catalog import MediaFile, MediaType, Recording, RecordingStatus, Segment, Transcript
from gateway.storage import Storage
from gateway.web.responses import whole_seconds

Json = dict[str, Any]

STATUS: Final[dict[RecordingStatus, str]] = {
    "pending": "in_progress",
    "uploaded": "uploading",
    "processing": "uploading",
    "completed": "completed",
    "failed": "failed",
}


def recording_json(recording: Recording, storages: Mapping[str, Storage]) -> Json:
    """A recording."""
    return {
        "id": recording.id,
        "meeting_id": recording.meeting_id,
        "user_id": recording.owner.user_id,
        "session_uid": recording.session_uid,
        "source": recording.source,
        "status": STATUS[recording.status],
        "error_message": recording.error_message,
        "created_at": whole_seconds(recording.created_at),
        "completed_at": whole_seconds(recording.completed_at),
        "media_files": [media_json(media, storages) for media in recording.media_files],
    }


def media_json(media: MediaFile, storages: Mapping[str, Storage]) -> Json:
    """A media file; `storage_backend` is the kind of its storage backend, or its name if that is not configured."""
    storage = storages.get(media.storage)
    return {
        "id": media.id,
        "type": media.type,
        "format": media.format,
        "storage_backend": storage.kind if storage else media.storage,
        "file_size_bytes": media.size,
        "duration_seconds": media.duration_seconds,
        "metadata": media.metadata,
        "created_at": whole_seconds(media.created_at),
    }


def transcript_json(transcript: Transcript, storages: Mapping[str, Storage]) -> Json:
    """A meeting with its segments and recordings. Only this dialect shows meetings, so their times keep their fractions."""
    meeting = transcript.meeting
    return {
        "id": meeting.id,
        "platform": meeting.platform,
        "native_meeting_id": meeting.native_meeting_id,
        "status": meeting.status,
        "start_time": meeting.started_at,
        "end_time": meeting.ended_at,
        "created_at": meeting.created_at,
        "metadata": meeting.metadata,
        "segments": [_segment_json(segment) for segment in transcript.segments],
        "recordings": [_playable_json(recording, storages) for recording in transcript.recordings],
    }


def _segment_json(segment: Segment) -> Json:
    """A segment of speech. Vexa's clients ignore a segment without `absolute_start_time`."""
    return {
        "start": segment.start_seconds,
        "end": segment.end_seconds,
        "text": segment.text,
        "speaker": segment.speaker,
        "language": segment.language,
        "absolute_start_time": _absolute(segment, segment.start_seconds),
        "absolute_end_time": _absolute(segment, segment.end_seconds),
        "completed": True,
        "segment_id": segment.segment_id,
        "created_at": segment.created_at,
    }


def _absolute(segment: Segment, seconds: float) -> datetime | None:
    if segment.counted_from_at is None:
        return None
    try:
        return segment.counted_from_at + timedelta(seconds=seconds)
    except OverflowError:  # beyond Python's calendar
        return None


def _playable_json(recording: Recording, storages: Mapping[str, Storage]) -> Json:
    playback: dict[MediaType, str | None] = {
        "audio": _master_path(recording, "audio"),
        "video": _master_path(recording, "video"),
    }
    return recording_json(recording, storages) | {"playback_url": playback}


def _master_path(recording: Recording, media_type: MediaType) -> str | None:
    finished = any(media.type == media_type and media.status == "uploaded" for media in recording.media_files)
    return f"/recordings/{recording.id}/master?type={media_type}" if finished else None
