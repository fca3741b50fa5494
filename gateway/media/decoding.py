"""The process that decodes: `python -m gateway.media.decoding`, at the other end of two pipes.

Knows: PyAV, and that the file may be hostile: one process for one file, of the lowest priority and with bounded
memory, without the gateway's secrets in its environment. Refuses to know: storages, caches, who asks.

Decoding keeps the interpreter lock busy: in a thread it would hold up the gateway's event loop by milliseconds.
"""

import io
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from gateway.media.formats import NotMedia
from gateway.media.messages import BROKEN, DONE, HEAD, READ, SILENT, SIZE, SO_FAR
from gateway.media.peaks import Peaks
from gateway.media.probe import open_media

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_LOWEST_PRIORITY: Final = 19
_MEMORY_BYTES: Final = 1 << 30
# Few large reads: each is a request of its own where the object lies in a bucket.
_READ_BYTES: Final = 2 << 20
_TELL_SECONDS: Final = 0.5
_AV_TIME_BASE: Final = 1_000_000


class GatewayEnd:
    """What this process says, and hears in answer."""

    def __init__(self, hears: BinaryIO, says: BinaryIO) -> None:
        self._hears = hears
        self._says = says
        self.size: int = SIZE.unpack(hears.read(SIZE.size))[0]

    def ask(self, offset: int, length: int) -> bytes:
        """The object's bytes; raises EOFError if the gateway is gone."""
        self.say(READ, offset, length)
        found = self._hears.read(length)
        if len(found) < length:
            raise EOFError("nobody waits for this any more")
        return found

    def say(self, kind: bytes, one: int = 0, other: int = 0, bins: bytes = b"") -> None:
        self._says.write(HEAD.pack(kind, one, other) + bins)
        self._says.flush()


class _Object(io.RawIOBase):
    """The object as a file."""

    def __init__(self, gateway: GatewayEnd) -> None:
        self._gateway = gateway
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._gateway.size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "memoryview[int]", /) -> int:  # type: ignore[override]
        length = min(len(buffer), max(self._gateway.size - self._position, 0))
        if length:
            buffer[:length] = self._gateway.ask(self._position, length)
        self._position += length
        return length


class _Sound:
    """A stream's frames, as samples of 8 bits on the recording's own time line."""

    def __init__(self, container: "InputContainer") -> None:
        self._container = container
        self._stream: AudioStream = container.streams.audio[0]
        self._shape: tuple[object, ...] = ()
        self._resampler: Any = None
        # PyAV has None where the container does not say.
        self._origin = (cast("int | None", container.start_time) or 0) / _AV_TIME_BASE
        self.rate = self._stream.codec_context.sample_rate
        self.peaks = Peaks()

    def decode(self) -> Iterator[None]:
        """Take in frame after frame. What cannot be decoded is left out; behind a damaged place nothing follows."""
        import av

        with suppress(av.FFmpegError):
            for packet in self._container.demux(self._stream):
                with suppress(av.FFmpegError):
                    for frame in packet.decode():
                        self._take(frame)
                        yield

    def _take(self, frame: "AudioFrame") -> None:
        position = self._position(frame)
        for piece in self._resample(frame):
            channels = piece.layout.nb_channels
            # A plane may be longer than what is in it.
            self.peaks.add(position, bytes(piece.planes[0])[: piece.samples * channels], channels)
            position += piece.samples

    def _position(self, frame: "AudioFrame") -> int:
        """Where the frame begins, in samples; without a time of its own, behind the one before."""
        if frame.time is None:
            return self.peaks.end
        return max(round((frame.time - self._origin) * self.rate), 0)

    def _resample(self, frame: "AudioFrame") -> "list[AudioFrame]":
        from av.audio.resampler import AudioResampler

        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:  # at first, and where streams were joined
            self._shape, self._resampler = shape, AudioResampler(format="u8", rate=self.rate)
        resampled: list[AudioFrame] = self._resampler.resample(frame)
        return resampled


def decode(gateway: GatewayEnd) -> None:
    """Tell the gateway the waveform of its object."""
    try:
        with open_media(io.BufferedReader(_Object(gateway), _READ_BYTES)) as container:
            if container.streams.audio:
                _decode_sound(container, gateway)
            else:
                gateway.say(SILENT)
    except NotMedia:
        gateway.say(BROKEN)


def _decode_sound(container: "InputContainer", gateway: GatewayEnd) -> None:
    sound = _Sound(container)
    due = monotonic() + _TELL_SECONDS
    for _ in sound.decode():
        if monotonic() >= due:
            _tell(SO_FAR, sound, gateway)
            due = monotonic() + _TELL_SECONDS
    if sound.peaks.end:
        _tell(DONE, sound, gateway)
    else:
        gateway.say(BROKEN)


def _tell(kind: bytes, sound: _Sound, gateway: GatewayEnd) -> None:
    gateway.say(kind, sound.peaks.end * 1_000_000 // sound.rate, 0, sound.peaks.bins())


def main() -> None:
    """Decode one object, as the process that was started for it."""
    os.nice(_LOWEST_PRIORITY)
    with suppress(ValueError, OSError):  # not every system bounds memory
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    decode(GatewayEnd(sys.stdin.buffer, sys.stdout.buffer))


if __name__ == "__main__":
    main()
