"""The files of a Vexa session, distinguished from ordinary ones by where they are.

    recordings/{user}/{recording}/{session}/{audio|video}/NNNNNN.{format}   pieces, in order
    recordings/{user}/{recording}/{session}/{audio|video}/master.{format}   the file that was made of them at the end

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
    """What one folder of a session holds: finished files, and pieces by number."""

    masters: list[T] = field(default_factory=list)
    pieces: dict[int, T] = field(default_factory=dict)


@dataclass(slots=True)
class SessionFolder(Generic[T]):
    """A session: `path` is where it is, and `tracks` are its audio and video."""

    path: str
    tracks: dict[str, Track[T]] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        """What Vexa calls the session."""
        return self.path.rpartition("/")[2]

    def count_pieces(self) -> int:
        """How many pieces it has."""
        return sum(len(track.pieces) for track in self.tracks.values())


class SessionGroups(Generic[T]):
    """Puts the files of each session together, out of paths in order: a session's files follow one another."""

    def __init__(self) -> None:
        self._current: SessionFolder[T] | None = None

    def take(self, path: str, item: T) -> Iterator[SessionFolder[T] | T]:
        """Yield what is complete now: the session before, or an ordinary file."""
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
        """Yield the last session."""
        if self._current is not None:
            yield self._current
            self._current = None
