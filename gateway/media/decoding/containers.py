"""What a walk over a file's structure finds: its container."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

LARGE_BYTES: Final = 65_536
"""Covers, attachments and other metadata that are larger are not read."""


class Bytes(Protocol):
    """Something with bytes at offsets: a file, or a window of one."""

    @property
    def size(self) -> int: ...

    def at(self, offset: int, length: int) -> bytes:
        """These bytes, or fewer at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Container:
    """What the structure says: FFmpeg's `demuxer` ("" if FFmpeg has to find out), and the brand or document type.

    `end` is where the container says that it ends, None if it does not say; `data_end` where the samples of a WAV end.
    `patches` are bytes at offsets that have to replace the file's own, because its header says what cannot be and FFmpeg
    would believe it, or because FFmpeg would read what nobody needs.
    """

    demuxer: str = ""
    brand: str = ""
    end: int | None = None
    data_end: int | None = None
    patches: Mapping[int, bytes] = field(default_factory=dict)
