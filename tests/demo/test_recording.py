"""The demo: how it sounds, what it stores, and that the lines it prints work when pasted."""

import os
import re
import shutil
import signal
import subprocess
from array import array
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise
from pathlib import Path

import av
import pytest
import pytest_asyncio
from av.audio.resampler import AudioResampler

from gateway.assembly.backends import Backends, open_backends
from gateway.demo import preparation
from gateway.demo import recording as demo
from gateway.demo.conversations import CONVERSATIONS, write_conversation
from gateway.keys import digest, visible_prefix
from gateway.settings.load import Config, load
from tests.commands.command_line import command_line
from tests.conftest import scratch_database
from tests.made_once import made_once
from tests.media.probing import probe
from tests.media_files import make_sound

RATE = 48_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "demo", demo.write_recording)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def config(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Config]:
    """One demo for all tests: encoding its recording takes seconds."""
    async with scratch_database(postgres) as url:
        folder = tmp_path_factory.mktemp("data")
        yield load(None, {"SEEKGATE_DATA_DIR": str(folder), "SEEKGATE_DATABASE__URL": url})


@pytest_asyncio.fixture
async def backends(config: Config) -> AsyncGenerator[Backends]:
    async with open_backends(config) as opened:
        yield opened


@pytest.fixture(scope="module")
def sound(recording: Path) -> Sequence[int]:
    """The recording decoded, mono at 48 kHz."""
    heard = array("h")
    resampler = AudioResampler("s16", "mono", RATE)
    with av.open(str(recording)) as container:
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                heard.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
    return heard


def hertz(heard: Sequence[int]) -> float:
    """The frequency of a pure tone: how often it rises through zero in a second."""
    return sum(before < 0 <= after for before, after in pairwise(heard)) / (len(heard) / RATE)


def test_the_recording_is_six_minutes_of_sound_longer_than_the_printed_range(recording: Path) -> None:
    found = probe(recording.read_bytes())
    assert found.type == "audio"
    assert found.duration_seconds == pytest.approx(360, abs=0.1)
    assert recording.stat().st_size > 1_001_000


@pytest.mark.parametrize("second", [1, 6, 61, 178, 358])
def test_the_tone_gives_the_time(sound: Sequence[int], second: int) -> None:
    assert hertz(sound[second * RATE : (second + 2) * RATE]) == pytest.approx(demo.frequency_at(second), abs=3)


@pytest.mark.parametrize(("seconds", "expected"), [(0, 300), (4.99, 300), (5, 320), (359.9, 1720)])
def test_the_tone_steps_every_five_seconds(seconds: float, expected: int) -> None:
    assert demo.frequency_at(seconds) == expected


async def test_preparing_twice_changes_nothing(config: Config, backends: Backends) -> None:
    first = await preparation.prepare(config, backends)
    assert await preparation.prepare(config, backends) == first
    assert (config.data_dir / "demo-key").stat().st_mode & 0o777 == 0o600


async def test_the_recording_belongs_to_a_meeting_with_a_transcript(config: Config, backends: Backends) -> None:
    ready = await preparation.prepare(config, backends)
    key = await backends.api_keys.find_key(digest(ready.key))
    assert key is not None
    transcript = await backends.catalog.find_transcript(key.owner, "google_meet", "demo-seek-gate")
    assert transcript is not None
    assert [recording.id for recording in transcript.recordings] == [ready.recording_id]
    assert [segment.start_seconds for segment in transcript.segments] == list(range(0, 360, 30))
    for segment in transcript.segments:
        assert f"{demo.frequency_at(segment.start_seconds)} hertz" in segment.text


