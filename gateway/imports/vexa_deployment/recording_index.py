"""An index of all recordings of a Vexa deployment by id, read once before anything is moved.

One id may occur several times. If the occurrences belong to several users, the user with the lowest meeting id wins. Of
one user's occurrences, the one with the most advanced status is moved. This depends only on Vexa's rows, so every run
makes the same choice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.catalog import RecordingStatus, VexaSource
from gateway.imports.vexa_deployment.parsed_recordings import (
    VexaMeeting,
    VexaRecording,
    meeting_of,
    members_of,
    parse_recording,
)
from gateway.imports.vexa_deployment.parsed_values import Row, is_erased

# Of two occurrences of one id, the one with the higher number is moved.
_FURTHER: Final[Mapping[RecordingStatus, int]] = {"completed": 3, "processing": 2, "pending": 1, "failed": 0}
_MAX_PATHS: Final = 50
_NO_MEETING: Final = 2**63


class TableRecording(NamedTuple):
    """A row of the table `recordings`, and whether its meeting was erased."""

    recording: VexaRecording
    erased: bool


class _Winner(NamedTuple):
    """The occurrence that is moved; `lowest_meeting` is the lowest meeting id of all occurrences of its user."""

    location: tuple[int | None, int]
    user_id: int
    rank: int
    lowest_meeting: int


@dataclass(slots=True)
class Recordings:
    """Every recording id of a deployment. `withheld` are the ids that were erased or whose deletion was requested.

    `rows` and `meetings_of` are keyed by the user's id in Vexa; `paths` has a sample of paths for each storage backend
    of Vexa.
    """

    withheld: set[int] = field(default_factory=set)
    rows: Mapping[int, list[TableRecording]] = field(default_factory=dict)
    meetings_of: Counter[int] = field(default_factory=Counter)
    paths: dict[str, list[str]] = field(default_factory=dict)
    _winners: dict[int, _Winner] = field(default_factory=dict)
    _pending: set[tuple[int, int]] = field(default_factory=set)

    def is_known(self, recording_id: int) -> bool:
        """Whether any row of Vexa names this recording."""
        return recording_id in self._winners or recording_id in self.withheld

    def winner(self, recording: VexaRecording) -> int | None:
        """None if this occurrence is moved; otherwise the Vexa id of the user whose occurrence is moved instead."""
        winner = self._winners[recording.id]
        return None if winner.location == recording.location else winner.user_id

    def is_to_be_deleted(self, recording: VexaRecording) -> bool:
        """Whether any occurrence says that its user asked Vexa to delete it."""
        return (recording.user_id, recording.id) in self._pending

    def add(self, recordings: Iterable[VexaRecording], *, erased: bool) -> None:
        """Add these occurrences; recordings of an erased meeting are only added to `withheld`."""
        for recording in recordings:
            if erased:
                self.withheld.add(recording.id)
                continue
            self._add(recording)
            for entry in recording.media:
                paths = self.paths.setdefault(entry.backend, [])
                if entry.path and len(paths) < _MAX_PATHS:
                    paths.append(entry.path)

    def _add(self, recording: VexaRecording) -> None:
        if recording.deletion_pending:
            self._pending.add((recording.user_id, recording.id))
            self.withheld.add(recording.id)
        meeting = _NO_MEETING if recording.meeting_id is None else recording.meeting_id
        new = _Winner(recording.location, recording.user_id, _FURTHER[recording.status], meeting)
        old = self._winners.get(recording.id)
        if old is None or (old.user_id != new.user_id and new.lowest_meeting < old.lowest_meeting):
            self._winners[recording.id] = new
        elif old.user_id == new.user_id:
            better = new if new.rank > old.rank else old
            lowest = min(old.lowest_meeting, new.lowest_meeting)
            self._winners[recording.id] = better._replace(lowest_meeting=lowest)


async def read_recordings(source: VexaSource) -> Recordings:
    """Read every meeting and every row of `recordings` once. Raises DatabaseUnavailable."""
    meetings: dict[int, VexaMeeting] = {}
    erased: set[int] = set()
    found = Recordings()
    async with aclosing(source.meetings()) as batches:
        async for batch in batches:
            for row in batch:
                meetings[row["id"]] = meeting_of(row)
                found.meetings_of[row["user_id"]] += 1
                if is_erased(row.get("data", {})):
                    erased.add(row["id"])
                found.add(members_of(row).recordings, erased=row["id"] in erased)
    rows: dict[int, list[TableRecording]] = defaultdict(list)
    for row in await source.table_recordings():
        recording = parse_recording(row, _meeting_of_row(row, meetings), (None, row["id"]))
        if recording is not None:
            in_erased = row["meeting_id"] in erased
            found.add((recording,), erased=in_erased)
            rows[row["user_id"]].append(TableRecording(recording, in_erased))
    found.rows = rows
    return found


def _meeting_of_row(row: Row, meetings: Mapping[int, VexaMeeting]) -> VexaMeeting:
    """The meeting of a row of `recordings`, without an id if it is another user's.

    A transcript never shows the recordings of another user.
    """
    meeting = meetings.get(row["meeting_id"])
    if meeting is not None and meeting.user_id == row["user_id"]:
        return meeting
    return VexaMeeting(None, row["user_id"], is_final=False, created_at=None)
