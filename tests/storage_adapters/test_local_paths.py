"""No key leads out of the root, and none opens anything but a regular file."""

import asyncio
import errno
import os
import resource
import stat
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_adapters.base import (
    AccessDenied,
    InvalidKey,
    ObjectNotFound,
    StorageError,
    StorageUnavailable,
)
from storage_adapters.local import LocalStorage, connect
from storage_adapters.paths import check_key, open_regular, translated
from tests.contracts.storage_words import exists, read_whole
from tests.storage_adapters.local_storage import LocalFixtures, count_open

SECRET = b"what lies outside the root"
NOBODY = 65534

MALFORMED_KEYS = {
    "empty": "",
    "absolute": "/etc/passwd",
    "only_a_slash": "/",
    "trailing_slash": "a/",
    "doubled_slash": "a//b",
    "parent": "..",
    "parent_at_the_start": "../outside/secret",
    "parent_in_the_middle": "a/../../outside/secret",
    "parent_at_the_end": "a/..",
    "dot": ".",
    "dot_in_the_middle": "a/./b",
    "nul": "a\0b",
    "lone_surrogate": "a\ud800b",
    "not_utf8": os.fsdecode(b"a\xffb"),
    "drafts": ".seekgate-tmp",
    "a_draft": ".seekgate-tmp/draft",
}

