"""The folder of waveforms: one small file for each version of an object, used by several processes.

A file is JSON with the fields of a Waveform, its bins in base64. It appears whole or not at all. An unfinished waveform
is written too, so that a client sees how far it has come, and replaced until it is complete. The file that was read
longest ago is removed first.

Blocking: call it in a thread.
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

_KEPT: Final = ".json"
_WRITTEN: Final = ".tmp"
_LOCK: Final = ".lock"


class WaveformCache:
    """`max_total_bytes` is what all files in `folder` may add up to."""

    def __init__(self, folder: Path, max_total_bytes: int) -> None:
        self._folder = folder
        self._max_total_bytes = max_total_bytes

    def find(self, name: str) -> Waveform | None:
        """The waveform with this name; None if there is none that can be read."""
        path = self._folder / (name + _KEPT)
        try:
            fields = json.loads(path.read_bytes())
            found = Waveform(**fields | {"bins": b64decode(fields["bins"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with suppress(OSError):  # a folder that is only read still serves
            os.utime(path)
        return found

    def keep(self, name: str, waveform: Waveform) -> None:
        """Write the waveform in place of the one before; the oldest files are removed to make room. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(waveform) | {"bins": b64encode(waveform.bins).decode()})
        written = self._folder / (name + _WRITTEN)
        written.write_text(text)
        written.replace(self._folder / (name + _KEPT))
        if waveform.complete:
            self._make_room()

    def forget(self, groups: Collection[str]) -> None:
        """Remove everything whose name, up to its hyphen, is one of these. Raises OSError."""
        with suppress(FileNotFoundError):  # nothing was ever written
            for path in self._folder.iterdir():
                if path.name.partition("-")[0] in groups:
                    path.unlink(missing_ok=True)

    @contextmanager
    def claimed(self, name: str) -> Iterator[bool]:
        """Whether this process is the one that computes it, as long as the block runs."""
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
        """Remove the oldest files, and with them what killed processes left."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self._max_total_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _files(self) -> Iterator[tuple[int, int, Path]]:
        """(when it was last asked for, its bytes, where it is)."""
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another process makes room too
                stat = path.stat()
                yield stat.st_mtime_ns, stat.st_size, path
