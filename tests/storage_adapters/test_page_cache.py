"""Which bytes are in the page cache, asked without waiting. Linux, on a disk: the tests make pages cold."""

import ctypes
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage_adapters.page_cache import REQUESTED_BYTES, STRIDE, count_present, find_type, is_resident, read_ahead

SIZE = REQUESTED_BYTES + 4 * STRIDE
LIBC = ctypes.CDLL(None)


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    """A file of SIZE bytes on disk, none of it in the page cache."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE))
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)  # a read fetches what it asks for and no more
    evict(descriptor)
    yield descriptor
    os.close(descriptor)


def evict(fd: int) -> None:
    """Make the whole file cold. The kernel keeps pages that it is busy with, so it is asked until none is left."""
    for _ in range(10_000):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        if not any(pages_in_cache(fd)):
            return
    pytest.fail("the file stays in the page cache")


def pages_in_cache(fd: int) -> list[bool]:
    """For each page of the file whether it is in the page cache, by mincore(2), which touches nothing."""
    with mmap.mmap(fd, SIZE, flags=mmap.MAP_PRIVATE) as mapped:
        pages = (ctypes.c_ubyte * (SIZE // mmap.PAGESIZE))()
        start = (ctypes.c_char * SIZE).from_buffer(mapped)
        failed = LIBC.mincore(ctypes.byref(start), ctypes.c_size_t(SIZE), pages)
        del start  # the mapping cannot be closed while it is pointed into
    assert not failed
    return [bool(page & 1) for page in pages]


class TestResidence:
    def test_a_file_that_was_read_is_resident(self, fd: int) -> None:
        os.pread(fd, SIZE, 0)
        assert is_resident(fd, 0, SIZE)
        assert is_resident(fd, 1, SIZE - 1)

    @pytest.mark.parametrize(
        ("offset", "length"),
        [
            pytest.param(0, SIZE, id="everything"),
            pytest.param(0, mmap.PAGESIZE, id="the_first_page"),
            pytest.param(4 * STRIDE, mmap.PAGESIZE, id="a_page_at_a_stride"),
            pytest.param(3 * STRIDE + mmap.PAGESIZE, STRIDE, id="a_stride_anywhere"),
            pytest.param(SIZE - mmap.PAGESIZE, mmap.PAGESIZE, id="the_last_page"),
        ],
    )
    def test_a_range_with_a_page_that_is_not_in_memory_is_not_resident(self, fd: int, offset: int, length: int) -> None:
        """Asking may begin to read a hole, and a quick disk may have filled it by the time of the answer."""
        os.pread(fd, offset, 0)
        os.pread(fd, SIZE, offset + length)
        if is_resident(fd, 0, SIZE):
            cached = pages_in_cache(fd)
            assert cached[-1]
            assert all(cached[:: STRIDE // mmap.PAGESIZE])

    def test_pages_beside_the_range_do_not_matter(self, fd: int) -> None:
        os.pread(fd, SIZE, STRIDE)
        assert is_resident(fd, STRIDE, SIZE - STRIDE)

    def test_asking_whether_a_hole_is_resident_reads_nothing(self, fd: int) -> None:
        if count_present(fd, 0, SIZE) is None:
            pytest.skip("cannot run here: this kernel has no cachestat (Linux 6.5)")
        assert not is_resident(fd, 0, SIZE)
        assert count_present(fd, 0, SIZE) == 0

    def test_an_empty_range_is_resident(self, fd: int) -> None:
        assert is_resident(fd, 0, 0)

    def test_a_range_after_the_end_of_the_file_is_resident(self, fd: int) -> None:
        assert is_resident(fd, SIZE, 100)

    def test_a_file_in_memory_is_resident(self) -> None:
        with tempfile.TemporaryFile(dir="/dev/shm") as file:
            file.write(bytes(SIZE))
            file.flush()
            assert is_resident(file.fileno(), 0, SIZE)

    def test_a_file_that_the_kernel_knows_nothing_about_is_not_resident(self) -> None:
        with Path("/proc/version").open("rb") as file:
            assert not is_resident(file.fileno(), 0, 10)

    def test_a_closed_descriptor_is_not_resident(self) -> None:
        assert not is_resident(-1, 0, 10)


class TestReadingAhead:
    @pytest.mark.parametrize(
        ("offset", "length"),
        [
            pytest.param(0, SIZE, id="all"),
            pytest.param(1, 1, id="one_byte"),
            pytest.param(STRIDE - 1, STRIDE + 2, id="across_strides"),
            pytest.param(SIZE - 1, 1, id="the_last_byte"),
            pytest.param(SIZE - 10, 1000, id="beyond_the_end"),
        ],
    )
    def test_a_range_that_was_read_ahead_is_resident(self, fd: int, offset: int, length: int) -> None:
        pages = slice(offset // mmap.PAGESIZE, (offset + length - 1) // mmap.PAGESIZE + 1)
        assert not any(pages_in_cache(fd)[pages])
        read_ahead(fd, offset, length)
        assert all(pages_in_cache(fd)[pages])

    @pytest.mark.parametrize(("offset", "length"), [(0, 0), (SIZE, 1), (SIZE * 2, SIZE)])
    def test_reading_ahead_of_nothing_is_nothing(self, fd: int, offset: int, length: int) -> None:
        read_ahead(fd, offset, length)

    def test_an_error_is_raised_in_the_caller(self) -> None:
        with pytest.raises(OSError, match="Bad file descriptor"):
            read_ahead(-1, 0, 1)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        pytest.param("26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw", "ext4", id="one_optional_field"),
        pytest.param("27 26 0:25 / /dev/shm rw - tmpfs tmpfs rw", "tmpfs", id="no_optional_field"),
        pytest.param("28 26 0:30 / /a-b rw shared:2 master:3 - overlay none rw", "overlay", id="several"),
    ],
)
def test_the_mount_table_has_the_type(line: str, kind: str) -> None:
    assert find_type(line) == kind
