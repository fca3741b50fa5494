"""Imports a Vexa session as one recording: its finished files, or files joined from its pieces if none is usable."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final, Generic, Protocol, TypeVar

from gateway.catalog import MediaFile
from gateway.imports.vexa_tree import SessionFolder, Track
from gateway.media.facts import NotMedia

Item = TypeVar("Item", contravariant=True)  # noqa: PLC0105 - the name reads better without a suffix

Added = tuple[MediaFile, bool]

# The components that identify a session, wherever its tree is: recordings/{user}/{recording}/{session}.
_DEPTH: Final = 4


@dataclass(frozen=True, slots=True)
class SessionMedia:
    """A media file of a session, whether its row is new, and a note for the report (or "")."""

    where: str
    media: MediaFile
    new: bool
    note: str


class Importing(Protocol[Item]):
    """Adds files to the catalogue. Each method returns the row, and whether it is new."""

    async def add(self, item: Item, /) -> Added:
        """Add one file unchanged. Raises NotMedia."""

    async def add_pieces(self, pieces: Mapping[int, Item], name: str) -> Added:
        """Join these pieces into one file and add it. Raises NotMedia."""


@dataclass(frozen=True, slots=True)
class SessionImporter(Generic[Item]):
    """Adds sessions. `make` returns the importer of one file; its arguments replace fields of `Importer`."""

    make: Callable[..., Importing[Item]]

    async def add_session(self, session: SessionFolder[Item]) -> AsyncGenerator[SessionMedia, None]:
        """Yield each media file of the session, audio before video. Raises what an importer raises."""
        recording_id = None
        for type, track in sorted(session.tracks.items()):
            path = "/".join([*session.path.split("/")[-_DEPTH:], type])
            make = partial(self.make, recording_id=recording_id, session=sha256(path.encode()).hexdigest()[:32])
            media, new, note = await self._add_track(track, make, session.uid)
            recording_id = media.recording_id
            yield SessionMedia(f"{session.path}/{type}", media, new, note)

    async def _add_track(
        self, track: Track[Item], make: Callable[..., Importing[Item]], name: str
    ) -> tuple[MediaFile, bool, str]:
        count = len(track.pieces)
        finished, trouble = await self._add_master(track, make, name, whole=count > 0)
        if finished is not None:
            return *finished, ""
        try:
            joined = await make().add_pieces(track.pieces, name)
        except NotMedia:
            damaged, _ = await self._add_master(track, make, name, whole=False)
            if damaged is None:
                raise
            return *damaged, ""
        if trouble is not None:
            return *joined, f"its finished file cannot be used ({trouble}): joined from {count} pieces"
        return *joined, f"never finished: joined from {count} pieces"

    async def _add_master(
        self, track: Track[Item], make: Callable[..., Importing[Item]], name: str, *, whole: bool
    ) -> tuple[Added | None, NotMedia | None]:
        """The first finished file that can be used, or the reason why none can.

        Raises NotMedia if none can and there are no pieces either.
        """
        trouble: NotMedia | None = None
        for master in track.masters:
            try:
                return await make(name=name, only_whole=whole).add(master), None
            except NotMedia as error:
                trouble = error
        if not track.pieces:
            raise trouble or NotMedia("it is empty")
        return None, trouble
