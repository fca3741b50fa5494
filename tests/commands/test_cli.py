"""The command line as people and programs meet it: real processes, exit codes, one clear line of trouble."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import click
import pytest

from gateway.catalog import ALL_SCOPES, Owner
from gateway.cli import COMMANDS, LazyGroup
from gateway.cli import seekgate as seekgate_group
from gateway.commands.options import Duration, Email, Name
from gateway.db.api_keys import PgApiKeys
from gateway.keys import digest
from gateway.protocol.signing import Signer, SigningKey, SigningKeys, owner_text
from gateway.settings.load import load
from tests.commands.command_line import CommandLine, command_line
from tests.media_files import make_sound

SECRET = "a-secret-of-more-than-thirty-two-characters"


@pytest.fixture
def seekgate(tmp_path: Path, database_url: str) -> CommandLine:
    return command_line(tmp_path, database__url=database_url)


# --- options


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), ("1s", 1)]
)
def test_a_duration_is_read_as_seconds(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "5", "d", "0s", "-1d", "1.5h", "٣d", "1w", "99999d", "1h ", "9" * 5000 + "s"])
def test_a_malformed_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a duration like"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize("text", ["ada@example.org", "demo@localhost", "a+b@c"])
def test_an_address_is_accepted(text: str) -> None:
    assert Email().convert(text, None, None) == text


@pytest.mark.parametrize("text", ["", "ada", "@", "a@b@c", "a b@c", "a@b\0", "a@" + "b" * 254])
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not an e-mail address"):
        Email().convert(text, None, None)


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "\x1b[2J", "x" * 256])
def test_a_name_that_cannot_be_shown_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="printable characters"):
        Name().convert(text, None, None)


# --- keys


async def test_create_key_prints_the_key_once_and_it_works(seekgate: CommandLine, pool: asyncpg.Pool) -> None:
    done = await asyncio.to_thread(seekgate.run, "create-key", "--user", "ada@example.org")
    key = done.stdout.strip()
    stored = await PgApiKeys(pool).find_key(digest(key))
    assert stored is not None
    assert (stored.email, stored.prefix, stored.expires_at) == ("ada@example.org", key[:12], None)
    assert "will not be shown again" in done.stderr


def test_create_key_as_json(seekgate: CommandLine) -> None:
    (made,) = seekgate.json_lines(
        "create-key",
        "--user",
        "ada@example.org",
        "--scope",
        "recordings:read",
        "--test",
        "--expires-in",
        "30d",
        *("--name", "the dashboard"),
    )
    assert (made["name"], made["live"], made["last_used_at"]) == ("the dashboard", False, None)
    assert re.fullmatch(r"rk_test_[A-Za-z0-9_-]{43}", made["key"])
    assert (made["prefix"], made["user"], made["scopes"]) == (made["key"][:12], "ada@example.org", ["recordings:read"])
    expires_at = datetime.fromisoformat(made["expires_at"])
    assert made["expires_at"].endswith("Z")
    assert timedelta(days=29, hours=23) < expires_at - datetime.now(UTC) <= timedelta(days=30)


def test_keys_are_listed_and_revoked(seekgate: CommandLine) -> None:
    (first,) = seekgate.json_lines("create-key", "--user", "ada@example.org")
    (second,) = seekgate.json_lines("create-key", "--user", "bob@example.org", "--test")
    (revoked,) = seekgate.json_lines("revoke-key", str(first["id"]))
    assert revoked["revoked_at"] is not None
    (listed,) = seekgate.json_lines("list-keys")
    assert [(key["prefix"], key["live"], bool(key["revoked_at"])) for key in listed] == [
        (second["prefix"], False, False),
        (first["prefix"], True, True),
    ]
    shown = seekgate.run("list-keys").stdout
    assert re.search(re.escape(first["prefix"]) + r"…  revoked \d{4}-\d\d-\d\d +ada@example.org +all scopes", shown)
    assert first["key"] not in shown


async def test_no_list_writes_a_stored_escape_sequence_to_the_terminal(
    seekgate: CommandLine, pool: asyncpg.Pool
) -> None:
    escape = "\x1b]0;x\x07"
    user_id = await PgApiKeys(pool).ensure_user(f"{escape}@example.org")
    await PgApiKeys(pool).create_key(
        digest=digest("k"),
        prefix=f"sk{escape}",
        owner=Owner(user_id),
        scopes=ALL_SCOPES,
        expires_at=None,
        name=escape,
    )
    for command in ("list-keys", "users"):
        shown = await asyncio.to_thread(seekgate.run, command)
        assert "@example.org" in shown.stdout
        assert "\x1b" not in shown.stdout


def test_revoking_an_unknown_key_fails(seekgate: CommandLine) -> None:
    assert "no key has the prefix or id 'sk_live_none'" in seekgate.refusal(1, "revoke-key", "sk_live_none")


# --- import


def test_import_prints_a_line_of_json_for_each_media_file(seekgate: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "to import"
    (folder / "deeper").mkdir(parents=True)
    sound = make_sound(folder / "sound.mp3")
    make_sound(folder / "deeper" / "sound.wav")
    (folder / "notes.txt").write_text("hello")
    done = seekgate.run("import", folder, "--user", "ada@example.org", "--json")
    assert done.returncode == 0
    assert f"skipped  {folder / 'notes.txt'}: it cannot be read as" in done.stderr
    first, second = seekgate.json_lines("import", folder, "--user", "ada@example.org")
    assert done.stdout.count("\n") == 2
    assert first == {
        "recording_id": first["recording_id"],
        "media_file_id": first["media_file_id"],
        "raw_url": f"/recordings/{first['recording_id']}/media/{first['media_file_id']}/raw",
        "size": sound.stat().st_size,
        "content_type": "audio/mpeg",
        "duration_seconds": pytest.approx(2.0, abs=0.06),
    }
    assert second["content_type"] == "audio/wav"


def test_import_again_says_known(seekgate: CommandLine, tmp_path: Path) -> None:
    path = make_sound(tmp_path / "sound.mp3")
    said = [seekgate.run("import", path, "--user", "ada@example.org").stdout for _ in range(2)]
    assert said[0].startswith(f"added  {path}: recording ")
    assert said[1] == said[0].replace("added", "known")


def test_a_named_file_that_fails_fails_the_run_and_the_others_are_imported(
    seekgate: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    odd = tmp_path / "odd\x1b[2J\n.txt"
    odd.write_text("hello")
    path = make_sound(tmp_path / "sound.mp3")
    done = seekgate.run("import", tmp_path / "notes.txt", odd, tmp_path / "absent", path, "--user", "a@b", "--json")
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert re.findall(r"^failed  .*/(.*): it c", done.stderr, re.MULTILINE) == ["notes.txt", "odd�[2J�.txt", "absent"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--storage", "nowhere"], 1, "no storage backend is called 'nowhere'; there are: local"),
        (["--platform", "zoom"], 2, "--platform and --meeting belong together"),
    ],
)
def test_import_refuses(seekgate: CommandLine, arguments: list[str], code: int, said: str) -> None:
    assert said in seekgate.refusal(code, "import", ".", "--user", "a@b", *arguments)


# --- sign-url


def test_sign_url_prints_a_url_that_verifies(tmp_path: Path, database_url: str) -> None:
    keys = f"[{{kid: k, secret: {SECRET}}}]"
    seekgate = command_line(
        tmp_path, database__url=database_url, playback__signing_keys=keys, server__public_url="https://m.example/"
    )
    (media,) = seekgate.json_lines("import", make_sound(tmp_path / "sound.mp3"), "--user", "ada@example.org")
    recording, file = media["recording_id"], media["media_file_id"]
    done = seekgate.run("sign-url", str(recording), str(file), "--expires-in", "90m", "--attachment")
    url = urlsplit(done.stdout.strip())
    assert (url.scheme, url.netloc, url.path) == ("https", "m.example", media["raw_url"])
    query = dict(parse_qsl(url.query))
    now = datetime.now(UTC).timestamp()
    signer = Signer(SigningKeys([SigningKey("k", SECRET.encode())]), expires_in_seconds=1, window_seconds=1)
    grant, expires = signer.verify(query, recording, file, now=now)
    assert grant.disposition == "attachment"
    assert 5390 < expires - now <= 5400


def test_sign_url_of_an_unknown_media_file_fails(seekgate: CommandLine) -> None:
    assert "there is no media file 2 in a recording 1" in seekgate.refusal(1, "sign-url", "1", "2")


async def test_sign_url_names_the_owner_and_needs_no_user(
    seekgate: CommandLine, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    path = make_sound(tmp_path / "sound.mp3")
    (media,) = await asyncio.to_thread(seekgate.json_lines, "import", path, "--user", "ada@example.org")
    ids = (str(media["recording_id"]), str(media["media_file_id"]))
    done = await asyncio.to_thread(seekgate.run, "sign-url", *ids)
    assert done.stdout.startswith(f"http://127.0.0.1:8080{media['raw_url']}?")
    owner = dict(parse_qsl(urlsplit(done.stdout.strip()).query))["own"]
    assert owner == owner_text(await PgApiKeys(pool).ensure_user("ada@example.org"), live=True)


# --- settings


def test_check_config_prints_the_settings_in_force_without_secrets(tmp_path: Path) -> None:
    seekgate = command_line(tmp_path, database__url=f"postgresql://me:{SECRET}@host/name", server__port="81")
    done = seekgate.run("check-config")
    assert done.returncode == 0
    assert SECRET not in done.stdout
    path = tmp_path / "shown.yaml"
    path.write_text(done.stdout)
    assert load(path, {}).server.port == 81


def test_all_wrong_settings_are_reported_with_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("server: {port: -1}\nlogging: {level: loud}")
    said = command_line(tmp_path, nonsense="1").refusal(2, "serve", "--config", path, "--workers", "0")
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "Error",
        "server.port",
        "server.workers",
        "logging.level",
        "nonsense",
    ]


def test_the_config_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("server: {port: 81}")
    done = command_line(tmp_path, config="settings.yaml").run("check-config")
    assert "port: 81\n" in done.stdout


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["create-key"], ["create-key", "--user", "ada"], ["import", "--user", "a@b"]]
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    assert "Usage: seekgate" in command_line(tmp_path).refusal(2, *arguments)


def test_help_and_version_succeed(tmp_path: Path) -> None:
    assert "create-key" in command_line(tmp_path).run("--help").stdout
    assert re.fullmatch(r"seekgate, version \d+\.\d+\.\d+\n", command_line(tmp_path).run("--version").stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    command = LazyGroup().get_command(click.Context(seekgate_group), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(limit=120) == COMMANDS[name].summary


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_no_command(arguments: list[str]) -> None:
    program = f"""
