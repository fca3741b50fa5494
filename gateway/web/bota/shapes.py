"""Recordings and media as the JSON that Bota's clients read. Storage keys never appear."""

from dataclasses import asdict
from hashlib import sha256
from typing import Any

import orjson

from gateway.catalog import MediaFile, Recording, RecordingPage
from gateway.catalog.search import SearchPage
from gateway.protocol.ids import encode_id
from gateway.web.bota.query import cursor_of
from gateway.web.bota.upload_urls import UploadUrl
from gateway.web.responses import whole_seconds
from storage_adapters.multipart_uploads import PresignedPart

Json = dict[str, Any]


def page_json(page: RecordingPage, *, with_origin: bool = False) -> Json:
    """A page, with `next_cursor` if more recordings follow."""
    data = [recording_json(recording, with_origin=with_origin) for recording in page.recordings]
    shown = {"data": data, "has_more": page.end is not None}
    return shown if page.end is None else shown | {"next_cursor": cursor_of(page.end)}


def recording_json(recording: Recording, *, with_origin: bool = False) -> Json:
    """A recording, with its origin if requested. Its metadata is byte for byte the text that the client sent."""
    shown = {
        "id": encode_id("rec", recording.id),
        "device_id": recording.device_id,
        "end_user_id": recording.end_user_id,
        "name": recording.name,
        "status": recording.status,
        "duration_ms": duration_ms(recording),
        "started_at": recording.started_at,
        "ended_at": recording.ended_at,
        "transcription_id": recording.transcription_id,
        "media": [media_json(media) for media in recording.media_files],
        "metadata": None if recording.metadata is None else orjson.Fragment(recording.metadata),
        "created_at": whole_seconds(recording.created_at),
    }
    return shown | {"origin": _origin_json(recording)} if with_origin else shown


def _origin_json(recording: Recording) -> Json:
    """The recording's origin: its source, and its meeting."""
    meeting = recording.meeting
    return {"source": recording.source, "meeting": None if meeting is None else asdict(meeting)}


def recording_etag(recording: Recording) -> str:
    """A strong entity tag of the recording's JSON, for `If-Match` on PATCH."""
    return f'"{sha256(orjson.dumps(recording_json(recording))).hexdigest()[:32]}"'


def search_json(page: SearchPage, *, with_origin: bool = False) -> Json:
    """Results of a search, best first: each recording with the matching segments of its transcript."""
    data = [
        recording_json(result.recording, with_origin=with_origin) | {"matches": list(map(asdict, result.matches))}
        for result in page.results
    ]
    return {"data": data, "has_more": page.has_more}


def media_json(media: MediaFile) -> Json:
    """A media file."""
    return {
        "id": encode_id("med", media.id),
        "type": media.type,
        "mime_type": media.content_type,
        "file_size_bytes": media.size,
        "status": media.status,
        "captured_at": media.captured_at,
        "created_at": whole_seconds(media.created_at),
    }


def upload_url_json(media: MediaFile, url: UploadUrl) -> Json:
    """The URL to send a media file to, with `parts` if it may be sent in parts."""
    shown = {
        "media_id": encode_id("med", media.id),
        "upload_url": url.url,
        "expires_at": whole_seconds(url.expires_at),
        "headers": url.headers,
    }
    return shown | {"parts": [part_json(part) for part in url.parts]} if url.parts else shown


def part_json(part: PresignedPart) -> Json:
    """A part of a file, and whether it has arrived."""
    return {
        "number": part.number,
        "offset": part.offset,
        "size_bytes": part.size,
        "upload_url": part.url.url,
        "uploaded": part.uploaded,
    }


def duration_ms(recording: Recording) -> int | None:
    """The duration of the longest media file in whole milliseconds; None while no duration is known."""
    known = [media.duration_seconds for media in recording.media_files if media.duration_seconds is not None]
    return round(max(known) * 1000) if known else None
