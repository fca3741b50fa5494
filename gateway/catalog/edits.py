"""Changes that a client makes to an existing recording: its description and its transcript."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from gateway.catalog.meetings import Segment
from gateway.catalog.owners import Owner
from gateway.catalog.recordings import Recording


class RecordingEdits(Protocol):
    """Edits, each in one transaction: of two edits at the same time, the second sees the first."""

    async def update_recording(
        self, owner: Owner, recording_id: int, change: Callable[[Recording], Mapping[str, Any]]
    ) -> Recording | None:
        """Change the columns that `change` returns for the recording as it is now; None if there is no such recording.

        `change` may raise a Refusal, which leaves the recording as it is. Raises Invalid for what cannot be stored.
        """

    async def replace_transcript(self, owner: Owner, recording_id: int, segments: Sequence[Segment]) -> bool:
        """Replace the transcript of the recording's meeting; False if there is no such recording.

        For a recording without a meeting, a meeting is created.
        """
