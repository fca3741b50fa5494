"""The page cache: which bytes of a file can be sent without waiting for a disk.

`is_resident` is for the event loop's one thread: a system call or a few, never a wait. `read_ahead` is for any thread.

The kernel is asked twice. `cachestat` (Linux 6.5) counts the pages that are in the cache, also those that are
still being read. `preadv2(RWF_NOWAIT)` copies a byte from a page that has been read, or says EAGAIN; alone it
would not do, since on a missing page it begins to read, and waits for room in the disk's queue (0.3 s and more,
measured beside one client of a cold file). Where there is no `cachestat`, that is what is left.
Where it cannot say, the answer is the safe one, "not resident": a needless thread costs 50 µs, a network
file system that blocks the event loop costs seconds. The one exception is a file system that is in
memory (tmpfs refuses RWF_NOWAIT and never waits); the mount table says so, read once for each device.
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
"""Bytes between two probes, and of scratch to read ahead with: the kernel's own read-ahead window."""

PROBE_STRIDE: Final = 1024 * 1024
"""Bytes between two probes where the kernel counts the pages that are in the cache."""

MOUNT_TABLE: Final = Path("/proc/self/mountinfo")
IN_MEMORY: Final = frozenset({"tmpfs", "ramfs", "hugetlbfs"})

PAGE: Final = mmap.PAGESIZE


def _find_cachestat() -> Callable[..., int] | None:
    """The system call, without letting the interpreter's lock go: it never waits."""
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
    """Whether these bytes can, by all signs, be read without waiting (6 µs for 64 KiB, 20 µs for 1 MiB).

    Looks at every page's presence, and probes the last byte, which is read last; of more than STRIDE, the first byte
    of each PROBE_STRIDE too. Without `cachestat` it probes one every STRIDE. Pages can be evicted a moment later, and some between probes
    can still be being read: the answer is an estimate, never a promise.
    """
    if length <= 0:
        return True
    present = count_present(fd, offset, length)
    if NOWAIT is None or (
        present is not None and present * PAGE <= length and _misses_page(fd, offset, length, present)
    ):
        return False
    try:
        if present is None or length > STRIDE:
            for position in range(offset, offset + length, STRIDE if present is None else PROBE_STRIDE):
                os.preadv(fd, _PROBE, position, NOWAIT)
        os.preadv(fd, _PROBE, offset + length - 1, NOWAIT)
    except OSError as error:
        return error.errno == EOPNOTSUPP and lies_in_memory(os.fstat(fd).st_dev)
    return True


# One question and its answer, made once: making them costs more than asking. `struct cachestat_range` and `struct
# cachestat` of linux/mman.h; the latter's first field is the number of pages in the cache.
_asked: Final = (ctypes.c_uint64 * 2)()
_counted: Final = (ctypes.c_uint64 * 5)()
_ASKED: Final = ctypes.byref(_asked)
_COUNTED: Final = ctypes.byref(_counted)
# What a probe reads, nobody looks at.
_PROBE: Final = [bytearray(1)]


def count_present(fd: int, offset: int, length: int) -> int | None:
    """How many pages of these bytes (at least one) are in the cache; None where the kernel does not say."""
    if CACHESTAT is None:
        return None
    _asked[0], _asked[1] = offset, length
    if CACHESTAT(_CACHESTAT_NUMBER, fd, _ASKED, _COUNTED, 0):
        return None  # an older kernel, another's file, or a file system without a cache
    return _counted[0]


def _misses_page(fd: int, offset: int, length: int, present: int) -> bool:
    """Whether these are fewer pages than the bytes need; what is after the file's end needs none."""
    end = min(offset + length, os.fstat(fd).st_size)
    return end > offset and present < (end - 1) // PAGE - offset // PAGE + 1


def read_ahead(fd: int, offset: int, length: int) -> None:
    """Fault the pages of these bytes in; blocks for as long as the disk takes.

    Stops without a word where the file ends. Raises OSError if the disk cannot read.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # advice; the reads below do the work
            os.posix_fadvise(fd, offset, length, os.POSIX_FADV_WILLNEED)
    scratch = memoryview(bytearray(min(STRIDE, max(length, 0))))
    end = offset + length
    while offset < end:
        count = os.preadv(fd, [scratch[: end - offset]], offset)
        if count == 0:
            return
        offset += count


@lru_cache(maxsize=64)
def lies_in_memory(device: int) -> bool:
    """Whether the device (a `st_dev`) is a file system without a disk.

    Remembered for the life of the process: a device number that is given to another file system
    meanwhile makes a wrong estimate, not a wrong byte.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        lines = MOUNT_TABLE.read_text(encoding="utf-8", errors="replace").splitlines()
        return any(find_type(line) in IN_MEMORY for line in lines if line.split()[2] == number)
    return False


def find_type(line: str) -> str:
    """The file system's type in a line of the mount table: the first word after the lone hyphen (proc(5))."""
    return line.partition(" - ")[2].partition(" ")[0]
