"""Who may read what a local storage writes, which links it follows, and what a full disk is called."""

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from storage_adapters import connect
from storage_adapters.base import InvalidKey, StorageFull, StorageUnavailable
from storage_adapters.local import LocalStorage
from storage_adapters.local.drafts import ABANDONED_AFTER_SECONDS
from storage_adapters.local.paths import DRAFTS
from storage_adapters.threads import READING
from tests.contracts.storage_helpers import read_whole

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="cannot run here: only root can give files away")


async def local(root: Path, **options: bool) -> LocalStorage:
    storage = await connect("local", {"root": root, **options})
    assert isinstance(storage, LocalStorage)
    return storage


async def write(storage: LocalStorage, key: str) -> None:
    async with storage.create(key) as writer:
        await writer.write(b"content")


def modes_beneath(root: Path) -> dict[str, int]:
    paths = [root, *root.rglob("*")]
    return {str(path.relative_to(root)): stat.S_IMODE(path.lstat().st_mode) for path in paths}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(
    ("options", "directory", "file"),
    [({}, 0o700, 0o600), ({"readable_by_group": True}, 0o750, 0o640)],
    ids=["private", "group"],
)
async def test_nobody_else_can_read_what_is_written(
    tmp_path: Path, umask: int, options: dict[str, bool], directory: int, file: int
) -> None:
    before = os.umask(umask)
    try:
        storage = await local(tmp_path / "root", **options)
        await write(storage, "a/b/created")
        for end in ("published", "kept"):
            async with storage.append(f"a/{end}") as writer:
                await writer.write(b"content")
        await storage.publish("a/published")
    finally:
        os.umask(before)
    modes = modes_beneath(tmp_path / "root")
    files = {name for name in modes if name.startswith((f"{DRAFTS}/", "a/b/c", "a/p"))}
    assert len(files) == 3
    assert modes == {name: file if name in files else directory for name in modes}


async def test_the_directory_for_drafts_of_an_older_release_is_closed(tmp_path: Path) -> None:
    (tmp_path / DRAFTS).mkdir()
    (tmp_path / DRAFTS).chmod(0o755)
    await local(tmp_path)
    assert modes_beneath(tmp_path)[DRAFTS] == 0o700


@pytest.fixture
def open_root(tmp_path: Path) -> Path:
    tmp_path.chmod(0o751)
    return tmp_path


async def test_a_root_that_exists_keeps_its_permissions(open_root: Path) -> None:
    await write(await local(open_root), "key")
    assert modes_beneath(open_root)["."] == 0o751


async def test_a_link_in_place_of_the_directory_for_drafts_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    os.utime(outside / "precious", times=(0, time.time() - 2 * ABANDONED_AFTER_SECONDS))
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / DRAFTS).symlink_to(outside)
    with pytest.raises(ValueError, match="root"):
        await local(tmp_path / "root")
    assert (outside / "precious").exists()


async def test_a_link_that_appears_there_later_is_not_followed_either(tmp_path: Path) -> None:
    storage = await local(tmp_path / "root")
    (tmp_path / "root" / DRAFTS).rmdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "root" / DRAFTS).symlink_to(tmp_path / "outside")
    with pytest.raises(StorageUnavailable):
        await write(storage, "key")
    with pytest.raises(StorageUnavailable):
        async with storage.append("key") as writer:
            await writer.write(b"content")
    assert list((tmp_path / "outside").iterdir()) == []


@as_root
async def test_another_accounts_directory_for_drafts_is_refused(tmp_path: Path) -> None:
    (tmp_path / DRAFTS).mkdir()
    os.chown(tmp_path / DRAFTS, NOBODY, NOBODY)
    with pytest.raises(ValueError, match="belongs to account 65534"):
        await local(tmp_path)


@as_root
async def test_a_link_that_another_account_placed_is_not_followed(tmp_path: Path) -> None:
    storage = await local(tmp_path)
    await write(storage, "a/secret")
    for name in ("a/link", "folder"):
        (tmp_path / name).symlink_to(tmp_path / "a" / ("secret" if name == "a/link" else ""))
    for key in ("a/link", "folder/secret"):
        assert await read_whole(storage, key) == b"content"
    await storage.close()
    for name in ("a/link", "folder"):
        os.chown(tmp_path / name, NOBODY, NOBODY, follow_symlinks=False)
    storage = await local(tmp_path)
    for key in ("a/link", "folder/secret"):
        with pytest.raises(InvalidKey, match="account 65534"):
            await read_whole(storage, key)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "open"])
async def test_a_full_disk_is_called_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    storage = await local(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(StorageUnavailable) as caught:
            await write(storage, "key")
    if call == "fsync":
        assert type(caught.value) is StorageFull
        assert "no space" in caught.value.reason
    await write(storage, "key")


async def test_file_work_does_not_wait_for_the_default_threads(tmp_path: Path) -> None:
    storage = await local(tmp_path)
    await write(storage, "key")
    await read_whole(storage, "key")
    names = {thread.name.rpartition("_")[0] for thread in READING._threads}
    assert names == {"file-reads"}
