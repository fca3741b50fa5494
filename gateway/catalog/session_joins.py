"""Sessions of meeting bots on their way to a file that plays.

A session's `changed` counts what arrived, and `joined` what its published file has. While they differ, one process at a
time joins the chunks again: the one that holds the newest claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaFile, NewMedia
from gateway.catalog.session_uploads import StoredChunk


@dataclass(frozen=True, slots=True)
class SessionClaim:
    """A session that this process may join until its lease ends: numbered chunks by number, then the others.

    `chunk_count` is how many numbered chunks a final announced, None if none did.
    """

    lease: int
    changed: int
    owner: Owner
    media: MediaFile
    chunk_count: int | None
    chunks: tuple[StoredChunk, ...]


@dataclass(frozen=True, slots=True)
class SessionFile:
    """The verified object that a session's chunks became, and the chunks that it contains whole."""

    found: NewMedia
    contains: tuple[int, ...]


class SessionJoins(Protocol):
    """The sessions that are to be joined."""

    async def claim_session(self, media_file_id: int, *, lease_seconds: float) -> SessionClaim | None:
        """The session, to be joined by the caller; None while another has it, or if nothing changed."""

    async def is_joined(self, media_file_id: int) -> bool:
        """Whether everything that arrived was joined; True as well for a session that was deleted."""

    async def list_due_sessions(self, *, limit: int) -> Sequence[int]:
        """The media files of sessions that are due and that nobody has claimed, longest due first."""

    async def extend_claim(self, claim: SessionClaim, *, lease_seconds: float) -> bool:
        """Keep the claim; False if it was lost."""

    async def postpone_session(self, claim: SessionClaim, *, seconds: float) -> None:
        """Give the claim back; the session is due again after `seconds`."""

    async def publish_session(self, claim: SessionClaim, file: SessionFile | None, fault: str | None) -> bool:
        """Make the file the session's own and complete its recording, or record why there is none, in one transaction.

        What is no longer named by any row is queued for deletion. `fault` says what is missing or wrong. False, and
        nothing done, if the claim was lost.
        """
