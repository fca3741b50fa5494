"""Recognizes the files of a Vexa session by their paths, and groups them by session.

    recordings/{user}/{recording}/{session}/{audio|video}/NNNNNN.{format}   pieces, in order
    recordings/{user}/{recording}/{session}/{audio|video}/master.{format}   the file joined from them at the end

Numbered files anywhere else are ordinary files, and so is the older recordings/{user}/{recording}/{session}.{format}.
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
    """The files of one folder of a session: finished ones, and pieces by number."""

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
        """The number of its pieces."""
        return sum(len(track.pieces) for track in self.tracks.values())


class SessionGroups(Generic[T]):
    """Groups files by session. Paths must arrive in order, so that the files of a session follow one another."""

    def __init__(self) -> None:
        self._current: SessionFolder[T] | None = None

    def take(self, path: str, item: T) -> Iterator[SessionFolder[T] | T]:
        """Add a file; yield the session before if this path ends it, and the item itself if it is in no session."""
        member = _MEMBER.fullmatch(path)
        where = None if member is None else path[: member.end("session")]
        if self._current is not None and not path.startswith(f"{self._current.path}/"):
            yield from self.end()
        if member is None or where is None:
            yield item
            return
        self._current = self._current or SessionFolder(where)
        track = self._current.tracks.setdefault(member["type"], Track())
        if member["number"] is None:
            track.masters.append(item)
        else:
            track.pieces[int(member["number"])] = item

    def end(self) -> Iterator[SessionFolder[T]]:
        """Yield the session that is not finished yet, if there is one."""
        if self._current is not None:
            yield self._current
            self._current = None
