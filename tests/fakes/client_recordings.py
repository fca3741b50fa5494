"""Client recordings in memory; see `tests.fakes.catalog`, whose recordings these are."""

import json
from datetime import UTC, datetime
from itertools import count
from typing import Final

from gateway.catalog import (
    ClientRecordings,
    IdempotencyKey,
    NewRecording,
    Owner,
    Position,
    Recording,
    RecordingFilter,
    RecordingPage,
)
from gateway.errors import Conflict, Fault, Invalid
from tests.fakes.catalog import MemoryCatalog

_ids: Final = count(300_000_000_001)


class MemoryClientRecordings(ClientRecordings):
    def __init__(self, catalog: MemoryCatalog) -> None:
        self._catalog = catalog
        self._answers: dict[tuple[Owner, str], tuple[bytes, Recording]] = {}

    async def list_page(self, owner: Owner, wanted: RecordingFilter, *, limit: int, offset: int) -> RecordingPage:
        found = [each for each in self._catalog.recordings_of(owner) if _is_meant(each, wanted)][offset:]
        last = found[limit - 1] if len(found) > limit else None
        return RecordingPage(found[:limit], Position(last.created_at, last.id) if last else None)

    async def create_recording(self, owner: Owner, new: NewRecording, key: IdempotencyKey | None = None) -> Recording:
        digest, answer = self._answers.get((owner, key.text), (b"", None)) if key else (b"", None)
        if key and answer:
            if digest != key.digest:
                fault = Fault("reused", ("header", "Idempotency-Key"), "It was used for another request", None)
                raise Conflict("The idempotency key was used for another request", (fault,))
            return answer
        if any("\0" in text for text in (new.name, new.device_id, new.end_user_id) if text):
            raise Invalid((Fault("unstorable", ("body",), "The catalogue cannot store this", None),))
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
    place, end = (recording.created_at, recording.id), wanted.older_than
    return (
        wanted.device_id in {None, recording.device_id}
        and wanted.end_user_id in {None, recording.end_user_id}
        and wanted.status in {None, recording.status}
        and (wanted.created_after is None or recording.created_at > wanted.created_after)
        and (wanted.created_before is None or recording.created_at < wanted.created_before)
        and (end is None or place < (end.created_at, end.id))
    )
