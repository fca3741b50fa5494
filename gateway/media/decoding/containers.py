"""Defines Container, the result of a walk over a file's structure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LARGE_BYTES: Final = 65_536
"""Covers, attachments and other metadata larger than this are not read."""


@dataclass(frozen=True, slots=True)
class Container:
    """A file's container: FFmpeg's `demuxer` ("" if FFmpeg has to detect it), and the brand or document type.

    `end` is the offset where the container ends by its headers, None if they do not say; `data_end` is where the
    samples of a WAV end. `patches` maps offsets to bytes that replace the file's own, because FFmpeg would believe an
    impossible size in the header, or would read large metadata.
    """

    demuxer: str = ""
    brand: str = ""
    end: int | None = None
    data_end: int | None = None
    patches: Mapping[int, bytes] = field(default_factory=dict)
