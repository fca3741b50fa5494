"""Client recordings in memory; see `tests.fakes.catalog`, whose recordings these are."""

import json
from datetime import UTC, datetime
from functools import partial
from itertools import count
from math import inf
from typing import Any, Final

from gateway.catalog import (
    ClientRecordings,
    IdempotencyKey,
    NewRecording,
    Owner,
    Position,
    Recording,
    RecordingFilter,
    RecordingPage,
    RecordingSort,
)
from gateway.errors import Conflict, Fault, Invalid
from tests.fakes.catalog import MemoryCatalog

_ids: Final = count(300_000_000_001)


class MemoryClientRecordings(ClientRecordings):
    def __init__(self, catalog: MemoryCatalog) -> None:
        self._catalog = catalog
        self._answers: dict[tuple[Owner, str], tuple[bytes, Recording]] = {}

    async def list_page(self, owner: Owner, wanted: RecordingFilter, *, limit: int, offset: int) -> RecordingPage:
        meant = [each for each in self._catalog.recordings_of(owner) if _is_meant(each, wanted)]
        falling = wanted.sort.startswith("-")
        found = sorted(meant, key=partial(_place, wanted.sort), reverse=falling)[offset:]
        last = found[limit - 1] if len(found) > limit else None
        end = Position(last.created_at, last.id, wanted.sort, str(_value(wanted.sort, last))) if last else None
        return RecordingPage(found[:limit], end)

    async def create_recording(self, owner: Owner, new: NewRecording, key: IdempotencyKey | None = None) -> Recording:
        digest, response = self._answers.get((owner, key.text), (b"", None)) if key else (b"", None)
        if key and response:
            if digest != key.digest:
                fault = Fault("reused", ("header", "Idempotency-Key"), "It was used for another request")
                raise Conflict("The idempotency key was used for another request", fault)
            return response
        if any("\0" in text for text in (new.name, new.device_id, new.end_user_id) if text):
            raise Invalid(Fault("unstorable", ("body",), "The catalogue cannot store this"))
        assert new.metadata is None or isinstance(json.loads(new.metadata), dict)
        created = _pending(owner, new)
        self._catalog.keep(created)
        if key:
            self._answers[owner, key.text] = (key.digest, created)
        return created


def _pending(owner: Owner, new: NewRecording) -> Recording:
    return Recording(
        id=next(_ids),
        owner=owner,
        meeting_id=None,
        session_uid=None,
        source="upload",
        status="pending",
        error_message=None,
        transcription_id=None,
        created_at=datetime.now(UTC),
        completed_at=None,
        **{name: getattr(new, name) for name in NewRecording.__slots__},
    )


def _is_meant(recording: Recording, wanted: RecordingFilter) -> bool:
    place, end = _place(wanted.sort, recording), wanted.older_than
    last = (type(place[0])(end.value), end.created_at, end.id) if end else None
    duration = _duration(recording)
    least, most = wanted.min_duration_seconds or 0, wanted.max_duration_seconds or inf
    bounded = wanted.min_duration_seconds is not None or wanted.max_duration_seconds is not None
    return (
        wanted.device_id in {None, recording.device_id}
        and wanted.end_user_id in {None, recording.end_user_id}
        and wanted.status in {None, recording.status}
        and wanted.type in {None, _type(recording)}
        and (not bounded or (duration is not None and least <= duration <= most))
        and (wanted.created_after is None or recording.created_at > wanted.created_after)
        and (wanted.created_before is None or recording.created_at < wanted.created_before)
        and (last is None or (place < last if wanted.sort.startswith("-") else place > last))
    )


def _place(sort: RecordingSort, recording: Recording) -> tuple[Any, datetime, int]:
    return _value(sort, recording), recording.created_at, recording.id


def _value(sort: RecordingSort, recording: Recording) -> float | str:
    """What the list is ordered by before the time; an unknown duration is the last in both directions."""
    duration = _duration(recording)
    values = {"type": _type(recording), "status": recording.status}
    if sort.endswith("duration"):
        return (-1.0 if sort.startswith("-") else inf) if duration is None else duration
    return values.get(sort.removeprefix("-"), "")


def _type(recording: Recording) -> str:
    types = {file.type for file in recording.media_files}
    return next((each for each in ("video", "audio", "image") if each in types), "")


def _duration(recording: Recording) -> float | None:
    return max(
        (each.duration_seconds for each in recording.media_files if each.duration_seconds is not None), default=None
    )
