"""Finds the stored object of each media file of Vexa: a master, a whole object, a lone chunk, or none.

    recordings/{user}/{recording}/{session}.{format}                   one whole object (0.9 to 0.10.2)
    recordings/{user}/{recording}/{session}/{type}/000000.{format}     chunks (0.10.3 and later)
    recordings/{user}/{recording}/{session}/{type}/master.{format}     all chunks in one object

The first chunk of a WebM file plays on its own, for about a second. So only the names and the number of the objects
show whether one of them is a whole recording.
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from gateway.imports.vexa_deployment.parsed_recordings import VexaMedia, VexaRecording
from gateway.storage import Storage
from storage_adapters.base import Listable, ListedObject, StorageUnavailable

_CHUNK: Final = re.compile(r"([0-9]{6,})\.[^.]*")
_FLAT_DEPTH: Final = 4


class VexaBackend(NamedTuple):
    """A storage backend here that contains Vexa's objects; its keys are Vexa's paths without `prefix`."""

    storage: Storage
    prefix: str = ""

    def key(self, path: str) -> str:
        """The key, below the backend's own prefix, of the object that Vexa calls `path`."""
        return path.removeprefix(self.prefix)


@dataclass(slots=True)
class Folder:
    """The objects of one recording and type; `filled` is the number of chunks that are not empty."""

    chunks: int = 0
    filled: int = 0
    size: int = 0
    first: ListedObject | None = None
    masters: dict[str, ListedObject] = field(default_factory=dict)

    def add(self, name: str, listed: ListedObject) -> None:
        """Take one more object into account."""
        chunk = _CHUNK.fullmatch(name)
        if chunk is None:
            if listed.size:
                self.masters[name] = listed
            return
        self.chunks += 1
        self.size += listed.size
        self.filled += listed.size > 0
        if listed.size and int(chunk[1]) == 0:
            self.first = listed


@dataclass(slots=True)
class Objects:
    """One Vexa user's objects in one storage backend, by Vexa's paths; `counts` is by recording id."""

    folders: dict[str, Folder] = field(default_factory=dict)
    whole: dict[str, ListedObject] = field(default_factory=dict)
    counts: dict[int | None, int] = field(default_factory=dict)

    def add(self, path: str, listed: ListedObject) -> None:
        """Take one more object into account."""
        recording = recording_in(path)
        self.counts[recording] = self.counts.get(recording, 0) + 1
        folder, name = split_path(path)
        if folder is not None:
            self.folders.setdefault(folder, Folder()).add(name, listed)
        elif listed.size:
            self.whole[path] = listed

    def count_unknown(self, is_known: Callable[[int], bool]) -> int:
        """The number of objects that are in no known recording's folder."""
        return sum(count for recording, count in self.counts.items() if recording is None or not is_known(recording))


async def list_objects(backend: VexaBackend, user_id: int) -> Objects:
    """List everything below the user's folder. Raises StorageError."""
    folder, found = f"recordings/{user_id}/", Objects()
    async with aclosing(_list(backend, folder)) as objects:
        async for listed in objects:
            found.add(folder + listed.key.removeprefix(backend.key(folder)), listed)
    return found


async def list_folder(backend: VexaBackend, folder: str) -> AsyncGenerator[tuple[int, ListedObject], None]:
    """Yield the chunks in a folder with their numbers, in key order. Raises StorageError."""
    async with aclosing(_list(backend, f"{folder}/")) as objects:
        async for listed in objects:
            chunk = _CHUNK.fullmatch(listed.key.rpartition("/")[2])
            if chunk is not None:
                yield int(chunk[1]), listed


async def map_backends(
    paths: Mapping[str, Sequence[str]], mapping: Mapping[str, VexaBackend], default: VexaBackend
) -> Mapping[str, VexaBackend]:
    """Map the names of Vexa's storage backends to ours; `paths` are some of the paths of each.

    A name that is not in `mapping` is mapped to the default if that contains one of its paths. Raises StorageError.
    """
    found = {"": default, **mapping}
    for backend, some in paths.items():
        if backend not in found and await _holds_any(default, some):
            found[backend] = default
    return found


