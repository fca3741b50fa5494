"""ffmpeg seeks exactly in the demo recording, whose tone identifies each second."""

from array import array
from pathlib import Path
from typing import Final

import pytest

from gateway.demo.recording import DURATION_SECONDS, frequency_at, write_recording
from tests.clients.conftest import Program
from tests.gateway_process import Gateway
from tests.made_once import made_once
from tests.toned_files import loudest

SAMPLE_RATE: Final = 8000
# Inside a five-second step, so that a decoder's delay of a fraction of a second does not reach another tone.
SECONDS: Final = (2, 47, 92, 137, 177)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo recording as a file."""
    return made_once(tmp_path_factory, "demo", write_recording)


@pytest.fixture(scope="session")
def demo(site: Gateway, local: Path) -> str:
    """The URL of the demo recording."""
    recording_id, media_file_id = site.add("demo", local.read_bytes(), local.suffix[1:])
    return f"{site.base_url}/recordings/{recording_id}/media/{media_file_id}/raw"


@pytest.mark.parametrize("second", SECONDS)
def test_ffmpeg_decodes_the_second_that_it_seeks_to(program: Program, demo: str, key_field: str, second: int) -> None:
    assert second < DURATION_SECONDS
    arguments = ("-v", "error", "-headers", f"{key_field}\r\n", "-ss", str(second), "-i", demo, "-t", "1")
    heard = program("ffmpeg", *arguments, "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "s16le", "-")
    assert heard.returncode == 0, heard.stderr
    assert heard.stderr == b""
    assert loudest(array("h", heard.stdout).tolist(), SAMPLE_RATE) == frequency_at(second)


def test_ffmpeg_reads_every_packet(program: Program, demo: str, key_field: str, local: Path) -> None:
    def digest(source: str, *fields: str) -> bytes:
        got = program("ffmpeg", "-v", "error", *fields, "-i", source, "-c", "copy", "-f", "md5", "-")
        assert (got.returncode, got.stderr) == (0, b"")
        return got.stdout

    assert digest(demo, "-headers", f"{key_field}\r\n") == digest(str(local))
