"""The embedded PostgreSQL: real servers, real processes, real signals."""

import asyncio
import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from gateway.db.embedded import EmbeddedDatabaseError, embedded_postgres
from gateway.db.postmaster import find_postmaster

# Uses the server until its standard input ends.
USER: Final = """
import asyncio, sys
from pathlib import Path
from gateway.db.embedded import embedded_postgres

async def main():
    async with embedded_postgres(Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture
def folder(postgres_folder: Path) -> Path:
    return postgres_folder


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Any other program."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="cannot run here: only root lends PostgreSQL an account")


@contextmanager
def another_user(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the server, and the URL that it was given."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.stdin.close()


def server_of(folder: Path) -> int | None:
    """The pid of the folder's living server."""
    postmaster = find_postmaster(folder / "cluster")
    return postmaster.pid if postmaster is not None and postmaster.is_alive() else None


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def socket_folder(url: str) -> Path:
    return Path(str(await ask(url, "SHOW unix_socket_directories")).strip('"'))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def kill_server(folder: Path) -> None:
    """SIGKILL, as a power cut would."""
    pid = server_of(folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "name",
    ["plain", "with  spaces", "ünï ☃", "q'u\"o$(touch pwned)`te, and comma", "long" * 40],
    ids=["plain", "spaces", "non-ASCII", "shell words", "too long for a socket"],
)
async def test_data_outlive_the_server_wherever_the_folder_is(folder: Path, name: str) -> None:
    place = folder / name / "deep"
    async with embedded_postgres(place) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        socket = await socket_folder(url)
    assert server_of(place) is None
    async with embedded_postgres(place) as url:
        assert await ask(url, "SELECT answer FROM kept") == 42
    assert names_in(place) == ["cluster", "gate.lock", "users.lock"]
    assert names_in(folder) == [name]
    assert socket == place / "cluster" or socket.name not in names_in(socket.parent)


async def test_only_this_user_reaches_it_and_never_by_tcp(folder: Path) -> None:
    async with embedded_postgres(folder / "postgres") as url:
        assert await ask(url, "SHOW listen_addresses") == ""
        assert permissions(await socket_folder(url)) == 0o700


async def test_it_keeps_what_it_promised_through_a_power_cut(folder: Path) -> None:
    async with embedded_postgres(folder) as url:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await ask(url, f"SHOW {setting}") == "on"


async def test_it_survives_ctrl_c_at_the_terminal(folder: Path) -> None:
    async with embedded_postgres(folder):
        pid = server_of(folder)
        assert pid is not None
        assert os.getsid(pid) != os.getsid(0)


async def test_processes_share_one_server_and_the_last_one_out_stops_it(folder: Path) -> None:
    with another_user(folder) as (other, other_url):
        pid = server_of(folder)
        async with embedded_postgres(folder) as url, embedded_postgres(folder) as again:
            assert url == again == other_url
            assert other.stdin is not None
            other.stdin.close()
            assert await asyncio.to_thread(other.wait) == 0
            assert await ask(url, "SELECT 1") == 1
            assert server_of(folder) == pid is not None
    assert server_of(folder) is None


async def test_a_killed_process_leaves_no_stuck_server(folder: Path) -> None:
    with another_user(folder) as (other, _):
        other.kill()
    pid = server_of(folder)
    assert pid is not None
    async with embedded_postgres(folder) as url:
        assert await ask(url, "SELECT 1") == 1
        assert server_of(folder) == pid
    assert server_of(folder) is None


async def test_many_processes_that_come_at_once_start_one_server(folder: Path) -> None:
    async def use() -> object:
        async with embedded_postgres(folder) as url:
            return await ask(url, "SELECT 1")

    assert await asyncio.gather(*(use() for _ in range(5))) == [1] * 5
    assert server_of(folder) is None


async def test_a_killed_server_starts_again_with_what_was_committed(folder: Path) -> None:
    async with embedded_postgres(folder) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        await kill_server(folder)
        async with embedded_postgres(folder) as again:
            assert await ask(again, "SELECT answer FROM kept") == 42
    assert server_of(folder) is None


@pytest.mark.parametrize("left", ["{pid}\n{rest}", ""], ids=["another program has its pid", "the file is empty"])
async def test_a_file_from_before_a_power_cut_is_no_obstacle(
    folder: Path, left: str, stranger: subprocess.Popen[bytes]
) -> None:
    async with embedded_postgres(folder) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        await kill_server(folder)
    file = folder / "cluster" / "postmaster.pid"
    _, _, rest = file.read_text().partition("\n")
    file.write_text(left.format(pid=stranger.pid, rest=rest))
    async with embedded_postgres(folder) as url:
        assert await ask(url, "SELECT answer FROM kept") == 42
    assert stranger.poll() is None


async def test_a_folder_half_made_by_a_killed_process_is_made_anew(folder: Path) -> None:
    half = folder / ".new-abandoned" / "base"
    half.mkdir(parents=True)
    async with embedded_postgres(folder) as url:
        assert await ask(url, "SELECT 1") == 1
    assert not half.parent.exists()


async def test_a_server_that_cannot_start_says_why_and_can_be_tried_again(folder: Path) -> None:
    async with embedded_postgres(folder):
        pass
    settings = folder / "cluster" / "postgresql.auto.conf"
    settings.write_text("shared_buffers = 'enormous'\n")
    with pytest.raises(EmbeddedDatabaseError, match=r'invalid value for parameter "shared_buffers": "enormous"'):
        async with embedded_postgres(folder):
            pass
    settings.write_text("")
    async with embedded_postgres(folder) as url:
        assert await ask(url, "SELECT 1") == 1


async def test_a_folder_that_cannot_be_made_is_told(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(EmbeddedDatabaseError, match="file"):
        async with embedded_postgres(folder / "file" / "postgres"):
            pass


async def test_a_start_that_is_cancelled_leaves_no_server(folder: Path) -> None:
    async def use() -> None:
        async with embedded_postgres(folder):
            raise AssertionError("it was cancelled before")

    async with embedded_postgres(folder):
        pass
    task = asyncio.create_task(use())
    while not (folder / "cluster" / "postmaster.pid").exists():
        await asyncio.to_thread(os.sched_yield)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server_of(folder) is None


@as_root
async def test_root_adds_search_permission_and_nothing_else(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    with caplog.at_level(logging.WARNING):
        async with embedded_postgres(private / "postgres"):
            pass
    assert permissions(private) == 0o701
    assert str(private) in caplog.text


@as_root
async def test_root_runs_a_users_cluster_as_that_user(folder: Path) -> None:
    async with embedded_postgres(folder):
        pass
    nobody = 65534
    for path in (folder / "cluster", *(folder / "cluster").rglob("*")):
        os.chown(path, nobody, nobody)
    async with embedded_postgres(folder) as url:
        pid = server_of(folder)
        assert (Path("/proc") / str(pid)).stat().st_uid == nobody
        assert await ask(url, "SELECT 1") == 1
