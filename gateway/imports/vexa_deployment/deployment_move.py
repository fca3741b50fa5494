"""Moves a Vexa deployment: users and their keys, and each user's meetings, segments, recordings and media files.

Vexa's database and storage are only read. Each meeting is written in one transaction, together with the notes of what
was moved, so that the next run continues an interrupted one. Objects are registered where they are stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.catalog import KeyMove, MoveTarget, UserMove, VexaSource
from gateway.imports.vexa_deployment.chunk_joiner import ChunkJoiner
from gateway.imports.vexa_deployment.media_preparation import OwnedObjects, Probe
from gateway.imports.vexa_deployment.meeting_moves import MeetingMoves
from gateway.imports.vexa_deployment.move_report import MovedUser, MoveReport
from gateway.imports.vexa_deployment.parsed_values import Row, expiry_of, find_generation, moment_of, scopes_of, text_of
from gateway.imports.vexa_deployment.recording_index import Recordings, read_recordings
from gateway.imports.vexa_deployment.stored_objects import VexaBackend, list_objects, map_backends
from gateway.keys import digest, visible_prefix

# The names that Vexa's own settings know. Its rows may have others.
_VEXA_BACKENDS: Final = frozenset({"local", "minio", "s3"})


class UnknownBackend(ValueError):
    """The map names a storage backend that Vexa does not have."""


@dataclass(frozen=True, slots=True)
class BackendMap:
    """Our storage backends by their name in Vexa, and the default for a name that is not mapped."""

    by_name: Mapping[str, VexaBackend]
    default: VexaBackend

    @property
    def all(self) -> Mapping[str, VexaBackend]:
        """Every storage backend, by its name here."""
        return {each.storage.name: each for each in (self.default, *self.by_name.values())}


@dataclass(frozen=True, slots=True)
class DeploymentMove:
    """One run. `only` are the email addresses of the users to move, in lower case; empty means all users.

    With `join_chunks`, the chunks of a recording that has no other object are joined into a new one. `advance` is
    called with the number of meetings just done.
    """

    source: VexaSource
    target: MoveTarget
    mapped: BackendMap
    probe: Probe
    now: datetime
    only: frozenset[str] = frozenset()
    dry_run: bool = False
    join_chunks: bool = False
    advance: Callable[[int], None] = lambda _: None

    async def run(self) -> MoveReport:
        """Move everything.

        Raises UnknownBackend, before anything is moved, if a name in the map is not a storage backend of Vexa's; otherwise
        DatabaseUnavailable, StorageError or Unavailable, and what was moved until then stays.
        """
        report = MoveReport(find_generation(self.source.tables), self.dry_run)
        recordings = await read_recordings(self.source)
        existing = _VEXA_BACKENDS | {name for name in recordings.paths if name}
        for name in self.mapped.by_name:
            if name not in existing:
                names = ", ".join(map(repr, sorted(existing)))
                raise UnknownBackend(f"--map: Vexa has no storage backend named {name!r}; there are: {names}")
        backends = await map_backends(recordings.paths, self.mapped.by_name, self.mapped.default)
        first_with_address: dict[str, int] = {}
        users = await self.source.users()
        for row in users:
            email = row["email"]
            first = first_with_address.setdefault(email.lower(), row["id"])
            if not self.only or email.lower() in self.only:
                namesake = None if first == row["id"] else first
                await self._move_user(row, namesake, report, recordings, backends)
        if not self.only:
            known = {row["id"] for row in users}
            meetings = sum(number for user, number in recordings.meetings_of.items() if user not in known)
            rows = sum(len(rows) for user, rows in recordings.rows.items() if user not in known)
            report.meetings.not_moved.update({"of no user": meetings} if meetings else {})
            report.recordings.not_moved.update({"of no user": rows} if rows else {})
        return report

    async def _move_user(
        self,
        row: Row,
        namesake: int | None,
        report: MoveReport,
        recordings: Recordings,
        backends: Mapping[str, VexaBackend],
    ) -> None:
        user = MovedUser(row["id"], row["email"], None)
        report.by_user.append(user)
        tokens = await self.source.tokens(user.vexa_id)
        async with self.target.transaction():
            user.user_id = await self._find_user(row, namesake, report)
            if user.user_id is not None:
                await self._move_keys(tokens, user, user.user_id, report)
        if user.user_id is None:
            self._leave_out(user, len(tokens), report, recordings)
            return
        objects = {name: await list_objects(each, user.vexa_id) for name, each in self.mapped.all.items()}
        owned = OwnedObjects(user.vexa_id, user.user_id, backends, objects, recordings.is_known, self._joiner())
        moves = MeetingMoves(self.source, self.target, report, recordings, user, user.user_id, owned, self.probe)
        await moves.run(self.now, self.advance)
        report.objects_without_a_recording += sum(each.count_unknown(recordings.is_known) for each in objects.values())

    def _joiner(self) -> ChunkJoiner | None:
        storage = self.mapped.default.storage
        return ChunkJoiner(storage, self.probe, self.dry_run) if self.join_chunks else None

    async def _find_user(self, row: Row, namesake: int | None, report: MoveReport) -> int | None:
        """The user's id here; None if the user is left out."""
        if namesake is not None:
            report.users.not_moved["with an address that differs by case only"] += 1
            reason = f"left out: the address differs only by case from that of Vexa's user {namesake}"
            report.flag("user", row["id"], row["email"], reason)
            return None
        if not row["email"]:
            report.users.not_moved["without an address"] += 1
            report.flag("user", row["id"], row["email"], "left out: the user has no address")
            return None
        user = UserMove(row["id"], row["email"], moment_of(row.get("created_at")))
        found = await self.target.move_user(user)
        report.users.add(found.outcome, found.refusal or "")
        if found.user_id is None:
            report.flag("user", user.vexa_id, user.email, f"left out: {found.refusal}")
        elif found.existed:
            report.flag(
                "user", user.vexa_id, user.email, f"the address is known here: its user {found.user_id} is used"
            )
        return found.user_id

    async def _move_keys(self, tokens: Sequence[Row], user: MovedUser, user_id: int, report: MoveReport) -> None:
        moves = [self._key(row, report) for row in tokens if text_of(row.get("token"))]
        for key, names_scopes in moves:
            outcome = await self.target.move_key(user_id, key)
            report.keys.add(outcome, "known here as another user's")
            if outcome in {"moved", "here"}:
                user.keys += 1
                report.keys_expired += key.expires_at is not None and key.expires_at <= self.now
                report.keys_without_scopes += not names_scopes
        removed = await self.target.other_keys(user_id, [key.digest for key, _ in moves])
        if removed:
            prefixes = ", ".join(f"{prefix}…" for prefix in removed)
            report.flag(
                "user",
                user.vexa_id,
                user.email,
                f"{len(removed)} keys no longer exist in Vexa and are valid here: {prefixes}",
            )

    def _key(self, row: Row, report: MoveReport) -> tuple[KeyMove, bool]:
        """The key to write, and whether Vexa's row names its scopes."""
        scopes, names_scopes = scopes_of(report.generation, row["token"], row.get("scopes"))
        key = KeyMove(
            digest=digest(row["token"]),
            prefix=visible_prefix(row["token"]),
            name=text_of(row.get("name")),
            scopes=scopes,
            created_at=moment_of(row.get("created_at")),
            expires_at=expiry_of(row.get("expires_at")),
            last_used_at=moment_of(row.get("last_used_at")),
        )
        return key, names_scopes

    def _leave_out(self, user: MovedUser, keys: int, report: MoveReport, recordings: Recordings) -> None:
        meetings = recordings.meetings_of[user.vexa_id]
        report.keys.not_moved["of users left out"] += keys
        report.meetings.not_moved["of users left out"] += meetings
        self.advance(meetings)
