"""The report of a move: counts and flagged rows, never the text of a key or of a transcript."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from gateway.catalog import MoveOutcome
from gateway.imports.vexa_deployment.parsed_values import Generation

NEVER_MOVED: Final = "webhooks, bots, calendars, share links, settings, transcription jobs and workspace data"


@dataclass(slots=True)
class Counts:
    """The counts of one kind of row; `not_moved` is by reason."""

    moved: int = 0
    already_here: int = 0
    deleted_here: int = 0
    not_moved: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: MoveOutcome, taken: str = "the id is taken here") -> None:
        """Count one outcome; `taken` is the reason to count if another row here has the id."""
        if outcome == "moved":
            self.moved += 1
        elif outcome == "here":
            self.already_here += 1
        elif outcome == "deleted":
            self.deleted_here += 1
        else:
            self.not_moved[taken] += 1

    def as_json(self) -> dict[str, Any]:
        """JSON-ready values. `asdict` cannot be used: it rebuilds a Counter from pairs and counts them."""
        return {
            "moved": self.moved,
            "already_here": self.already_here,
            "deleted_here": self.deleted_here,
            "not_moved": {reason: count for reason, count in self.not_moved.items() if count},
        }


@dataclass(slots=True)
class MovedUser:
    """What a user of Vexa has here after the move. `user_id` is the id here; None for a user who was left out."""

    vexa_id: int
    email: str
    user_id: int | None
    recordings: int = 0
    seconds: float = 0.0
    keys: int = 0


@dataclass(frozen=True, slots=True)
class Flag:
    """A row that the operator should check, and why."""

    kind: str
    id: int
    owner: str
    reason: str


@dataclass(slots=True)
class MoveReport:
    """The report of one run, dry or not. `recordings_by_status` has Vexa's names of the statuses."""

    generation: Generation
    dry_run: bool
    users: Counts = field(default_factory=Counts)
    keys: Counts = field(default_factory=Counts)
    keys_expired: int = 0
    keys_without_scopes: int = 0
    meetings: Counts = field(default_factory=Counts)
    segments: Counts = field(default_factory=Counts)
    recordings: Counts = field(default_factory=Counts)
    recordings_by_status: Counter[str] = field(default_factory=Counter)
    media_files: Counts = field(default_factory=Counts)
    media_bytes: int = 0
    media_joined: int = 0
    chunk_entries_beside_a_master: int = 0
    objects_without_a_recording: int = 0
    by_user: list[MovedUser] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)

    @property
    def sections(self) -> Mapping[str, Counts]:
        """The counts by kind, in the order of the printed table."""
        return {
            "users": self.users,
            "keys": self.keys,
            "meetings": self.meetings,
            "segments": self.segments,
            "recordings": self.recordings,
            "media files": self.media_files,
        }

    @property
    def is_complete(self) -> bool:
        """Whether everything was moved."""
        return not any(counts.not_moved.total() for counts in self.sections.values())

    def flag(self, kind: str, number: int, owner: str, reason: str) -> None:
        """Add a row to the flagged ones; `number` is its id in Vexa."""
        self.flags.append(Flag(kind, number, owner, reason))

    def as_json(self) -> dict[str, Any]:
        """The whole report as JSON-ready values."""
        return {
            "generation": self.generation,
            "dry_run": self.dry_run,
            "complete": self.is_complete,
            **{name.replace(" ", "_"): counts.as_json() for name, counts in self.sections.items()},
            "keys_expired": self.keys_expired,
            "keys_without_scopes": self.keys_without_scopes,
            "recordings_by_status": dict(self.recordings_by_status),
            "media_bytes": self.media_bytes,
            "media_joined": self.media_joined,
            "chunk_entries_beside_a_master": self.chunk_entries_beside_a_master,
            "objects_without_a_recording": self.objects_without_a_recording,
            "by_user": [asdict(user) for user in self.by_user],
            "flagged": [asdict(flag) for flag in self.flags],
            "never_moved": NEVER_MOVED,
        }
