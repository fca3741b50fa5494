"""No symbolic link leads out of the root, not even in a race."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage_adapters.base import InvalidKey, ObjectNotFound, StorageError, StorageUnavailable
from storage_adapters.local import LocalStorage
from storage_adapters.local.paths import open_directory, open_in_directory
from tests.contracts.storage_helpers import read_whole
from tests.storage_adapters.local_operations import Operation, create_it, delete_it, open_it
from tests.storage_adapters.local_storage import LocalFixtures, count_open

SECRET = b"a file outside the root"

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

    @pytest.mark.parametrize("operation", [create_it, delete_it])
    async def test_nothing_is_changed_through_a_link_that_leads_out(
        self, adapter: LocalStorage, root: Path, outside: Path, operation: Operation
    ) -> None:
        (root / "link").symlink_to(outside)
        for key in ("link/secret", "link/new/file"):
            with pytest.raises(InvalidKey):
                await operation(adapter, key)
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

    async def test_a_link_that_is_changed_to_lead_out_of_the_root_is_refused_immediately(
        self, adapter: LocalStorage, root: Path, outside: Path
    ) -> None:
        (root / "file").write_bytes(b"inside")
        (root / "link").symlink_to("file")
        assert await read_whole(adapter, "link") == b"inside"
        (root / "link").unlink()
        (root / "link").symlink_to(outside / "secret")
        with pytest.raises(InvalidKey):
            await open_it(adapter, "link")

    def test_a_directory_that_became_a_link_since_it_was_resolved_is_not_entered(
        self, tmp_path: Path, outside: Path
    ) -> None:
        (tmp_path / "link").symlink_to(outside)
        with pytest.raises(NotADirectoryError), open_directory(tmp_path, "link/secret", ["link"]):
            pytest.fail("the link was followed")

    def test_a_file_that_became_a_link_since_it_was_examined_is_not_followed(
        self, tmp_path: Path, outside: Path
    ) -> None:
        (tmp_path / "link").symlink_to(outside / "secret")
        with open_directory(tmp_path, "link", []) as directory, pytest.raises(OSError, match="symbolic links"):
            open_in_directory("link", "link", directory)

    def test_a_file_that_became_a_fifo_since_it_was_examined_blocks_no_reader(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        with open_directory(tmp_path, "fifo", []) as directory:
            before = count_open(tmp_path)
            with pytest.raises(InvalidKey, match="no regular file"):
                open_in_directory("fifo", "fifo", directory)
            assert count_open(tmp_path) == before

    @pytest.mark.parametrize("key", ["swapped", "directory/secret"])
    async def test_no_race_leads_out_of_the_root(
        self, adapter: LocalStorage, root: Path, outside: Path, key: str
    ) -> None:
        """A thread swaps files, FIFOs and links in and out while we open: inside bytes or an error, never the secret."""
        seen: set[bytes | type[StorageError]] = set()
        with swapping(root, outside):
            # On a busy machine the thread may hold one state for long: on until the file was seen, too.
            for attempt in range(20_000):
                try:
                    seen.add(await asyncio.wait_for(read_whole(adapter, key), timeout=60))
                except StorageError as error:
                    seen.add(type(error))
                if attempt >= 400 and b"inside" in seen:
                    break
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
