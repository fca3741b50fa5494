"""What a probe reads of an object in a bucket, as the server sends it: at most 3 MiB, whatever the container."""

from collections.abc import AsyncGenerator
from functools import cache
from io import BytesIO
from random import Random
from typing import cast

import av
import pytest
import pytest_asyncio
from av.audio.stream import AudioStream

from gateway.media.prober import Prober
from storage_adapters.s3 import S3Storage
from tests.s3.buckets import make_bucket, s3_storage
from tests.s3.processes import S3Server

LIMIT = 3 * 1024 * 1024
SECONDS = 240
QUICKLY = {"libmp3lame": {"compression_level": "9"}, "libopus": {"compression_level": "0"}}
FRAGMENTED = (("movflags", "frag_keyframe+empty_moov+default_base_moof"), ("frag_duration", "1000000"))

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["plain", "cached"])
async def backend(
    request: pytest.FixtureRequest, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[S3Storage]:
    cache = {"cache_folder": tmp_path_factory.mktemp("cache"), "cache_max_bytes": 1 << 28}
    more = cache if request.param == "cached" else {}
    async with s3_storage(s3_server, await make_bucket(s3_server), **more) as opened:
        yield opened


@cache
def noise(muxer: str, encoder: str, options: tuple[tuple[str, str], ...]) -> bytes:
    """Four minutes, of which each two seconds are the same noise: about 8 MB."""
    random = Random(1)
    file = BytesIO()
    with av.open(file, "w", format=muxer, options=dict(options)) as container:
        stream = cast(
            "AudioStream", container.add_stream(encoder, rate=48_000, layout="mono", options=QUICKLY.get(encoder))
        )
        if encoder not in {"flac", "pcm_s16le"}:
            stream.bit_rate = 256_000
        blocks = [random.randbytes(3840) for _ in range(50)]
        for number in range(SECONDS * 25):
            frame = av.AudioFrame("s16", "mono", 1920)
            frame.planes[0].update(blocks[number % len(blocks)])
            frame.rate, frame.pts = 48_000, number * 1920
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("muxer", "encoder", "options", "is_known"),
    [
        pytest.param("mp4", "libopus", FRAGMENTED, False, id="fragmented MP4"),
        pytest.param("mp4", "libopus", (), True, id="MP4 with its index at the end"),
        pytest.param("webm", "libopus", (("live", "1"),), False, id="live WebM"),
        pytest.param("webm", "libopus", (), True, id="WebM"),
        pytest.param("ogg", "libopus", (), True, id="Ogg"),
        pytest.param("mp3", "libmp3lame", (("write_xing", "0"),), True, id="MP3 without a header"),
        pytest.param("wav", "pcm_s16le", (), True, id="WAV"),
    ],
)
async def test_a_probe_reads_at_most_3_mib_of_a_bucket(
    backend: S3Storage, muxer: str, encoder: str, options: tuple[tuple[str, str], ...], *, is_known: bool
) -> None:
    content = noise(muxer, encoder, options)
    assert len(content) > 2 * LIMIT
    async with backend.create("noise") as writer:
        await writer.write(content)
    backend.traffic.take()
    async with backend.open("noise") as stored:
        found = await Prober().probe(stored, remote=True)
    traffic = backend.traffic.take()
    assert traffic.received <= LIMIT
    assert traffic.responses <= 60
    assert found.duration_seconds == (pytest.approx(SECONDS, abs=0.2) if is_known else None)
