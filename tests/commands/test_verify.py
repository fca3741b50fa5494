"""`seekgate verify` on a catalogue that differs from the stored files."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.commands.command_line import CommandLine, command_line
from tests.media_files import make_sound, make_still


@pytest.fixture
def seekgate(tmp_path: Path, database_url: str) -> CommandLine:
    return command_line(tmp_path, database__url=database_url)


async def changed(pool: asyncpg.Pool, media: Any, **values: object) -> None:
    """Change what the catalogue says about the media file, as an older version would have written it."""
    for name, value in values.items():
        await pool.execute(f"UPDATE media_files SET {name} = $1 WHERE id = $2", value, media["media_file_id"])  # noqa: S608 - names of this file


def verified(seekgate: CommandLine, *arguments: str, code: int = 0) -> list[Any]:
    done = seekgate.run("verify", *arguments, "--json")
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_differences_are_reported_and_corrected(
    seekgate: CommandLine, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    make_sound(folder / "sound.ogg")
    make_sound(folder / "sound.webm")
    make_still(folder / "still.png")
    sound, webm, still = seekgate.json_lines("import", folder, "--user", "ada@example.org")
    assert {line["state"] for line in verified(seekgate, "--all")} == {"same"}
    await changed(pool, sound, duration_seconds=9.0, metadata={"codec": "opus", "file_name": "a.ogg"})
    await changed(pool, webm, content_type="audio/matroska", format="mka", duration_seconds=None)
    for arguments in (["--all", "--dry-run"], ["--all"]):
        found = {line["media_file_id"]: line for line in verified(seekgate, *arguments)}
        assert found[sound["media_file_id"]]["differences"]["duration_seconds"] == {
            "was": 9.0,
            "is": pytest.approx(2.0, abs=0.05),
        }
        assert found[webm["media_file_id"]]["differences"]["content_type"]["is"] == "audio/webm"
        assert found[still["media_file_id"]]["state"] == "same"
    assert {line["state"] for line in verified(seekgate, "--all")} == {"same"}
    metadata = await pool.fetchval("SELECT metadata FROM media_files WHERE id = $1", sound["media_file_id"])
    assert metadata["file_name"] == "a.ogg"


async def test_without_all_only_files_without_a_length_are_read(
    seekgate: CommandLine, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    (known,) = seekgate.json_lines("import", make_sound(tmp_path / "sound.mp3"), "--user", "ada@example.org")
    (unknown,) = seekgate.json_lines("import", make_sound(tmp_path / "sound.aac"), "--user", "ada@example.org")
    await changed(pool, known, duration_seconds=5.0)
    await changed(pool, unknown, duration_seconds=None)
    (line,) = verified(seekgate)
    assert (line["media_file_id"], line["state"]) == (unknown["media_file_id"], "differs")


async def test_a_missing_file_fails_the_run_and_keeps_its_row(
    seekgate: CommandLine, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    (media,) = seekgate.json_lines("import", make_sound(tmp_path / "sound.mp3"), "--user", "ada@example.org")
    await changed(pool, media, object_key="elsewhere.mp3")
    (line,) = verified(seekgate, "--all", code=1)
    assert line["state"] == "missing"
    assert await pool.fetchval("SELECT count(*) FROM media_files") == 1
    assert "missing  recording" in seekgate.run("verify", "--all").stdout
