"""Recognizes the files of a Vexa session by their paths, and groups them by session.

    recordings/{user}/{recording}/{session}/{audio|video}/NNNNNN.{format}   pieces, in order
    recordings/{user}/{recording}/{session}/{audio|video}/master.{format}   the file joined from them at the end

Numbered files anywhere else are ordinary files. So are files of the older form recordings/{user}/{recording}/{session}.{format}.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_MEMBER: Final = re.compile(
    r"(?:.*/)?(?P<session>recordings/[^/]+/[^/]+/[^/]+)/(?P<type>audio|video)/(?:(?P<number>[0-9]{6,})|master)\.[^/.]+"
)


@dataclass(slots=True)
class Track(Generic[T]):
    """The files of one folder of a session: the finished ones (`masters`), and the pieces by number."""

    masters: list[T] = field(default_factory=list)
    pieces: dict[int, T] = field(default_factory=dict)


@dataclass(slots=True)
class SessionFolder(Generic[T]):
    """A session: `path` is its folder, `tracks` are its audio and video."""

    path: str
    tracks: dict[str, Track[T]] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        """The session's id in Vexa: the last component of its path."""
        return self.path.rpartition("/")[2]

    def count_pieces(self) -> int:
        """The number of pieces in all its tracks."""
        return sum(len(track.pieces) for track in self.tracks.values())


class SessionGroups(Generic[T]):
    """Groups files by session. Paths must arrive in order, so that the files of a folder follow one another."""

    def __init__(self) -> None:
        # The sessions whose folders contain the last path, from the outermost one inwards.
        self._open: list[SessionFolder[T]] = []

    def take(self, path: str, item: T) -> Iterator[SessionFolder[T] | T]:
        """Add a file; yield the sessions that this path ends, and the item itself if it is in no session."""
        while self._open and not path.startswith(f"{self._open[-1].path}/"):
            yield self._open.pop()
        member = _MEMBER.fullmatch(path)
        if member is None:
            yield item
            return
        where = path[: member.end("session")]
        if not self._open or self._open[-1].path != where:
            self._open.append(SessionFolder(where))
        track = self._open[-1].tracks.setdefault(member["type"], Track())
        if member["number"] is None:
            track.masters.append(item)
        else:
            track.pieces[int(member["number"])] = item

    def end(self) -> Iterator[SessionFolder[T]]:
        """Yield the sessions that are not finished yet."""
        while self._open:
            yield self._open.pop()
