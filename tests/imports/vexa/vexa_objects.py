"""The objects that vexa-0.10.sql refers to, made by the standard library (WAV) and ffmpeg (WebM) in a few seconds.

Every recording has a tone of its own, so that a mix-up shows in the bytes. They are made as Vexa makes them: a chunk of WAV
is a WAV file of its own, and a chunk of WebM after the first is a bare cluster that cannot be played alone.
"""

import io
import json
import math
import shutil
import struct
import subprocess
import tempfile
import wave
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.made_once import made_once

SECONDS: Final = "seconds.json"
CLUSTER = b"\x1f\x43\xb6\x75"  # the id of a Matroska cluster
BITEXACT = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", "-flags:v", "+bitexact"]
STREAM = ["-f", "webm", "-live", "1", "-cluster_time_limit", "1000"]  # as MediaRecorder writes: no duration, no index


def wav(seconds: float, hertz: float, rate: int = 16000) -> bytes:
    """A tone as 16-bit mono PCM with the plain header of 44 bytes."""
    count = round(seconds * rate)
    samples = (int(8000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(count))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def ffmpeg(*arguments: str, stdin: bytes | None = None) -> bytes:
    """What ffmpeg writes to its last argument, a file that this function adds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.webm")
        command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-threads", "1"]
        if stdin is not None:
            Path(folder, "in.webm").write_bytes(stdin)
            command += ["-fflags", "+genpts", "-i", str(Path(folder, "in.webm"))]
        subprocess.run([*command, *arguments, *BITEXACT, str(out)], check=True, timeout=120)
        return out.read_bytes()


def audio_stream(seconds: float, hertz: float) -> bytes:
    """A tone as Opus in WebM."""
    source = f"sine=frequency={hertz}:sample_rate=48000:duration={seconds}"
    return ffmpeg("-f", "lavfi", "-i", source, "-c:a", "libopus", "-b:a", "16k", *STREAM)


def video_stream(seconds: float) -> bytes:
    """A test picture as VP8 in WebM, without sound."""
    source = f"testsrc=size=64x48:rate=10:duration={seconds}"
    return ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libvpx", "-b:v", "50k", "-g", "10", *STREAM)


def chunks(stream: bytes, count: int) -> list[bytes]:
    """The stream as the bot sends it: header and first cluster, then one cluster each; the last takes the rest."""
    starts = [0]
    at = stream.index(CLUSTER)
    while len(starts) < count:
        at = stream.index(CLUSTER, at + 4)
        starts.append(at)
    return [stream[a:b] for a, b in zip(starts, [*starts[1:], len(stream)], strict=True)]


def finished(stream: bytes) -> bytes:
    """The master that Vexa 0.10 makes of the chunks: the same packets, with the duration in the header."""
    return ffmpeg("-c", "copy", "-f", "webm", stdin=stream)


def numbered(folder: str, parts: list[bytes], ending: str) -> dict[str, bytes]:
    return {f"{folder}/{number:06d}.{ending}": part for number, part in enumerate(parts)}


def bucket() -> dict[str, tuple[bytes, float | None]]:
    """Object key -> its bytes and how long they play."""
    made: dict[str, tuple[bytes, float | None]] = {}

    def add(objects: dict[str, bytes], seconds: float | None = None) -> None:
        made.update({key: (data, seconds) for key, data in objects.items()})

    # Audio and video of one session, both finished.
    folder = "recordings/7/512340987761/a4c1f0de-7b52-4f0e-9a55-2f6f1f0c1d01"
    sound, picture = audio_stream(3, 440), video_stream(2)
    add(numbered(f"{folder}/audio", chunks(sound, 3), "webm"))
    add({f"{folder}/audio/master.webm": finished(sound)}, 3.0)
    add(numbered(f"{folder}/video", chunks(picture, 2), "webm"))
    add({f"{folder}/video/master.webm": finished(picture)}, 2.0)

    # WAV: two sessions of one meeting. A master is longer than a chunk and has one header.
    folder = "recordings/7/604417723098/b7d20c1e-2f4b-4c39-8d0e-5a1c7e9f0202/audio"
    add({f"{folder}/000000.wav": wav(1.5, 500)}, 1.5)
    add({f"{folder}/000001.wav": wav(1.0, 500)}, 1.0)
    add({f"{folder}/master.wav": wav(2.5, 500)}, 2.5)
    folder = "recordings/7/395528117640/b7d20c1e-2f4b-4c39-8d0e-5a1c7e9f0303/audio"
    add({f"{folder}/000000.wav": wav(1.0, 520), f"{folder}/master.wav": wav(1.0, 520)}, 1.0)

    # Three chunks that were never put together.
    folder = "recordings/7/880213349957/d2e6b8aa-0c57-4f6d-a2f4-7be0c3d40404/audio"
    add(numbered(folder, chunks(audio_stream(3, 560), 3), "webm"))

    # A master beside the chunks that the metadata still lists one by one.
    folder = "recordings/7/447102995813/d2e6b8aa-0c57-4f6d-a2f4-7be0c3d40505/audio"
    sound = audio_stream(2, 600)
    add(numbered(folder, chunks(sound, 2), "webm"))
    add({f"{folder}/master.webm": finished(sound)}, 2.0)

    # Recorded in the mode with tables: the recording's id is 5.
    add({"recordings/7/5/c0ffee00-1111-4222-8333-444455556666/audio/000000.wav": wav(1.25, 640)}, 1.25)

    # Still being recorded.
    folder = "recordings/12/563310048829/f3a97b10-6d2c-4e0b-9a77-1c2d3e4f0808/audio"
    add({f"{folder}/000000.webm": chunks(audio_stream(2, 680), 2)[0]})

    # Its deletion was asked for; the object is still there.
    folder = "recordings/12/128830957742/9b8a7c6d-5e4f-4a3b-8c2d-1e0f9a8b1010/audio"
    add({f"{folder}/master.wav": wav(1.0, 720)}, 1.0)

    # No metadata speaks of this one.
    folder = "recordings/12/999000111222/0f0f0f0f-1a1a-4b2b-8c3c-4d4d4d4d9999/audio"
    add({f"{folder}/000000.wav": wav(0.5, 760)}, 0.5)
    return made


def local() -> dict[str, tuple[bytes, float | None]]:
    folder = "recordings/12/219904571183/e5f60718-2939-4a4b-8c5d-6e7f80910707/audio"
    return {f"{folder}/000000.wav": (wav(2.0, 800), 2.0)}


class StoredObject(NamedTuple):
    """An object; `seconds` is None for a part of a stream."""

    data: bytes
    seconds: float | None


def make_objects(factory: pytest.TempPathFactory, root: Path) -> dict[str, StoredObject]:
    """Write `bucket/KEY` and `local/KEY` below the folder; what was written, by these paths."""
    made = made_once(factory, "vexa-objects", _make)
    seconds = json.loads((made / SECONDS).read_text())
    for storage in ("bucket", "local"):
        shutil.copytree(made / storage, root / storage, copy_function=shutil.copyfile)
    return {name: StoredObject((made / name).read_bytes(), seconds[name]) for name in seconds}


def _make(folder: Path) -> Path:
    """A folder with the objects, and how long they play in the file SECONDS."""
    root, seconds = folder / "objects", {}
    for storage, objects in (("bucket", bucket()), ("local", local())):
        for key, (data, plays) in objects.items():
            path = root / storage / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            seconds[f"{storage}/{key}"] = plays
    (root / SECONDS).write_text(json.dumps(seconds))
    return root
