"""A Vexa session → one recording: its finished files, or where there are none the file that its pieces make."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.catalog import MediaFile
from gateway.imports.vexa_tree import SessionFolder, Track
from gateway.media.facts import NotMedia

T = TypeVar("T")

Added = tuple[MediaFile, bool]


@dataclass(frozen=True, slots=True)
class SessionMedia:
    """A media file of a session, whether it is new, and what a reader of the report should know (or "")."""

    where: str
    media: MediaFile
    new: bool
    note: str


@dataclass(frozen=True, slots=True)
class SessionIngest(Generic[T]):
    """Adds sessions. Both callables get the recording to add to (None for a new one) and its name."""

    add: Callable[[T, int | None, str], Awaitable[Added]]
    join: Callable[[Mapping[int, T], int | None, str], Awaitable[Added]]

    async def add_session(self, session: SessionFolder[T]) -> AsyncGenerator[SessionMedia, None]:
        """Yield each media file of the session, sound first. Raises what `add` and `join` raise."""
        recording_id = None
        for type, track in sorted(session.tracks.items()):
            media, new, note = await self._add_track(track, recording_id, session.uid)
            recording_id = media.recording_id
            yield SessionMedia(f"{session.path}/{type}", media, new, note)

    async def _add_track(self, track: Track[T], recording_id: int | None, name: str) -> tuple[MediaFile, bool, str]:
        trouble: NotMedia | None = None
        for master in track.masters:
            try:
                return *await self.add(master, recording_id, name), ""
            except NotMedia as error:
                trouble = error
        if not track.pieces:
            raise trouble or NotMedia("it is empty")
        joined = await self.join(track.pieces, recording_id, name)
        count = len(track.pieces)
        if trouble is not None:
            return *joined, f"its finished file cannot be used ({trouble}): joined from {count} pieces"
        return *joined, f"never finished: joined from {count} pieces"
