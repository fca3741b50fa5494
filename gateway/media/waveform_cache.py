"""Caches waveforms in a folder that several processes share: one small file for each version of an object.

A file is JSON with the fields of a Waveform, its bins in base64; it becomes visible only once it is complete. An
unfinished waveform is written too, so that clients see its progress, and is replaced until it is complete. The least
recently read file is removed first.

All methods block: call them in a thread.
"""

import fcntl
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from gateway.media.peaks import Waveform

_COMPLETE: Final = ".json"
_INCOMPLETE: Final = ".tmp"
_LOCK: Final = ".lock"


class WaveformCache:
    """The cache in `folder`, whose files may have `max_total_bytes` together."""

    def __init__(self, folder: Path, max_total_bytes: int) -> None:
        self._folder = folder
        self._max_total_bytes = max_total_bytes

    def find(self, name: str) -> Waveform | None:
        """The waveform with this name; None if there is no readable file."""
        path = self._folder / (name + _COMPLETE)
        try:
            fields = json.loads(path.read_bytes())
            found = Waveform(**fields | {"bins": b64decode(fields["bins"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with suppress(OSError):  # the folder may be read-only
            os.utime(path)
        return found

    def store(self, name: str, waveform: Waveform) -> None:
        """Write the waveform, which replaces an earlier one, and remove the oldest files to make room. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(waveform) | {"bins": b64encode(waveform.bins).decode()})
        written = self._folder / (name + _INCOMPLETE)
        written.write_text(text)
        written.replace(self._folder / (name + _COMPLETE))
        if waveform.complete:
            self._make_room()

    def forget(self, groups: Collection[str]) -> None:
        """Remove all files whose name up to the hyphen is in `groups`. Raises OSError."""
        with suppress(FileNotFoundError):  # nothing has been written yet
            for path in self._folder.iterdir():
                if path.name.partition("-")[0] in groups:
                    path.unlink(missing_ok=True)

    @contextmanager
    def locked(self, name: str) -> Iterator[bool]:
        """Hold the waveform's lock while the block runs; yields False if another holder has it. Does not block."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / (name + _LOCK)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            try:
                yield True
            finally:
                path.unlink(missing_ok=True)

    def _make_room(self) -> None:
        """Remove the oldest files until the rest fits; killed processes may have left some."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self._max_total_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _files(self) -> Iterator[tuple[int, int, Path]]:
        """(when it was last read, in nanoseconds; its size in bytes; its path) of each file."""
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another process makes room too
                stat = path.stat()
                yield stat.st_mtime_ns, stat.st_size, path
