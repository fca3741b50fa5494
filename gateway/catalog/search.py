"""The protocol of the search over the names and transcripts of recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.catalog.client_recordings import RecordingFilter
from gateway.catalog.owners import Owner
from gateway.catalog.recordings import Recording


@dataclass(frozen=True, slots=True)
class Match:
    """A transcript segment that contains what was searched for; seconds from the start of the transcript."""

    start_seconds: float
    end_seconds: float
    speaker: str | None
    text: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A recording whose name or transcript matches; its best matches in the order in which they were said."""

    recording: Recording
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of results, best first."""

    results: Sequence[SearchResult]
    has_more: bool


class RecordingSearch(Protocol):
    """Full-text search over the recordings of one owner."""

    async def search(self, owner: Owner, text: str, wanted: RecordingFilter, *, limit: int, offset: int) -> SearchPage:
        """A page of the recordings that match `text` and the filters of `wanted`, best first.

        A text without a word finds nothing.
        """
