"""A transcript beside a media file is imported with it."""

from pathlib import Path

import asyncpg
import pytest

from tests.commands.command_line import CommandLine, command_line
from tests.media_files import make_sound

VTT = "WEBVTT\n\n00:00.000 --> 00:01.000\n<v Ada>Hello\n"
SRT = "1\n00:00:00,000 --> 00:00:01,000\nHello\n"
JSON = '{"segments": [{"start": 0, "end": 1, "text": "Hello", "speaker": "Ada"}]}'


@pytest.fixture
def seekgate(tmp_path: Path, database_url: str) -> CommandLine:
    return command_line(tmp_path, database__url=database_url)


@pytest.mark.parametrize("named", ["", "sound.wav"], ids=["in a folder", "beside a file that is named"])
@pytest.mark.parametrize(("suffix", "text"), [(".vtt", VTT), (".srt", SRT), (".json", JSON)])
async def test_a_transcript_beside_a_media_file_becomes_its_transcript(
    seekgate: CommandLine, pool: asyncpg.Pool, tmp_path: Path, suffix: str, text: str, named: str
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    make_sound(folder / "sound.wav")
    (folder / f"sound{suffix}").write_text(text)
    done = seekgate.run("import", folder / named, "--user", "ada@example.org")
    assert (done.returncode, "skipped  " in done.stderr) == (0, False)
    assert await pool.fetchval("SELECT text FROM transcript_segments") == "Hello"
    seekgate.run("import", folder / named, "--user", "ada@example.org")
    assert await pool.fetchval("SELECT count(*) FROM transcript_segments") == 1


async def test_a_damaged_transcript_is_skipped_and_its_media_file_imported(
    seekgate: CommandLine, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    make_sound(folder / "sound.wav")
    (folder / "sound.json").write_text("{")
    (folder / "alone.json").write_text(JSON)
    done = seekgate.run("import", folder, "--user", "ada@example.org")
    assert done.returncode == 0
    assert f"skipped  {folder / 'sound.json'}: The transcript is not JSON" in done.stderr
    assert f"skipped  {folder / 'alone.json'}: it cannot be read as" in done.stderr
    assert await pool.fetchval("SELECT count(*) FROM media_files") == 1
