"""Moves one user's meetings of a Vexa deployment, each with its segments, recordings and media files."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.catalog import MediaMove, MeetingMove, MoveTarget, RecordingStatus, VexaSource
from gateway.imports.vexa_deployment.media_preparation import OwnedObjects, PreparedMedia, Probe, prepare_media
from gateway.imports.vexa_deployment.meeting_conversion import (
    MeetingTranscript,
    meeting_identity,
    meeting_move,
    segments_of,
)
from gateway.imports.vexa_deployment.move_report import MovedUser, MoveReport
from gateway.imports.vexa_deployment.parsed_recordings import VexaRecording, members_of
from gateway.imports.vexa_deployment.parsed_values import STATUSES, Row, is_erased
from gateway.imports.vexa_deployment.recording_index import Recordings

MAX_CONCURRENT_PROBES: Final = 4
_WORDS: Final[Mapping[RecordingStatus, str]] = {status: word for word, status in STATUSES.items()}


@dataclass(frozen=True, slots=True)
class _Selected:
    """A meeting to move with its recordings; the meeting is None for recordings without one."""

    meeting: MeetingMove | None
    transcript: MeetingTranscript | None
    recordings: Sequence[VexaRecording]


@dataclass(frozen=True, slots=True)
class MeetingMoves:
    """Moves one user's meetings and recordings; `user_id` is the id here."""

    source: VexaSource
    target: MoveTarget
    report: MoveReport
    recordings: Recordings
    user: MovedUser
    user_id: int
    owned: OwnedObjects
    probe: Probe

    async def run(self, now: datetime, advance: Callable[[int], None]) -> None:
        """Move all meetings and recordings of the user. Raises DatabaseUnavailable, StorageError or Unavailable."""
        rows: dict[int | None, list[VexaRecording]] = defaultdict(list)
        for row in self.recordings.rows.get(self.user.vexa_id, ()):
            if row.erased:
                self.report.recordings.not_moved["of erased meetings"] += 1
            else:
                rows[row.recording.meeting_id].append(row.recording)
        async with aclosing(self.source.meetings(self.user.vexa_id)) as batches:
            async for batch in batches:
                selected = [await self._select(row, rows.pop(row["id"], []), now) for row in batch]
                await self._move([each for each in selected if each is not None], now)
                advance(len(batch))
        loose = [each for recordings in rows.values() for each in recordings]
        await self._move([_Selected(None, None, await self._chosen(loose))], now)

    async def _select(self, row: Row, rows: Sequence[VexaRecording], now: datetime) -> _Selected | None:
        """The parts of a meeting to move; the others are counted. None for an erased meeting."""
        members = members_of(row)
        if is_erased(row.get("data", {})):
            await self._count_erased(row, len(members.recordings))
            return None
        self.report.recordings.not_moved["malformed"] += members.malformed
        sessions = await self.source.sessions(row["id"])
        meeting, transcript = meeting_move(row, sessions, now), None
        if meeting is None:
            self.report.meetings.not_moved["without native id"] += 1
            self.report.segments.not_moved["of meetings not moved"] += await self.source.count_segments(row["id"])
        else:
            transcript = segments_of(await self.source.segments(row["id"]), sessions, meeting, self.report.generation)
        return _Selected(meeting, transcript, await self._chosen([*members.recordings, *rows]))

    async def _count_erased(self, row: Row, recordings: int) -> None:
        """Count an erased meeting, and flag it if an earlier run moved it."""
        self.report.meetings.not_moved["erased"] += 1
        self.report.recordings.not_moved["of erased meetings"] += recordings
        self.report.segments.not_moved["of erased meetings"] += await self.source.count_segments(row["id"])
        if await self.target.has_meeting(meeting_identity(row)):
            reason = "was erased in Vexa after it had been moved, and is still here"
            self.report.flag("meeting", row["id"], self.user.email, reason)

    async def _chosen(self, recordings: Iterable[VexaRecording]) -> list[VexaRecording]:
        """The recordings to move; the others are counted, and some are flagged."""
        chosen, counts = [], self.report.recordings.not_moved
        for recording in recordings:
            winner = self.recordings.winner(recording)
            if winner is not None:
                counts["duplicates"] += 1
                if winner != recording.user_id:
                    reason = f"left out: Vexa's user {winner} has a recording with this id"
                    self.report.flag("recording", recording.id, self.user.email, reason)
            elif self.recordings.is_to_be_deleted(recording):
                counts["deletion asked for"] += 1
                if await self.target.has_recording(recording.identity):
                    reason = "its deletion was asked for in Vexa after it had been moved, and it is still here"
                    self._flag(recording, reason)
            else:
                chosen.append(recording)
        return chosen

    async def _move(self, selected: Sequence[_Selected], now: datetime) -> None:
        """Examine the objects of several meetings in parallel, then write one meeting after the other."""
        media = [entry.id for each in selected for recording in each.recordings for entry in recording.media]
        known = await self.target.find_media([each for each in media if each is not None])
        prepared: dict[int, PreparedMedia] = {}
        free = asyncio.Semaphore(MAX_CONCURRENT_PROBES)

        async def prepare(recording: VexaRecording, created_at: datetime) -> None:
            async with free:
                prepared[recording.id] = await prepare_media(recording, created_at, self.owned, known, self.probe)

        try:
            async with asyncio.TaskGroup() as group:
                for each in selected:
                    for recording in each.recordings:
                        group.create_task(prepare(recording, _created_at(recording, each.meeting, now)))
        except BaseExceptionGroup as troubles:
            raise troubles.exceptions[0] from troubles
        for each in selected:
            async with self.target.transaction([recording.id for recording in each.recordings]):
                await self._write(each, prepared, now)

    async def _write(self, selected: _Selected, prepared: Mapping[int, PreparedMedia], now: datetime) -> None:
        meeting_id = await self._write_meeting(selected.meeting, selected.transcript)
        for recording in selected.recordings:
            created_at = _created_at(recording, selected.meeting, now)
            await self._write_recording(recording, meeting_id, created_at, prepared[recording.id])

    async def _write_meeting(self, meeting: MeetingMove | None, transcript: MeetingTranscript | None) -> int | None:
        """Write the meeting and its segments; return its id, None if it was not written."""
        if meeting is None or transcript is None:
            return None
        outcome = await self.target.move_meeting(self.user_id, meeting)
        self.report.meetings.add(outcome)
        if outcome == "taken":
            self.report.flag("meeting", meeting.id, self.user.email, "left out: something else here has this id")
        counts = self.report.segments
        if outcome not in {"moved", "here"}:
            counts.not_moved["of meetings not moved"] += len(transcript.segments)
            return None
        written = await self.target.move_segments(meeting.id, transcript.segments)
        counts.moved += written.moved
        counts.already_here += written.here
        for reason, count in (
            ("equal rows", transcript.equal),
            ("empty", transcript.empty),
            ("unusable", transcript.unusable),
        ):
            if count:
                counts.not_moved[reason] += count
        return meeting.id

    async def _write_recording(
        self, recording: VexaRecording, meeting_id: int | None, created_at: datetime, media: PreparedMedia
    ) -> None:
        move = replace(recording, meeting_id=meeting_id, created_at=created_at)
        outcome = await self.target.move_recording(self.user_id, move)
        self.report.recordings.add(outcome)
        if outcome == "taken":
            self._flag(recording, "left out: something else here has this id")
        if outcome not in {"moved", "here"}:
            return
        self.user.recordings += 1
        self.report.recordings_by_status[_WORDS[recording.status]] += 1
        if recording.unknown_status is not None:
            self._flag(recording, f"unknown status {recording.unknown_status[:50]!r}")
        for each in media.moves:
            await self._write_media(recording, each)
        self.report.media_files.not_moved.update(media.not_moved)
        self.report.media_joined += media.joined
        self.report.chunk_entries_beside_a_master += media.chunk_entries
        for reason in media.flags:
            self._flag(recording, reason)

    async def _write_media(self, recording: VexaRecording, move: MediaMove) -> None:
        outcome = await self.target.move_media(move)
        if outcome == "taken":
            self._flag(recording, f"something else here has the id of media file {move.id}, or its object")
        if not move.missing:
            self.report.media_files.add(outcome, "taken here")
        if not move.missing and outcome in {"moved", "here"}:
            self.report.media_bytes += move.media.size
            self.user.seconds += move.media.duration_seconds or 0.0

    def _flag(self, recording: VexaRecording, reason: str) -> None:
        self.report.flag("recording", recording.id, self.user.email, reason)


def _created_at(recording: VexaRecording, meeting: MeetingMove | None, now: datetime) -> datetime:
    return recording.created_at or (meeting.created_at if meeting else recording.completed_at or now)
