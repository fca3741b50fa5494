"""What the kernel refuses, and which of our errors that becomes."""

import errno
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage_adapters.base import (
    AccessDenied,
    InvalidKey,
    ObjectNotFound,
    StorageError,
    StorageFull,
    StorageUnavailable,
    Writable,
)
from storage_adapters.local import LocalStorage, connect
from storage_adapters.local.paths import translated
from storage_adapters.resumable import Resumable
from tests.contracts.storage_helpers import exists, read_whole
from tests.storage_adapters.local_operations import Operation, create_it, delete_it, list_it, open_it
from tests.storage_adapters.local_storage import LocalFixtures

NOBODY = 65534


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Without root's powers: permissions bind root only when it gives itself away."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


class TestTrouble(LocalFixtures):
    @pytest.fixture
    def root(self) -> Iterator[Path]:
        """A root that an ordinary user reaches, unlike pytest's own folders."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            yield Path(folder).resolve() / "root"

    @pytest.fixture
    def read_only_root(self, root: Path) -> Path:
        """A root with one file, which nobody but root may change."""
        root.mkdir()
        (root / "file").write_bytes(b"content")
        (root / "file").chmod(0o444)
        root.chmod(0o555)
        return root

    @pytest.mark.usefixtures("read_only_root", "as_nobody")
    async def test_a_read_only_root_is_read_and_listed_and_nothing_is_written(self, read_only_root: Path) -> None:
        storage = await connect(root=read_only_root, read_only=True)
        await storage.ping()
        assert await read_whole(storage, "file") == b"content"
        assert [listed.key async for listed in storage.list("")] == ["file"]
        assert not isinstance(storage, Writable | Resumable)
        with pytest.raises(AccessDenied, match="read_only"):
            await storage.delete("file")
        await storage.delete("another")  # there is nothing to remove
        await storage.close()
        assert os.listdir(read_only_root) == ["file"]  # noqa: PTH208 - pathlib has no shorter word

    @pytest.mark.usefixtures("read_only_root", "as_nobody")
    async def test_a_root_that_is_read_only_unexpectedly_is_refused_with_the_option(self, read_only_root: Path) -> None:
        with pytest.raises(
            ValueError, match=r"must be a directory that this process can write to \(or set read_only\)"
        ):
            await connect(root=read_only_root)

    async def test_a_read_only_root_must_exist(self, root: Path) -> None:
        with pytest.raises(ValueError, match="not a directory, or not mounted"):
            await connect(root=root, read_only=True)
        assert os.listdir(root.parent) == []  # noqa: PTH208 - as above

    @pytest.mark.usefixtures("as_nobody")
    @pytest.mark.parametrize(
        ("operation", "key"),
        [
            pytest.param(open_it, "open/unreadable", id="open_a_file"),
            pytest.param(open_it, "closed/file", id="open_in_a_directory"),
            pytest.param(create_it, "read_only/new", id="create"),
            pytest.param(create_it, "read_only/new/inner", id="create_a_directory"),
            pytest.param(delete_it, "read_only/file", id="delete"),
            pytest.param(list_it, "closed/", id="list"),
        ],
    )
    async def test_an_act_without_permission_is_access_denied(
        self, adapter: LocalStorage, root: Path, operation: Operation, key: str
    ) -> None:
        with as_owner_of(root):
            forbid_some_things(root)
        with pytest.raises(AccessDenied):
            await operation(adapter, key)

    @pytest.mark.parametrize("mode", [0o555, 0o333, 0o000], ids=["read_only", "unlistable", "closed"])
    async def test_a_root_that_we_may_not_use_fails_the_ping(
        self, adapter: LocalStorage, root: Path, mode: int, request: pytest.FixtureRequest
    ) -> None:
        restrict(root, mode)
        request.getfixturevalue("as_nobody")
        with pytest.raises(AccessDenied):
            await adapter.ping()

    @pytest.mark.parametrize("operation", [open_it, create_it, delete_it, list_it])
    async def test_a_missing_root_makes_the_backend_unavailable_and_no_object_missing(
        self, adapter: LocalStorage, root: Path, operation: Operation
    ) -> None:
        await create_it(adapter, "a/file")
        lose(root)
        with pytest.raises(StorageUnavailable):
            await operation(adapter, "a/file")
        with pytest.raises(StorageUnavailable):
            await adapter.ping()

    async def test_running_out_of_descriptors_makes_the_backend_unavailable_for_a_while(
        self, adapter: LocalStorage
    ) -> None:
        await create_it(adapter, "file")
        with no_more_descriptors(), pytest.raises(StorageUnavailable):
            await open_it(adapter, "file")
        assert await exists(adapter, "file")

    @pytest.mark.parametrize(
        ("number", "kind"),
        [
            pytest.param(errno.ENOENT, ObjectNotFound, id="ENOENT"),
            pytest.param(errno.ENOTDIR, ObjectNotFound, id="ENOTDIR"),
            pytest.param(errno.EACCES, AccessDenied, id="EACCES"),
            pytest.param(errno.EPERM, AccessDenied, id="EPERM"),
            pytest.param(errno.ELOOP, InvalidKey, id="ELOOP"),
            pytest.param(errno.ENAMETOOLONG, InvalidKey, id="ENAMETOOLONG"),
            pytest.param(errno.EISDIR, InvalidKey, id="EISDIR"),
            pytest.param(errno.ENXIO, InvalidKey, id="ENXIO"),
            pytest.param(errno.EMFILE, StorageUnavailable, id="EMFILE"),
            pytest.param(errno.EIO, StorageUnavailable, id="EIO"),
            pytest.param(errno.ENOSPC, StorageFull, id="ENOSPC"),
            pytest.param(errno.ESTALE, StorageUnavailable, id="ESTALE"),
            pytest.param(None, StorageUnavailable, id="none"),
        ],
    )
    def test_every_errno_means_one_kind_of_error(self, number: int | None, kind: type[StorageError]) -> None:
        with pytest.raises(StorageError) as caught, translated("key"):
            raise OSError(number, "words") if number else OSError("words")
        assert type(caught.value) is kind
        assert caught.value.key == "key"


def restrict(root: Path, mode: int) -> None:
    root.chmod(mode)


def lose(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))


@contextmanager
def as_owner_of(root: Path) -> Iterator[None]:
    """As the owner of the root again, for a moment."""
    before, owner = os.geteuid(), root.stat().st_uid
    os.seteuid(owner)
    try:
        yield
    finally:
        os.seteuid(before)


def forbid_some_things(root: Path) -> None:
    for name, mode in (("open", 0o755), ("closed", 0o000), ("read_only", 0o555)):
        (root / name).mkdir()
        (root / name / "file").write_bytes(b"content")
        (root / name / "unreadable").touch(mode=0o000)
        (root / name).chmod(mode)
    root.joinpath(".seekgate-tmp").chmod(0o777)


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """The process may open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_root_that_is_a_file_is_refused_with_what_to_change(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match="must be a directory that this process can write to"):
        await connect(root=tmp_path / "file")


async def test_a_negative_number_of_open_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"open_files\s+Input should be greater than or equal to 0"):
        await connect(root=tmp_path, open_files=-1)


async def test_the_root_may_itself_be_a_link_and_is_made_if_absent(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    storage = await connect(root=str(tmp_path / "link"))
    assert isinstance(storage, LocalStorage)
    await create_it(storage, "file")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"new"
    await storage.close()