import sys
from gateway.cli import main
try:
    main({arguments})
finally:
    heavy = {{"asyncpg", "pydantic", "rich", "aiohttp", "yaml", "orjson"}} & set(sys.modules)
    assert not heavy, heavy
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


# --- expected errors


def test_an_unreachable_database_is_one_line_without_its_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    seekgate = command_line(tmp_path, database__url=f"postgresql://me:{SECRET}@127.0.0.1:{port}/name")
    said = seekgate.refusal(1, "list-keys")
    assert said.startswith("Error: ")
    assert said.count("\n") == 1
    assert str(port) in said
    assert SECRET not in said


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_reported_even_if_another_gateway_would_share_it(seekgate: CommandLine, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as server:
        port = str(server.getsockname()[1])
        said = seekgate.refusal(1, "serve", "--port", port, "--workers", workers)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use; if a gateway there is still stopping" in said
    assert "choose another with --port or SEEKGATE_SERVER__PORT" in said


@pytest.mark.parametrize("command", ["list-keys", "serve"])
def test_a_data_directory_that_cannot_be_created_is_reported(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    data_dir = str(tmp_path / "file" / "data")
    said = command_line(tmp_path, data_dir=data_dir, server__port="0").refusal(1, command)
    assert f"data_dir {data_dir!r} cannot be created: Not a directory; set SEEKGATE_DATA_DIR" in said


@pytest.mark.parametrize("command", ["list-keys", "serve"])
def test_a_storage_backend_that_cannot_be_opened_is_reported(tmp_path: Path, database_url: str, command: str) -> None:
    (tmp_path / "file").touch()
    root = str(tmp_path / "file" / "media")
    settings = {"database__url": database_url, "storages__local__root": root, "server__port": "0"}
    said = command_line(tmp_path, **settings).refusal(2, command)
    assert said.startswith(f"Error: the root {root!r}")


@pytest.fixture
def at_a_terminal() -> Iterator[None]:
    """Started programs can be interrupted, even if the tests run in the background, where the shell ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("at_a_terminal")
def test_an_interrupt_ends_a_command_quietly(tmp_path: Path) -> None:
    fifo = tmp_path / "settings.yaml"
    os.mkfifo(fifo)
    with command_line(tmp_path).start("list-keys", "--config", fifo) as process, fifo.open("w"):
        # The command has opened its settings. A signal right before it waits for them would be seen only after them.
        until_asleep(process.pid)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (130, "\n")


def until_asleep(pid: int) -> None:
    """Return once the process waits in the kernel."""
    for _ in range(1_000_000):
        if Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "S":
            return
    pytest.fail("it never waits")
