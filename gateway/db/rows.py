"""Builds the domain's records from rows, which every statement returns as JSON text.

The name of a column gives its type: `_at` a timestamp, `_seconds` a finite duration, `metadata` an object.

The driver decodes a whole page and fails as a whole. With JSON text only the row that cannot be read (a timestamp beyond
Python's calendar, metadata that are not an object) is logged and left out.
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import asyncpg
import orjson

from gateway.catalog import (
    MediaFile,
    Meeting,
    MeetingName,
    NewMedia,
    Owner,
    Position,
    Recording,
    RecordingSort,
    Segment,
)

Row = Mapping[str, Any]
Record = TypeVar("Record")

_log = logging.getLogger(__name__)


def media_file(row: Row) -> MediaFile:
    """A row of media_files."""
    return MediaFile(**_columns(row, MEDIA_FILE_COLUMNS))


def recording(row: Row) -> Recording:
    """A row of recordings, with its rows of media_files in `media_files` (null for none), and perhaps its `meeting`.

    Its metadata stay text, unchanged; they are only checked to be an object.
    """
    files = _all_readable(media_file, row["media_files"] or ())
    if row["metadata"] is not None:
        _object(orjson.loads(row["metadata"]))
    columns = _columns(row, RECORDING_COLUMNS)
    meeting = MeetingName(**row["meeting"]) if row.get("meeting") else None
    return Recording(owner=_owner(row), media_files=files, meeting=meeting, metadata=row["metadata"], **columns)


_MEDIA_FILES: Final = """(
        SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = r.id
    ) AS media_files"""
_MEETING: Final = """(
        SELECT json_build_object('platform', platform, 'native_meeting_id', native_meeting_id)
        FROM meetings WHERE id = r.meeting_id
    ) AS meeting"""


def with_recording_columns(statement: str) -> str:
    """The statement with the columns that `recording` reads in place of `{media_files}` and `{meeting}`.

    They belong to the row `r`, of recordings or a selection from it.
    """
    return statement.replace("{media_files}", _MEDIA_FILES).replace("{meeting}", _MEETING)


def position(row: Row, sort: RecordingSort, value: str) -> Position:
    """The position of a row of recordings in a list of this order."""
    return Position(sort=sort, value=value, **_columns(row, POSITION_COLUMNS))


def meeting(row: Row) -> Meeting:
    """A row of meetings."""
    return Meeting(owner=_owner(row), **_columns(row, MEETING_COLUMNS))


def segment(row: Row) -> Segment:
    """A row of transcript_segments."""
    return Segment(**_columns(row, SEGMENT_COLUMNS))


def read_row(build: Callable[[Row], Record], text: str | None) -> Record | None:
    """The record that the JSON text describes; None if there is no row, or it cannot be read (logged)."""
    return None if text is None else next(iter(read_rows(build, [text])), None)


def read_rows(build: Callable[[Row], Record], texts: Iterable[str]) -> tuple[Record, ...]:
    """The records, without those that cannot be read (logged)."""
    return _all_readable(lambda text: build(orjson.loads(text)), texts)


def _all_readable(build: Callable[[Any], Record], rows: Iterable[Any]) -> tuple[Record, ...]:
    found = []
    for row in rows:
        try:
            found.append(build(row))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            _log.warning("A row cannot be read and is left out: %s", error)
    return tuple(found)


def _columns(row: Row, names: Iterable[str]) -> dict[str, Any]:
    return {name: _value(name, row[name]) for name in names}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith("_at"):
        return datetime.fromisoformat(value).astimezone(UTC)
    if name.endswith("_seconds"):
        return _finite(value)
    if name == "metadata":
        return _object(value)
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("metadata is not an object")
    return value


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a finite duration")
    return number


def measured(media: NewMedia) -> tuple[Any, ...]:
    """The values of a measured object for the columns `type, format, content_type, storage, object_key, size, etag,
    object_modified_at, duration_seconds, metadata`, in this order.
    """
    return tuple(getattr(media, name) for name in MEASURED_COLUMNS)


def with_owner(row: asyncpg.Record, but: str = "") -> dict[str, Any]:
    """The columns of a row except `but`; the owner replaces `user_id` and `live`."""
    return {name: value for name, value in row.items() if name not in {"user_id", "live", but}} | {"owner": _owner(row)}


def _owner(row: Row | asyncpg.Record) -> Owner:
    return Owner(row["user_id"], row["live"])


def _names(record: type, *but: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record) if field.name not in but)


MEASURED_COLUMNS: Final = _names(NewMedia, "session")
MEDIA_FILE_COLUMNS: Final = _names(MediaFile, "validity")
RECORDING_COLUMNS: Final = _names(Recording, "owner", "metadata", "media_files", "meeting")
POSITION_COLUMNS: Final = _names(Position, "sort", "value")
MEETING_COLUMNS: Final = _names(Meeting, "owner")
SEGMENT_COLUMNS: Final = _names(Segment)