async def test_the_demo_has_three_recordings_with_names_and_transcripts(config: Config, backends: Backends) -> None:
    ready = await preparation.prepare(config, backends)
    recordings = await backends.catalog.list_recordings(ready.owner, limit=9, offset=0)
    assert [recording.name for recording in recordings] == [
        *(each.name for each in reversed(CONVERSATIONS)),
        preparation.TONE_NAME,
    ]
    for recording in recordings:
        transcript = await backends.catalog.find_transcript_of(ready.owner, recording.id)
        assert transcript is not None
        assert len(transcript.segments) >= 9
        (file,) = recording.media_files
        assert transcript.segments[-1].end_seconds <= (file.duration_seconds or 0)


@pytest.mark.parametrize("voices", ["espeak-ng", "tones"])
def test_a_conversation_is_as_long_as_its_transcript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, voices: str
) -> None:
    if voices == "tones":
        monkeypatch.setenv("PATH", "")
    elif shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed; .ci/run installs it")
    path, segments = write_conversation(tmp_path, CONVERSATIONS[0])
    found = probe(path.read_bytes())
    assert found.duration_seconds == pytest.approx(segments[-1].end_seconds + 0.5, abs=0.2)
    starts = [segment.start_seconds for segment in segments]
    assert starts == sorted(starts)
    assert len({segment.speaker for segment in segments}) == 2


async def test_a_key_that_no_longer_works_is_replaced(config: Config, backends: Backends) -> None:
    first = await preparation.prepare(config, backends)
    await backends.api_keys.revoke_key(visible_prefix(first.key))
    second = await preparation.prepare(config, backends)
    assert second.key != first.key
    assert second.recording_id == first.recording_id
    assert (config.data_dir / "demo-key").read_text() == second.key + "\n"


async def test_a_demo_recording_that_was_deleted_comes_back(config: Config, backends: Backends) -> None:
    first = await preparation.prepare(config, backends)
    key = await backends.api_keys.find_key(digest(first.key))
    assert key is not None
    await backends.catalog.delete_recording(key.owner, first.recording_id)
    second = await preparation.prepare(config, backends)
    assert second.recording_id != first.recording_id
    assert await backends.catalog.find_media_file(key.owner, second.recording_id, second.media_file_id) is not None


def curl(line: str) -> str:
    return subprocess.run(line, shell=True, executable="/bin/bash", capture_output=True, text=True, check=True).stdout  # noqa: S602 - the line is meant for a shell


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed; .ci/run installs it")
def test_the_lines_that_the_demo_prints_work_when_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "a folder é"
    folder.mkdir()
    seekgate = command_line(folder)
    keys = []
    for _ in range(2):
        with seekgate.start("demo", "--port", "0", "--recordings", "3") as process:
            assert process.stdout is not None
            head = [process.stdout.readline() for _ in range(8)]
            try:
                lines = [line for line in head if line.startswith("curl ")]
                assert len(lines) == 3, "".join(head) or (process.stderr and process.stderr.read())
                keys += re.findall(r"sk_live_[A-Za-z0-9_-]{43}", head[2])
                listed, ranged, headed = map(curl, lines)
                (imported,) = seekgate.json_lines(
                    "import", make_sound(folder / "sound.mp3"), "--user", preparation.EMAIL
                )
            finally:
                process.send_signal(signal.SIGTERM)
                _, said = process.communicate(timeout=120)
                assert "Traceback" not in said, said
        assert re.search(r"Player  http://127\.0\.0\.1:\d+/", head[1])
        assert head[-1] == f"Data directory: {folder / 'data'}. Ctrl-C stops the gateway.\n"
        assert listed.count('"storage_backend":"synthetic"') == 3
        assert ranged.startswith("HTTP/1.1 206 ")
        assert re.search(r"^content-range: bytes 1000000-1000999/\d+\r?$", ranged, re.IGNORECASE | re.MULTILINE)
        assert headed.startswith("HTTP/1.1 200 ")
        assert imported["content_type"] == "audio/mpeg"
        assert process.returncode == 0
    first, second = keys
    assert first == second
    assert os.listdir(folder / "data" / "media")  # noqa: PTH208 - a name is enough