LINKS = {
    "to_a_file_outside": ("link", "../outside/secret", "link"),
    "to_a_file_outside_absolutely": ("link", "{outside}/secret", "link"),
    "to_a_directory_outside": ("link", "../outside", "link/secret"),
    "to_the_parent": ("link", "..", "link/outside/secret"),
    "to_a_sibling_with_our_prefix": ("link", "../the root too/secret", "link"),
    "to_a_device": ("link", "/dev/zero", "link"),
    "to_a_directory": ("link", "real", "link"),
    "to_itself": ("link", "link", "link"),
    "to_the_root": ("link", ".", "link"),
    "to_a_draft": ("link", ".seekgate-tmp/draft", "link"),
    "to_the_drafts": ("link", ".seekgate-tmp", "link/draft"),
}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory beside the root, and one whose name starts with the root's."""
    for name in ("outside", "the root too"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret").write_bytes(SECRET)
    return tmp_path / "outside"


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Without root's powers: permissions bind root only when it gives itself away."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


async def open_it(storage: LocalStorage, key: str) -> None:
    async with asyncio.timeout(5), storage.open(key):
        pass


async def create_it(storage: LocalStorage, key: str) -> None:
    async with storage.create(key) as writer:
        await writer.write(b"new")


async def delete_it(storage: LocalStorage, key: str) -> None:
    await storage.delete(key)


async def list_it(storage: LocalStorage, key: str) -> None:
    assert [listed.key async for listed in storage.list(key)] != []


Act = Callable[[LocalStorage, str], Awaitable[None]]
every_act = pytest.mark.parametrize("act", [open_it, create_it, delete_it])


class TestKeys(LocalFixtures):
    @every_act
    @pytest.mark.parametrize("key", MALFORMED_KEYS.values(), ids=MALFORMED_KEYS.keys())
    async def test_a_malformed_key_is_invalid_with_a_reason(self, adapter: LocalStorage, act: Act, key: str) -> None:
        with pytest.raises(InvalidKey) as caught:
            await act(adapter, key)
        assert caught.value.key == key
        assert caught.value.reason

    @every_act
    @pytest.mark.parametrize("key", ["x" * 256, "a/" + "x" * 256 + "/b", "ü" * 128], ids=["name", "directory", "utf8"])
    async def test_a_name_longer_than_the_file_system_takes_is_invalid(
        self, adapter: LocalStorage, root: Path, act: Act, key: str
    ) -> None:
        (root / "a").mkdir()
        with pytest.raises(InvalidKey):
            await act(adapter, key)

    @given(key=st.text(alphabet="./a\0\ud800é"))
    def test_a_key_is_either_invalid_or_stays_beneath_whatever_it_is_joined_to(self, key: str) -> None:
        with suppress(InvalidKey):
            check_key(key)
            assert os.path.normpath(f"/root/{key}") == f"/root/{key}" != "/root/"

    async def test_a_backslash_is_a_letter_like_any_other(self, adapter: LocalStorage, root: Path) -> None:
        await create_it(adapter, "..\\a")
        assert (root / "..\\a").read_bytes() == b"new"

    async def test_the_drafts_directory_is_special_only_in_the_root(self, adapter: LocalStorage) -> None:
        await create_it(adapter, "a/.seekgate-tmp")
        assert await read_whole(adapter, "a/.seekgate-tmp") == b"new"


class TestLinks(LocalFixtures):
    @pytest.mark.parametrize(("name", "target", "key"), LINKS.values(), ids=LINKS.keys())
    async def test_a_link_that_leads_to_no_object_is_invalid(
        self, adapter: LocalStorage, root: Path, outside: Path, name: str, target: str, key: str
    ) -> None:
        (root / "real").mkdir()
        (root / ".seekgate-tmp" / "draft").write_bytes(b"half")
        (root / name).symlink_to(target.format(outside=outside))
        with pytest.raises(InvalidKey):
            await open_it(adapter, key)
        assert count_open(root.parent) == 0

    @pytest.mark.parametrize(
        ("target", "key"),
        [
            pytest.param("real/file", "link", id="file"),
            pytest.param("{root}/real/file", "link", id="file_absolutely"),
            pytest.param("real", "link/file", id="directory"),
            pytest.param(".", "link/link/real/file", id="the_root"),
            pytest.param("../the root/real/file", "link", id="out_and_in_again"),
        ],
    )
    async def test_a_link_that_stays_inside_is_followed(
        self, adapter: LocalStorage, root: Path, target: str, key: str
    ) -> None:
        (root / "real").mkdir()
        (root / "real" / "file").write_bytes(b"inside")
        (root / "link").symlink_to(target.format(root=root))
        assert await read_whole(adapter, key) == b"inside"

    async def test_a_dangling_link_is_not_found(self, adapter: LocalStorage, root: Path) -> None:
        (root / "link").symlink_to("nothing")
        with pytest.raises(ObjectNotFound) as caught:
            await open_it(adapter, "link")
        assert not isinstance(caught.value, InvalidKey)

    @pytest.mark.parametrize("act", [create_it, delete_it])
    async def test_nothing_is_changed_through_a_link_that_leads_out(
        self, adapter: LocalStorage, root: Path, outside: Path, act: Act
    ) -> None:
        (root / "link").symlink_to(outside)
        for key in ("link/secret", "link/new/file"):
            with pytest.raises(InvalidKey):
                await act(adapter, key)
        assert contents(outside) == {"secret": SECRET}

    async def test_deleting_a_link_leaves_what_it_leads_to(
        self, adapter: LocalStorage, root: Path, outside: Path
    ) -> None:
        (root / "link").symlink_to(outside / "secret")
        await adapter.delete("link")
        assert not (root / "link").is_symlink()
        assert (outside / "secret").read_bytes() == SECRET

    async def test_writing_to_a_link_replaces_the_link(self, adapter: LocalStorage, root: Path, outside: Path) -> None:
        (root / "link").symlink_to(outside / "secret")
        await create_it(adapter, "link")
        assert await read_whole(adapter, "link") == b"new"
        assert (outside / "secret").read_bytes() == SECRET

    async def test_a_link_that_comes_to_lead_out_is_noticed_at_once(
        self, adapter: LocalStorage, root: Path, outside: Path
    ) -> None:
        (root / "file").write_bytes(b"inside")
        (root / "link").symlink_to("file")
        assert await read_whole(adapter, "link") == b"inside"
        (root / "link").unlink()
        (root / "link").symlink_to(outside / "secret")
        with pytest.raises(InvalidKey):
            await open_it(adapter, "link")

    @pytest.mark.parametrize("key", ["swapped", "directory/secret"])
    async def test_no_race_leads_out_of_the_root(
        self, adapter: LocalStorage, root: Path, outside: Path, key: str
    ) -> None:
        """A thread swaps files, FIFOs and links in and out while we open: inside bytes or an error, never the secret."""
        seen: set[bytes | type[StorageError]] = set()
        with swapping(root, outside):
            for _ in range(400):
                try:
                    seen.add(await asyncio.wait_for(read_whole(adapter, key), timeout=5))
                except StorageError as error:
                    seen.add(type(error))
        assert seen <= {b"inside", ObjectNotFound, InvalidKey, StorageUnavailable}
        assert b"inside" in seen


@contextmanager
def swapping(root: Path, outside: Path) -> Iterator[None]:
    """Meanwhile `swapped` and `directory/` are, in turn, ours, a link that leads out, and a FIFO or nothing."""
    stop = threading.Event()
    swapper = threading.Thread(target=swap_until, args=(stop, root, outside))
    swapper.start()
    try:
        yield
    finally:
        stop.set()
        swapper.join()


def swap_until(stop: threading.Event, root: Path, outside: Path) -> None:
    stage = root.parent / "stage"
    (stage / "ours").mkdir(parents=True)
    (stage / "ours" / "secret").write_bytes(b"inside")
    while not stop.is_set():
        (stage / "file").write_bytes(b"inside")
        (stage / "file").rename(root / "swapped")
        (stage / "ours").rename(root / "directory")
        (stage / "link").symlink_to(outside / "secret")
        (stage / "link").rename(root / "swapped")
        (root / "directory").rename(stage / "ours")
        (root / "directory").symlink_to(outside)
        os.mkfifo(stage / "fifo")
        (stage / "fifo").rename(root / "swapped")
        (root / "directory").unlink()


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


class TestKinds(LocalFixtures):
    @every_act
    async def test_a_directory_is_no_object(self, adapter: LocalStorage, root: Path, act: Act) -> None:
        (root / "directory").mkdir()
        with pytest.raises(InvalidKey):
            await act(adapter, "directory")
        assert (root / "directory").is_dir()

    @pytest.mark.parametrize("act", [open_it, delete_it])
    @pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK], ids=["fifo", "socket"])
    async def test_a_fifo_or_socket_is_no_object_and_hangs_nobody(
        self, adapter: LocalStorage, root: Path, act: Act, kind: int
    ) -> None:
        os.mknod(root / "special", 0o600 | kind)
        with pytest.raises(InvalidKey):
            await act(adapter, "special")
        assert (root / "special").exists()

    @pytest.mark.parametrize("name", ["null", "zero", "tty"])
    def test_a_device_is_no_object(self, name: str) -> None:
        with pytest.raises(InvalidKey, match="no regular file"):
            open_regular(Path("/dev"), name)

    @every_act
    async def test_a_file_is_no_directory(self, adapter: LocalStorage, root: Path, act: Act) -> None:
        (root / "file").write_bytes(b"content")
        if act is delete_it:
            await act(adapter, "file/inner")
        else:
            with pytest.raises(ObjectNotFound):
                await act(adapter, "file/inner")
        assert (root / "file").read_bytes() == b"content"


