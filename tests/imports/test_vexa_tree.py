"""Vexa's folders of sessions: pieces are distinguished from recordings by where they are."""

import os
from pathlib import Path

import asyncpg
import pytest

from gateway.imports.vexa_tree import SessionFolder, SessionGroups
from gateway.uploads.session_arrangement import missing_numbers
from tests.commands.command_line import CommandLine, command_line
from tests.media.signals import RATE, wav
from tests.media_files import make_sound

SECOND = wav(b"\0\x40\0\xc0" * (RATE // 2))


def grouped(*paths: str) -> list[str | SessionFolder[str]]:
    groups: SessionGroups[str] = SessionGroups()
    found = [entry for path in paths for entry in groups.take(path, path)]
    return [*found, *groups.end()]


def test_a_sessions_files_are_one_entry() -> None:
    names = ["audio/000000.webm", "audio/000001.webm", "audio/master.webm", "video/000000.webm"]
    (session,) = grouped(*(f"/x/recordings/1/2/s/{name}" for name in names))
    assert isinstance(session, SessionFolder)
    assert (session.uid, session.count_pieces()) == ("s", 3)
    assert session.tracks["audio"].masters == ["/x/recordings/1/2/s/audio/master.webm"]
    assert list(session.tracks["audio"].pieces) == [0, 1]


@pytest.mark.parametrize(
    "path",
    [
        "songs/000000.webm",
        "recordings/1/2/s.webm",
        "recordings/1/2/000000.webm",
        "recordings/1/2/s/other/000000.webm",
        "recordings/1/2/s/audio/00000.webm",
        "recordings/1/2/s/audio/deeper/000000.webm",
        "recordings/1/2/s/audio/000000x.webm",
        "recordings/1/s/audio/000000.webm",
    ],
)
def test_a_numbered_file_anywhere_else_is_an_ordinary_file(path: str) -> None:
    assert grouped(path) == [path]


def test_sessions_that_follow_one_another_stay_apart() -> None:
    paths = ["recordings/1/2/a/audio/000000.wav", "recordings/1/2/b/audio/000000.wav", "z.wav"]
    first, second, ordinary = grouped(*paths)
    assert isinstance(first, SessionFolder)
    assert isinstance(second, SessionFolder)
    assert (first.uid, second.uid, ordinary) == ("a", "b", "z.wav")


def test_an_ordinary_file_inside_a_session_does_not_divide_it() -> None:
    names = [
        "audio/000000.webm",
        "audio/000001.webm",
        "audio/jingle.mp3",
        "audio/master.webm",
        "log.txt",
        "video/000000.webm",
    ]
    *ordinary, session = grouped(*(f"recordings/1/2/s/{name}" for name in names))
    assert ordinary == ["recordings/1/2/s/audio/jingle.mp3", "recordings/1/2/s/log.txt"]
    assert isinstance(session, SessionFolder)
    assert (session.count_pieces(), len(session.tracks["audio"].masters), list(session.tracks)) == (
        3,
        1,
        ["audio", "video"],
    )


def test_a_session_inside_the_folder_of_another_is_a_session_of_its_own() -> None:
    names = ["audio/000000.webm", "old/recordings/1/2/t/audio/000000.webm", "video/000000.webm"]
    inner, outer = grouped(*(f"recordings/1/2/s/{name}" for name in names))
    assert isinstance(inner, SessionFolder)
    assert isinstance(outer, SessionFolder)
    assert (inner.uid, inner.tracks["audio"].pieces) == ("t", {0: f"recordings/1/2/s/{names[1]}"})
    assert (outer.uid, outer.tracks["audio"].pieces) == ("s", {0: f"recordings/1/2/s/{names[0]}"})
    assert list(outer.tracks) == ["audio", "video"]


@pytest.mark.parametrize(
    ("numbers", "missing"), [([0, 1, 2], ""), ([1], "0"), ([0, 2, 6], "1, 3-5"), ([], ""), ([4, 3], "0-2")]
)
def test_missing_numbers_are_named(numbers: list[int], missing: str) -> None:
    assert missing_numbers(numbers) == missing


# --- the command


@pytest.fixture
def seekgate(tmp_path: Path, database_url: str) -> CommandLine:
    folder = tmp_path / "site"
    folder.mkdir()
    return command_line(folder, database__url=database_url)


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def make_tree(folder: Path) -> Path:
    """Four sessions: cuts and their master, WAVs without a master, cuts without a master, and an older whole file."""
    live = make_sound(folder.parent / "live.webm", 3.0).read_bytes()
    third = len(live) // 3
    cuts = [live[:third], live[third : 2 * third], live[2 * third :]]
    user = folder / "recordings" / "36"
    for number, cut in enumerate(cuts):
        write(user / f"1/finished/audio/{number:06}.webm", cut)
        write(user / f"3/cut-short/audio/{number:06}.webm", cut)
    write(user / "1/finished/audio/master.webm", make_sound(folder.parent / "sound.webm", 3.0).read_bytes())
    for number in (0, 1, 2, 5):
        write(user / f"2/waves/audio/{number:06}.wav", SECOND)
    write(user / "4/older.webm", make_sound(folder.parent / "live.webm", 2.0).read_bytes())
    return user


def test_a_tree_becomes_one_recording_for_each_session(seekgate: CommandLine, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "vexa")
    done = seekgate.run("import", tree, "--user", "v@example.com")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("added  ") == 4
    assert "finished/audio: recording" in done.stdout
    assert done.stdout.count("never finished: joined from") == 2
    assert "4 added, 0 known, 0 skipped, 0 failed, 10 pieces of sessions recognised, 2 unfinished" in done.stderr
    found = seekgate.json_lines("import", tree, "--user", "v@example.com")
    lengths = [line["duration_seconds"] for line in found]
    assert lengths == [pytest.approx(seconds, abs=0.05) for seconds in (3.0, 4.0, 3.0, 2.0)]
    again = seekgate.run("import", tree, "--user", "v@example.com")
    assert (again.stdout.count("added"), again.stdout.count("known  ")) == (0, 4)


def test_sound_and_picture_of_a_session_are_one_recording(seekgate: CommandLine, tmp_path: Path) -> None:
    session = tmp_path / "recordings" / "36" / "1" / "s"
    write(session / "audio" / "master.wav", SECOND)
    write(session / "video" / "000000.webm", make_sound(tmp_path / "sound.webm").read_bytes())
    first, second = seekgate.json_lines("import", session.parent, "--user", "v@example.com")
    assert first["recording_id"] == second["recording_id"]
    assert "note" not in first
    assert second["note"] == "never finished: joined from 1 pieces"


@pytest.mark.parametrize("name", ["sound.webm", "sound.ogg", "sound.flac"])
def test_pieces_that_are_files_of_their_own_are_joined_as_their_container_allows(
    seekgate: CommandLine, tmp_path: Path, name: str
) -> None:
    piece = make_sound(tmp_path / name).read_bytes()
    for number in range(3):
        write(tmp_path / f"recordings/36/1/s/audio/{number:06}.{name.partition('.')[2]}", piece)
    (media,) = seekgate.json_lines("import", tmp_path / "recordings", "--user", "v@example.com")
    assert media["duration_seconds"] == pytest.approx(6.0, abs=0.1)
    again = seekgate.run("import", tmp_path / "recordings", "--user", "v@example.com")
    assert again.stdout.startswith("known  ")


def test_a_session_whose_master_cannot_be_read_is_joined_from_its_pieces(seekgate: CommandLine, tmp_path: Path) -> None:
    session = tmp_path / "recordings" / "36" / "1" / "s"
    write(session / "audio" / "000000.wav", SECOND)
    write(session / "audio" / "000001.wav", SECOND)
    write(session / "audio" / "master.wav", b"")
    (media,) = seekgate.json_lines("import", tmp_path / "recordings", "--user", "v@example.com")
    assert (media["duration_seconds"], media["note"][:36]) == (2.0, "its finished file cannot be used (it")


def test_pieces_are_better_than_a_finished_file_that_was_cut_off(seekgate: CommandLine, tmp_path: Path) -> None:
    session = tmp_path / "recordings" / "36" / "1" / "s"
    for number in range(4):
        write(session / "audio" / f"{number:06}.wav", SECOND)
    long = wav(b"\0\x40\0\xc0" * (RATE * 2))
    write(session / "audio" / "master.wav", long[: len(long) // 2])
    (media,) = seekgate.json_lines("import", tmp_path / "recordings", "--user", "v@example.com")
    assert media["duration_seconds"] == 4.0
    assert "its finished file cannot be used (It was cut off" in media["note"]


def test_a_finished_file_that_was_cut_off_is_better_than_pieces_that_cannot_be_read(
    seekgate: CommandLine, tmp_path: Path
) -> None:
    session = tmp_path / "recordings" / "36" / "1" / "s"
    write(session / "audio" / "000001.webm", os.urandom(1000))
    write(session / "audio" / "master.wav", SECOND[: len(SECOND) // 2])
    (media,) = seekgate.json_lines("import", tmp_path / "recordings", "--user", "v@example.com")
    assert media["duration_seconds"] == pytest.approx(0.5, abs=0.01)
    assert "It was cut off" in media["note"]


async def test_a_file_that_begins_with_number_one_lacks_nothing(
    seekgate: CommandLine, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    content = make_sound(tmp_path / "live.webm", 3.0).read_bytes()
    for number, cut in enumerate((content[:9000], content[9000:]), start=1):
        write(tmp_path / f"recordings/36/1/s/audio/{number:06}.webm", cut)
    (media,) = seekgate.json_lines("import", tmp_path / "recordings", "--user", "v@example.com")
    assert media["duration_seconds"] == pytest.approx(3.0, abs=0.05)
    assert await missing_chunks(pool) is None


async def test_pieces_that_are_missing_are_recorded(seekgate: CommandLine, pool: asyncpg.Pool, tmp_path: Path) -> None:
    for number in (1, 2, 5):
        write(tmp_path / f"recordings/36/1/s/audio/{number:06}.wav", SECOND)
    seekgate.json_lines("import", tmp_path / "recordings", "--user", "v@example.com")
    assert await missing_chunks(pool) == "0, 3-4"


async def missing_chunks(pool: asyncpg.Pool) -> str | None:
    found: str | None = await pool.fetchval("SELECT metadata->>'missing_chunks' FROM media_files")
    return found


def test_sessions_with_the_same_bytes_are_recordings_of_their_own(seekgate: CommandLine, tmp_path: Path) -> None:
    recording = tmp_path / "recordings" / "36" / "1"
    for name in ("first", "second"):
        write(recording / name / "audio" / "master.wav", SECOND)
    for _ in range(2):
        found = seekgate.json_lines("import", tmp_path / "recordings", "--user", "v@example.com")
        assert len({line["recording_id"] for line in found}) == 2
    done = seekgate.run("import", tmp_path / "recordings", "--user", "v@example.com")
    assert "0 added, 2 known" in done.stderr


def test_a_session_is_recognised_by_whatever_path_it_is_named(seekgate: CommandLine, tmp_path: Path) -> None:
    session = tmp_path / "recordings" / "36" / "1" / "s"
    for number in range(2):
        write(session / "audio" / f"{number:06}.wav", SECOND)
    (tmp_path / "link").symlink_to(session.parent)
    for path in (session, session / "audio", f"{session}/", f"{session}/../s", tmp_path / "link"):
        (media,) = seekgate.json_lines("import", path, "--user", "v@example.com")
        assert media["duration_seconds"] == 2.0


def test_a_session_that_cannot_be_taken_in_fails_the_run(seekgate: CommandLine, tmp_path: Path) -> None:
    write(tmp_path / "recordings" / "36" / "1" / "s" / "audio" / "000001.webm", os.urandom(1000))
    done = seekgate.run("import", tmp_path / "recordings", "--user", "v@example.com")
    assert done.returncode == 1
    assert "failed  " in done.stderr
    assert "0 added, 0 known, 0 skipped, 1 failed" in done.stderr


def test_a_link_out_of_the_folder_is_not_followed(seekgate: CommandLine, tmp_path: Path) -> None:
    outside = make_sound(tmp_path / "sound.wav")
    folder = tmp_path / "given"
    write(folder / "inside.wav", SECOND)
    (folder / "out.wav").symlink_to(outside)
    (folder / "in.wav").symlink_to(folder / "inside.wav")
    done = seekgate.run("import", folder, "--user", "v@example.com")
    assert done.returncode == 1
    assert f"failed  {folder / 'out.wav'}: it is a link that leads out of {folder}" in done.stderr
    assert done.stdout.count("recording ") == 2


def test_output_into_a_closed_pipe_ends_quietly(seekgate: CommandLine, tmp_path: Path) -> None:
    started = seekgate.start("import", make_sound(tmp_path / "sound.wav"), "--user", "v@example.com")
    assert started.stdout is not None
    started.stdout.close()
    started.stdout = None
    _, said = started.communicate(timeout=180)
    assert (started.returncode, said) == (1, "")


def test_a_session_that_goes_on_and_ends_after_its_import_stays_one_recording(
    seekgate: CommandLine, tmp_path: Path
) -> None:
    session = tmp_path / "recordings" / "36" / "1" / "s" / "audio"
    seen = []
    for name in ("000000.wav", "000001.wav", "master.wav"):
        write(
            session / name,
            make_sound(tmp_path / f"{name}", 3.0, "sound.wav").read_bytes() if "master" in name else SECOND,
        )
        seen += seekgate.json_lines("import", tmp_path / "recordings", "--user", "v@example.com")
        seen += seekgate.json_lines("import", tmp_path / "recordings", "--user", "v@example.com")
    assert len({line["recording_id"] for line in seen}) == 1
    lengths = [line["duration_seconds"] for line in seen]
    assert lengths == [pytest.approx(seconds, abs=0.05) for seconds in (1, 1, 2, 2, 3, 3)]
    assert [("note" in line) for line in seen] == [True] * 4 + [False] * 2
