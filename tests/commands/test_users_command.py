"""`seekgate users`, `delete-user`, and the names of keys."""

import re
from pathlib import Path

import pytest

from tests.commands.command_line import CommandLine, command_line
from tests.media_files import make_sound


@pytest.fixture
def seekgate(tmp_path: Path, database_url: str) -> CommandLine:
    return command_line(tmp_path, database__url=database_url)


def test_an_account_is_listed_and_then_deleted_with_its_keys_and_recordings(
    seekgate: CommandLine, tmp_path: Path
) -> None:
    seekgate.run("create-key", "--user", "ada@example.org", "--name", "the dashboard")
    sound = make_sound(tmp_path / "sound.mp3")
    seekgate.run("import", sound, "--user", "ada@example.org")
    shown = seekgate.run("list-keys").stdout
    assert re.search(r"all scopes +never used  the dashboard\n$", shown)
    ((user,),) = seekgate.json_lines("users")
    assert (user["email"], user["keys"], user["recordings"]) == ("ada@example.org", 1, 1)
    assert user["bytes"] == sound.stat().st_size
    assert "ada@example.org" in seekgate.run("users").stdout
    (deleted,) = seekgate.json_lines("delete-user", "Ada@example.org", "--yes")
    assert deleted == {"deleted": user}
    assert seekgate.json_lines("users") == seekgate.json_lines("list-keys") == [[]]


def test_deleting_an_account_asks_first(seekgate: CommandLine) -> None:
    seekgate.run("create-key", "--user", "ada@example.org")
    done = seekgate.run("delete-user", "ada@example.org")
    assert "Delete ada@example.org with 1 valid key and 0 recordings, for good?" in done.stderr
    assert done.returncode != 0
    ((user,),) = seekgate.json_lines("users")
    assert user["keys"] == 1


def test_deleting_an_unknown_account_fails(seekgate: CommandLine) -> None:
    assert "no account has the address 'nobody@example.org'" in seekgate.refusal(
        1, "delete-user", "nobody@example.org", "--yes"
    )