async def _holds_any(backend: VexaBackend, paths: Sequence[str]) -> bool:
    for path in paths:
        folder, _ = split_path(path)
        async with aclosing(_list(backend, folder or path)) as objects:
            async for _ in objects:
                return True
    return False


async def _list(backend: VexaBackend, prefix: str) -> AsyncGenerator[ListedObject, None]:
    adapter = backend.storage.adapter
    if not isinstance(adapter, Listable):
        raise StorageUnavailable(prefix, f"the storage backend {backend.storage.name!r} cannot be listed")
    async for listed in adapter.list(backend.key(prefix)):
        yield listed


def split_path(path: str) -> tuple[str | None, str]:
    """Split the path of a chunk or master into folder and name; the folder is None for any other object."""
    folder, _, name = path.rpartition("/")
    is_part = name.startswith("master.") or _CHUNK.fullmatch(name) is not None
    return (folder if is_part and path.count("/") >= _FLAT_DEPTH else None), name


def recording_in(path: str) -> int | None:
    """The id of the recording whose folder the path is in; None if there is no valid id."""
    parts = path.split("/", 3)
    is_number = len(parts) == 4 and parts[2].isascii() and parts[2].isdigit() and len(parts[2]) <= 13
    return int(parts[2]) if is_number else None


def is_inside(path: str, user_id: int) -> bool:
    """Whether the path is in this user's folder and has no component that is empty, `.` or `..`."""
    parts = path.split("/")
    return parts[:2] == ["recordings", str(user_id)] and len(parts) > 2 and not {"", ".", ".."}.intersection(parts)


State = Literal["whole", "missing", "in progress", "chunks only"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The object of one media file. `path` is Vexa's; `listed` is None unless the state is whole.

    `others` is the number of further entries that name chunks of the same object; `parts` are the chunks if only chunks
    exist.
    """

    state: State
    entry: VexaMedia
    path: str
    listed: ListedObject | None = None
    others: int = 0
    parts: Folder | None = None


def choose(recording: VexaRecording, entries: Sequence[VexaMedia], objects: Objects) -> Choice:
    """Choose the object of the entries of one folder, or of the one entry of a whole object. Each entry has a path."""
    path = entries[-1].path or ""
    folder, _ = split_path(path)
    if folder is None:
        return _choose_whole(recording, entries[-1], path, objects)
    found = objects.folders.get(folder, Folder())
    if recording.status not in {"completed", "failed"} and not recording.meeting_is_final:
        return Choice("in progress", entries[-1], path)
    if found.masters:
        preferred = f"master.{entries[-1].format}"
        name = preferred if preferred in found.masters else min(found.masters)
        return _chosen(f"{folder}/{name}", found.masters[name], entries)
    if not found.chunks:
        return Choice("missing", entries[-1], f"{folder}/master.{entries[-1].format}")
    promised = max(entry.chunk_count or 0 for entry in entries)
    if found.first and found.filled == 1 and found.chunks >= promised and recording.status == "completed":
        return _chosen(f"{folder}/{split_path(found.first.key)[1]}", found.first, entries)
    return Choice("chunks only", entries[-1], path, others=len(entries) - 1, parts=found)


def _choose_whole(recording: VexaRecording, entry: VexaMedia, path: str, objects: Objects) -> Choice:
    if recording.status != "completed" and not recording.meeting_is_final:
        return Choice("in progress", entry, path)
    listed = objects.whole.get(path)
    return Choice("whole" if listed else "missing", entry, path, listed)


def _chosen(path: str, listed: ListedObject, entries: Sequence[VexaMedia]) -> Choice:
    """The object, with the entry that names it or else the last entry."""
    entry = next((each for each in entries if each.path == path), entries[-1])
    return Choice("whole", entry, path, listed, others=len(entries) - 1)