class TestTrouble(LocalFixtures):
    @pytest.fixture
    def root(self) -> Iterator[Path]:
        """A root that an ordinary user reaches, unlike pytest's own folders."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            yield Path(folder).resolve() / "root"

    @pytest.mark.usefixtures("as_nobody")
    @pytest.mark.parametrize(
        ("act", "key"),
        [
            pytest.param(open_it, "open/unreadable", id="open_a_file"),
            pytest.param(open_it, "closed/file", id="open_in_a_directory"),
            pytest.param(create_it, "read_only/new", id="create"),
            pytest.param(create_it, "read_only/new/inner", id="create_a_directory"),
            pytest.param(delete_it, "read_only/file", id="delete"),
            pytest.param(list_it, "closed/", id="list"),
        ],
    )
    async def test_what_we_may_not_do_is_access_denied(
        self, adapter: LocalStorage, root: Path, act: Act, key: str
    ) -> None:
        with as_owner_of(root):
            forbid_some_things(root)
        with pytest.raises(AccessDenied):
            await act(adapter, key)

    @pytest.mark.parametrize("mode", [0o555, 0o333, 0o000], ids=["read_only", "unlistable", "closed"])
    async def test_a_root_that_we_may_not_use_fails_the_ping(
        self, adapter: LocalStorage, root: Path, mode: int, request: pytest.FixtureRequest
    ) -> None:
        restrict(root, mode)
        request.getfixturevalue("as_nobody")
        with pytest.raises(AccessDenied):
            await adapter.ping()

    @pytest.mark.parametrize("act", [open_it, create_it, delete_it, list_it])
    async def test_a_root_that_is_gone_is_unavailable_and_says_nothing_of_its_objects(
        self, adapter: LocalStorage, root: Path, act: Act
    ) -> None:
        await create_it(adapter, "a/file")
        lose(root)
        with pytest.raises(StorageUnavailable):
            await act(adapter, "a/file")
        with pytest.raises(StorageUnavailable):
            await adapter.ping()

    async def test_no_descriptor_left_is_unavailable_and_passes(self, adapter: LocalStorage) -> None:
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
            pytest.param(errno.ENOSPC, StorageUnavailable, id="ENOSPC"),
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
    """As whoever owns the root again, for a moment."""
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
    with pytest.raises(ValueError, match="must be a directory we can write to"):
        await connect(root=tmp_path / "file")


async def test_a_negative_number_of_open_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="open_files is -1"):
        await connect(root=tmp_path, open_files=-1)


async def test_the_root_may_itself_be_a_link_and_is_made_if_absent(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    storage = await connect(root=str(tmp_path / "link"))
    await create_it(storage, "file")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"new"
    await storage.close()
