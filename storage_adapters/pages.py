"""The page cache: which bytes of a file can be sent without waiting for a disk.

Knows: resident pages, and how to make them resident. Refuses to know: keys, sockets, event loops.
`is_resident` is for the event loop: a system call or a few, never a wait. `read_ahead` is for a thread.

The kernel is asked with `preadv2(RWF_NOWAIT)`: it copies a byte from a resident page, or says EAGAIN (and
may begin to read that page by itself).
Where it cannot say, the answer is the safe one, "not resident": a needless thread costs 50 µs, a network
file system that blocks the event loop costs seconds. The one exception is a file system that lies in
memory (tmpfs refuses RWF_NOWAIT and never waits); the mount table tells, once per device.
"""

import os
from contextlib import suppress
from errno import EOPNOTSUPP
from functools import lru_cache
from pathlib import Path
from typing import Final

STRIDE: Final = 128 * 1024
"""Bytes between two probes, and of scratch to read ahead with: the kernel's own read-ahead window."""

MOUNT_TABLE: Final = Path("/proc/self/mountinfo")
IN_MEMORY: Final = frozenset({"tmpfs", "ramfs", "hugetlbfs"})

NOWAIT: Final[int | None] = getattr(os, "RWF_NOWAIT", None)
"""None on systems without it (macOS)."""


def is_resident(fd: int, offset: int, length: int) -> bool:
    """Whether these bytes can, by all signs, be read without waiting (about 1 µs per 128 KiB).

    Probes the first byte, the last, and one every 128 KiB between them. Pages can be evicted a
    moment later and gaps between probes can be cold: the answer is an estimate, never a promise.
    """
    if length <= 0:
        return True
    if NOWAIT is None:
        return False
    probe = [bytearray(1)]
    try:
        for position in range(offset, offset + length, STRIDE):
            os.preadv(fd, probe, position, NOWAIT)
        os.preadv(fd, probe, offset + length - 1, NOWAIT)
    except OSError as error:
        return error.errno == EOPNOTSUPP and lies_in_memory(os.fstat(fd).st_dev)
    return True


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
    """Whether the device (a `st_dev`) is a file system without a disk behind it.

    Remembered for the life of the process: a device number that is given to another file system
    meanwhile makes a wrong estimate, not a wrong byte.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError):
        lines = MOUNT_TABLE.read_text(encoding="utf-8", errors="replace").splitlines()
        return any(find_type(line) in IN_MEMORY for line in lines if line.split()[2] == number)
    return False


def find_type(line: str) -> str:
    """The file system's type in a line of the mount table: the first word behind the lone hyphen (proc(5))."""
    return line.partition(" - ")[2].partition(" ")[0]
