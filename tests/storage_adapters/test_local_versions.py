"""What a reader sees of a file that changes, and where its file pieces are."""

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from storage_adapters.base import FilePiece, ObjectChanged, ZeroCopy
from storage_adapters.local import LocalStorage
from storage_adapters.local.open_files import open_object
from tests.contracts.storage_helpers import LARGE, Put, read_span, read_whole
from tests.storage_adapters.local_storage import LocalFixtures


def truncate(path: Path) -> None:
    os.truncate(path, 1_000_000)


def truncate_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def overwrite_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(2_000_000)
        file.write(b"other bytes of the same size")


class TestChanges(LocalFixtures):
    @pytest.mark.parametrize("change", [truncate, truncate_to_nothing, append, overwrite_in_place])
    async def test_a_file_that_is_changed_in_place_under_a_reader_is_noticed(
        self, adapter: LocalStorage, root: Path, put: Put, change: Callable[[Path], None]
    ) -> None:
        await put("file", LARGE)
        async with adapter.open("file") as stored, aclosing(stored.read(0, len(LARGE))) as chunks:
            seen = await anext(chunks)
            change(root / "file")
            with pytest.raises(ObjectChanged) as caught:
                seen += await read_rest(chunks)
        assert LARGE.startswith(seen)
        assert caught.value.key == "file"

    @pytest.mark.parametrize("change", [truncate, append, overwrite_in_place])
    async def test_the_next_reader_sees_the_changed_file(
        self, adapter: LocalStorage, root: Path, put: Put, change: Callable[[Path], None]
    ) -> None:
        await put("file", LARGE)
        async with adapter.open("file") as stored:
            before = stored.stat
        change(root / "file")
        async with adapter.open("file") as stored:
            assert stored.stat.etag != before.etag
        assert await read_whole(adapter, "file") == contents(root / "file")

    async def test_a_file_that_ends_before_its_size_is_an_error_and_not_read_for_ever(self) -> None:
        """As on sysfs, where every file claims a page."""
        stored = open_object(Path("/sys/kernel"), "fscaps")
        with pytest.raises(ObjectChanged):
            await read_span(stored, 0, stored.stat.size)
        stored.close()

    async def test_old_and_new_version_can_be_read_side_by_side(self, adapter: LocalStorage, put: Put) -> None:
        await put("file", LARGE)
        async with adapter.open("file") as old:
            await put("file", LARGE[::-1])
            async with adapter.open("file") as new:
                assert await read_span(new, 0, len(LARGE)) == LARGE[::-1]
            assert await read_span(old, 0, len(LARGE)) == LARGE
            assert old.stat.etag != new.stat.etag

    async def test_the_same_size_and_time_in_another_file_is_another_version(
        self, adapter: LocalStorage, root: Path, put: Put
    ) -> None:
        etags = set()
        for content in (b"one", b"two"):
            await put("file", content)
            os.utime(root / "file", ns=(1, 1_700_000_000_000_000_000))
            async with adapter.open("file") as stored:
                etags.add(stored.stat.etag)
                assert await read_span(stored, 0, 3) == content
        assert len(etags) == 2

    async def test_the_etag_is_time_size_and_inode(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        await put("file", b"content")
        os.utime(root / "file", ns=(0, 0x1234))
        async with adapter.open("file") as stored:
            assert stored.stat.etag == f"1234-7-{inode(root / 'file'):x}"
            assert stored.stat.content_type is None


class TestFilePieces(LocalFixtures):
    async def test_a_file_piece_is_the_span_in_the_open_file(self, adapter: LocalStorage, put: Put) -> None:
        await put("file", LARGE)
        async with adapter.open("file") as stored:
            assert isinstance(stored, ZeroCopy)
            piece = stored.file_piece(1000, 2000)
            assert piece == FilePiece(stored.fd, 1000, 2000)
            assert os.pread(piece.fd, piece.length, piece.offset) == LARGE[1000:3000]

    async def test_there_is_no_piece_of_nothing(self, adapter: LocalStorage, put: Put) -> None:
        await put("file", b"content")
        async with adapter.open("file") as stored:
            assert stored.file_piece(7, 0) is None

    async def test_a_piece_outside_the_object_is_a_value_error(self, adapter: LocalStorage, put: Put) -> None:
        await put("file", b"content")
        async with adapter.open("file") as stored:
            with pytest.raises(ValueError):
                stored.file_piece(0, 8)


async def read_rest(chunks: AsyncGenerator[bytes, None]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def contents(path: Path) -> bytes:
    return path.read_bytes()


def inode(path: Path) -> int:
    return path.stat().st_ino
