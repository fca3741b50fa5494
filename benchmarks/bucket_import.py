"""A bucket of 1,000 objects, imported: how much of it is read, as a proxy before the server counts.

`python -m benchmarks.bucket_import [objects]`. Every object is larger than the 3 MiB that may be read of it; nine kinds of
files take turns. The exit code is 1 if more was read than 3 MiB an object, or if a length that was found is wrong.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.commands.command_line import CommandLine, command_line
from tests.corpus import edits
from tests.corpus.edits import FFmpeg
from tests.corpus.iso_files import FRAGMENTS
from tests.s3.buckets import make_bucket, s3_client
from tests.s3.faults import FaultProxy
from tests.s3.processes import S3Server
from tests.s3.seaweedfs import running_seaweedfs
from tests.s3_gateway.broken import proxy_before
from tests.s3_gateway.s3_site import only_s3

LIMIT_BYTES: Final = 3 * 1024 * 1024
SECONDS: Final = 120
UPLOADS_AT_ONCE: Final = 8
VOLUME_MIB: Final = 1024
TOLERANCE_SECONDS: Final = 0.3


def kinds(ffmpeg: FFmpeg) -> Iterator[tuple[str, bytes]]:
    """Two minutes of noise in each container, 3.3 to 12 MB."""

    def noise(suffix: str, codec: str, *options: str) -> bytes:
        source = f"anoisesrc=d={SECONDS}:a=0.3:r=48000"
        return ffmpeg.make(suffix, "-f", "lavfi", "-i", source, "-c:a", codec, "-b:a", "256k", *options)

    mp3 = noise("mp3", "libmp3lame", "-id3v2_version", "0")
    yield "wav", noise("wav", "pcm_s16le")
    yield "mp3", mp3
    yield "cover.mp3", edits.id3(4 << 20) + mp3
    yield "ogg", noise("ogg", "libopus")
    yield "webm", noise("webm", "libopus")
    yield "live.webm", noise("webm", "libopus", "-f", "webm", "-live", "1")
    yield "m4a", noise("m4a", "aac")
    yield "fragmented.mp4", noise("mp4", "aac", "-movflags", FRAGMENTS, "-frag_duration", "1000000")
    yield "aac", noise("aac", "aac")


async def fill(server: S3Server, bucket: str, objects: int, files: list[tuple[str, bytes]]) -> int:
    """Put the objects into the bucket; their bytes."""
    total, free = 0, asyncio.Semaphore(UPLOADS_AT_ONCE)

    async with s3_client(server) as client, asyncio.TaskGroup() as group:

        async def put(number: int, name: str, content: bytes) -> None:
            async with free:
                await client.put_object(Bucket=bucket, Key=f"{number:04}.{name}", Body=content)

        for number in range(objects):
            name, content = files[number % len(files)]
            total += len(content)
            group.create_task(put(number, name, content))
    return total


def imported(
    seekgate: CommandLine, bucket: str, proxy: FaultProxy, objects: int
) -> tuple[int, float, list[float | None]]:
    """The bytes that were read, the seconds that it took, and the lengths that were found."""
    proxy.break_next()
    began = time.monotonic()
    process = seekgate.start("import", f"s3://{bucket}/", "--user", "ada@example.org", "--json")
    output, errors = process.communicate(timeout=1800)
    lines = [json.loads(line) for line in output.splitlines()]
    if process.returncode or len(lines) != objects:
        raise SystemExit(f"exit code {process.returncode}, {len(lines)} objects: {errors[-2000:]}")
    return proxy.sent, time.monotonic() - began, [line["duration_seconds"] for line in lines]


def main(objects: int) -> int:
    """Measure, and print the figures."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = list(kinds(FFmpeg(folder)))
        with running_seaweedfs(folder, VOLUME_MIB) as server, proxy_before(server) as thread:
            bucket = asyncio.run(make_bucket(server))
            total = asyncio.run(fill(server, bucket, objects, files))
            seekgate = command_line(folder)
            seekgate.environ.update(only_s3(thread.proxy.server, bucket))
            read, seconds, lengths = imported(seekgate, bucket, thread.proxy, objects)
    wrong = [length for length in lengths if length is not None and abs(length - SECONDS) > TOLERANCE_SECONDS]
    sys.stdout.write(
        f"{objects} objects, {total / 2**30:.2f} GiB: {read / 2**30:.3f} GiB read, {read / objects / 2**20:.2f} MiB each,"
        f" in {seconds:.0f} s; {sum(length is None for length in lengths)} lengths unknown, {len(wrong)} wrong\n"
    )
    return 1 if wrong or read > objects * LIMIT_BYTES else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
