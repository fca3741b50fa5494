"""The embedded PostgreSQL: its folder, its permissions, and its error messages when it cannot start."""

import logging
import os
import stat
from pathlib import Path

import pytest

from gateway.db.embedded.shared_server import EmbeddedDatabaseError, embedded_postgres
from tests.db.servers import ask, server_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="cannot run here: only root lends PostgreSQL an account")


@pytest.fixture
def folder(postgres_folder: Path) -> Path:
    return postgres_folder


async def socket_folder(url: str) -> Path:
    return Path(str(await ask(url, "SHOW unix_socket_directories")).strip('"'))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


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


async def test_only_this_user_can_connect_and_never_by_tcp(folder: Path) -> None:
    async with embedded_postgres(folder / "postgres") as url:
        assert await ask(url, "SHOW listen_addresses") == ""
        assert permissions(await socket_folder(url)) == 0o700


async def test_the_server_runs_with_all_durability_settings_on(folder: Path) -> None:
    async with embedded_postgres(folder) as url:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await ask(url, f"SHOW {setting}") == "on"


async def test_the_server_survives_ctrl_c_at_the_terminal(folder: Path) -> None:
    async with embedded_postgres(folder):
        pid = server_of(folder)
        assert pid is not None
        assert os.getsid(pid) != os.getsid(0)


async def test_a_failed_start_reports_why_and_can_be_repeated(folder: Path) -> None:
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


async def test_a_folder_that_cannot_be_created_is_named_in_the_error(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(EmbeddedDatabaseError, match="file"):
        async with embedded_postgres(folder / "file" / "postgres"):
            pass


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
