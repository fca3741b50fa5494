"""The embedded PostgreSQL, shared by processes that start, exit and are killed."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.db.embedded.shared_server import embedded_postgres
from tests.conftest import copy_cluster
from tests.db.servers import another_user, ask, kill_server, server_of


@pytest.fixture
def folder(postgres_folder: Path) -> Path:
    return postgres_folder


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is not PostgreSQL."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


async def test_processes_share_one_server_and_the_last_to_exit_stops_it(cluster_folder: Path) -> None:
    with another_user(cluster_folder) as (other, other_url):
        pid = server_of(cluster_folder)
        async with embedded_postgres(cluster_folder) as url, embedded_postgres(cluster_folder) as again:
            assert url == again == other_url
            assert other.stdin is not None
            other.stdin.close()
            assert await asyncio.to_thread(other.wait) == 0
            assert await ask(url, "SELECT 1") == 1
            assert server_of(cluster_folder) == pid is not None
    assert server_of(cluster_folder) is None


async def test_a_killed_process_leaves_no_stuck_server(cluster_folder: Path) -> None:
    with another_user(cluster_folder) as (other, _):
        other.kill()
    pid = server_of(cluster_folder)
    assert pid is not None
    async with embedded_postgres(cluster_folder) as url:
        assert await ask(url, "SELECT 1") == 1
        assert server_of(cluster_folder) == pid
    assert server_of(cluster_folder) is None


async def test_concurrent_processes_start_one_server(folder: Path) -> None:
    async def use() -> object:
        async with embedded_postgres(folder) as url:
            return await ask(url, "SELECT 1")

    assert await asyncio.gather(*(use() for _ in range(5))) == [1] * 5
    assert server_of(folder) is None


async def test_a_killed_server_starts_again_with_what_was_committed(cluster_folder: Path) -> None:
    async with embedded_postgres(cluster_folder) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        await kill_server(cluster_folder)
        async with embedded_postgres(cluster_folder) as again:
            assert await ask(again, "SELECT answer FROM kept") == 42
    assert server_of(cluster_folder) is None


@pytest.mark.parametrize("left", ["{pid}\n{rest}", ""], ids=["another program has its pid", "the file is empty"])
async def test_a_stale_postmaster_file_does_not_prevent_a_start(
    cluster_folder: Path, left: str, stranger: subprocess.Popen[bytes]
) -> None:
    async with embedded_postgres(cluster_folder) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        await kill_server(cluster_folder)
    file = cluster_folder / "cluster" / "postmaster.pid"
    _, _, rest = file.read_text().partition("\n")
    file.write_text(left.format(pid=stranger.pid, rest=rest))
    async with embedded_postgres(cluster_folder) as url:
        assert await ask(url, "SELECT answer FROM kept") == 42
    assert stranger.poll() is None


async def test_a_folder_that_a_killed_process_left_incomplete_is_created_again(folder: Path) -> None:
    half = folder / ".new-abandoned" / "base"
    half.mkdir(parents=True)
    async with embedded_postgres(folder) as url:
        assert await ask(url, "SELECT 1") == 1
    assert not half.parent.exists()


async def test_a_start_that_is_cancelled_leaves_no_server(cluster_folder: Path) -> None:
    async def use() -> None:
        async with embedded_postgres(cluster_folder):
            await asyncio.Event().wait()  # a start that gets this far is cancelled here

    task = asyncio.create_task(use())
    while not (cluster_folder / "cluster" / "postmaster.pid").exists():
        await asyncio.to_thread(os.sched_yield)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server_of(cluster_folder) is None


@pytest.mark.parametrize("name", ["short", "long" * 40])
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGQUIT], ids=["killed", "stopped immediately"])
async def test_a_server_that_stops_while_it_is_used_is_started_again_at_the_same_address(
    folder: Path, made_cluster: Path, name: str, signal_number: int
) -> None:
    place = folder / name
    copy_cluster(made_cluster, place)
    async with embedded_postgres(place) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        pid = server_of(place)
        assert pid is not None
        os.kill(pid, signal_number)
        async with asyncio.timeout(120):
            while server_of(place) in {None, pid}:  # noqa: ASYNC110 - another process starts it
                await asyncio.sleep(0.1)
        async with embedded_postgres(place) as again:
            assert again == url
            assert await ask(url, "SELECT answer FROM kept") == 42
    assert server_of(place) is None
