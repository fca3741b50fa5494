"""What a probe reads of an object in a bucket, as the server sends it: at most 3 MiB, whatever the container."""

from collections.abc import AsyncGenerator
from fractions import Fraction
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
from tests.toned_files import CHEAPEST

LIMIT = 3 * 1024 * 1024
SECONDS = 240
RATE = 48_000
SAMPLES = {"libopus": 960, "libmp3lame": 1152, "pcm_s16le": 1920}  # of each packet
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
def two_seconds(encoder: str) -> bytes:
    """Two seconds of noise in a container that takes whatever an encoder makes."""
    random = Random(1)
    file = BytesIO()
    with av.open(file, "w", format="nut") as container:
        stream = cast(
            "AudioStream", container.add_stream(encoder, rate=RATE, layout="mono", options=CHEAPEST.get(encoder, {}))
        )
        if encoder != "pcm_s16le":
            stream.bit_rate = 256_000
        for number in range(50):
            frame = av.AudioFrame("s16", "mono", 1920)
            frame.planes[0].update(random.randbytes(3840))
            frame.rate, frame.pts = RATE, number * 1920
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@cache
def noise(muxer: str, encoder: str, options: tuple[tuple[str, str], ...]) -> bytes:
    """Four minutes of the same two seconds again and again: about 8 MB."""
    file = BytesIO()
    with (
        av.open(BytesIO(two_seconds(encoder)), "r") as given,
        av.open(file, "w", format=muxer, options=dict(options)) as made,
    ):
        stream = made.add_stream_from_template(given.streams[0])
        packets = [bytes(packet) for packet in given.demux() if packet.size]
        samples = SAMPLES[encoder]
        for number in range(SECONDS * RATE // samples):
            packet = av.Packet(packets[number % len(packets)])
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, RATE), True
            packet.pts = packet.dts = number * samples
            packet.duration = samples
            made.mux(packet)
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
