"""Estimates which bytes of a file are in the page cache, and reads others into it.

`is_resident` runs on the event loop: it makes a few system calls and never waits. `read_ahead` blocks and runs in any
thread.

Two system calls are combined. `cachestat` (Linux 6.5) counts the pages in the cache, including those still being read.
`preadv2(RWF_NOWAIT)` copies a byte from a page that has been read, or fails with EAGAIN. Alone it does not suffice: on
a missing page it starts a read, and waits for room in the disk's queue (0.3 s and more, measured beside one client of a
cold file). Without `cachestat`, only `preadv2` is used.

If the kernel does not report it, the result is "not resident", which is safe: a needless thread costs 50 µs, a network
file system that blocks the event loop costs seconds. The only exception is a file system in memory (tmpfs refuses
RWF_NOWAIT and never waits); the mount table identifies it and is read once for each device.
"""

import ctypes
import mmap
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from errno import EOPNOTSUPP
from functools import lru_cache
from pathlib import Path
from typing import Final

STRIDE: Final = 128 * 1024
"""Bytes between two probes without `cachestat`, and the size of a read in `read_ahead`: the kernel's own read-ahead."""

REQUEST_BYTES: Final = 512 * 1024
"""The size of one request in `read_ahead`. The kernel occupies a core for about 0.2 ms with it."""

REQUESTED_BYTES: Final = 4 * REQUEST_BYTES
"""How far ahead of its reads `read_ahead` requests."""

PROBE_STRIDE: Final = 1024 * 1024
"""Bytes between two probes with `cachestat`."""

MOUNT_TABLE: Final = Path("/proc/self/mountinfo")
IN_MEMORY: Final = frozenset({"tmpfs", "ramfs", "hugetlbfs"})

PAGE: Final = mmap.PAGESIZE


def _find_cachestat() -> Callable[..., int] | None:
    """The C function `syscall`, called without releasing the interpreter lock, since `cachestat` never waits."""
    if not sys.platform.startswith("linux"):
        return None
    call = ctypes.PyDLL(None).syscall
    call.restype = ctypes.c_long
    return call


_CACHESTAT_NUMBER: Final = ctypes.c_long(451)  # everywhere but on Alpha
CACHESTAT: Final = _find_cachestat()

NOWAIT: Final[int | None] = getattr(os, "RWF_NOWAIT", None)
"""None on systems without it (macOS)."""


def is_resident(fd: int, offset: int, length: int) -> bool:
    """Whether these bytes can probably be read without waiting (6 µs for 64 KiB, 20 µs for 1 MiB).

    Checks that every page is present, and probes the last byte, which the kernel reads last; for more than STRIDE
    bytes, also the first byte of each PROBE_STRIDE. Without `cachestat` it probes the last byte and one byte every
    STRIDE. The result is an estimate: pages can be evicted a moment later, and pages between probes can still be
    being read.
    """
    if length <= 0:
        return True
    last = offset + length - 1
    present = count_present(fd, offset, length)
    if NOWAIT is None or (
        present is not None and present <= last // PAGE - offset // PAGE and _misses_page(fd, offset, length, present)
    ):
        return False
    try:
        if length > STRIDE or present is None:
            for position in range(offset, last, STRIDE if present is None else PROBE_STRIDE):
                os.preadv(fd, _PROBE, position, NOWAIT)
        os.preadv(fd, _PROBE, last, NOWAIT)
    except OSError as error:
        return error.errno == EOPNOTSUPP and is_in_memory(os.fstat(fd).st_dev)
    return True


# The arguments of the system call, allocated once: allocating them costs more than the call. They are `struct
# cachestat_range` and `struct cachestat` of linux/mman.h; the latter's first field is the number of pages in the cache.
_range: Final = (ctypes.c_uint64 * 2)()
_counts: Final = (ctypes.c_uint64 * 5)()
_RANGE: Final = ctypes.byref(_range)
_COUNTS: Final = ctypes.byref(_counts)
# The buffer of all probes; its content is not used.
_PROBE: Final = [bytearray(1)]


def count_present(fd: int, offset: int, length: int) -> int | None:
    """The number of cached pages of these bytes (at least one byte); None if the kernel does not report it."""
    if CACHESTAT is None:
        return None
    _range[0], _range[1] = offset, length
    if CACHESTAT(_CACHESTAT_NUMBER, fd, _RANGE, _COUNTS, 0):
        return None  # an older kernel, a file of another account, or a file system without a cache
    return _counts[0]


def _misses_page(fd: int, offset: int, length: int, present: int) -> bool:
    """Whether `present` is less than the number of pages of these bytes, up to the end of the file."""
    end = min(offset + length, os.fstat(fd).st_size)
    return end > offset and present < (end - 1) // PAGE - offset // PAGE + 1


def read_ahead(fd: int, offset: int, length: int) -> None:
    """Read these bytes into the page cache; blocks while the disk reads.

    No system call occupies the core for long, because the event loop may be waiting for it. Stops without an error at
    the end of the file. Raises OSError if the disk cannot read.
    """
    scratch = memoryview(bytearray(min(STRIDE, max(length, 0))))
    requested, end = offset, offset + length
    while offset < end:
        while requested < min(offset + REQUESTED_BYTES, end):
            requested += _request(fd, requested, min(REQUEST_BYTES, end - requested))
        count = os.preadv(fd, [scratch[: end - offset]], offset)
        if count == 0:
            return
        offset += count


def _request(fd: int, offset: int, length: int) -> int:
    """Ask the kernel to begin reading these bytes. Returns their number."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # this is only advice; the reads do the work
            os.posix_fadvise(fd, offset, length, os.POSIX_FADV_WILLNEED)
    return length


@lru_cache(maxsize=64)
def is_in_memory(device: int) -> bool:
    """Whether the device (a `st_dev`) is a file system in memory.

    Cached for the life of the process. If another file system gets the same device number meanwhile, the estimate is
    wrong, but never the bytes.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        lines = MOUNT_TABLE.read_text(encoding="utf-8", errors="replace").splitlines()
        return any(find_type(line) in IN_MEMORY for line in lines if line.split()[2] == number)
    return False


def find_type(line: str) -> str:
    """The file system's type in a line of the mount table: the first word after the separator ` - ` (proc(5))."""
    return line.partition(" - ")[2].partition(" ")[0]
