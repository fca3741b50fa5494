"""What the kernel says a server costs: CPU time and memory of its processes.

Knows: /proc of Linux. Refuses to know: which server it is, and what it was asked.

CPU time is the sum of `/proc/PID/task/*/schedstat` (nanoseconds on a CPU), exact to the context switch where
`stat` counts ticks of 10 ms. A thread that ends takes its time with it: the servers here keep their threads.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def process_tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            children.setdefault(_parent(folder), []).append(int(folder.name))
    found = [pid]
    for each in found:  # grows while it is walked
        found += children.get(each, [])
    return found


def _parent(folder: Path) -> int:
    # The command's name, in parentheses, may hold anything: what follows the last one is regular (proc(5)).
    return int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])


def cpu_nanoseconds(pids: Iterable[int]) -> int:
    """Time that these processes have spent on a CPU."""
    total = 0
    for pid in pids:
        for schedstat in _PROC.glob(f"{pid}/task/*/schedstat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                total += int(schedstat.read_text().split()[0])
    return total


def memory_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes, pages that several share counted once (PSS)."""
    return sum(_proportional_bytes(_PROC / str(pid) / "smaps_rollup") for pid in pids)


def _proportional_bytes(path: Path) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in path.read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "Pss":
                return int(rest.split()[0]) * 1024
    return 0


class CpuMeter:
    """CPU time of a server's processes since the meter was made."""

    def __init__(self, pid: int) -> None:
        self._pids = process_tree(pid)
        self._before = cpu_nanoseconds(self._pids)

    def nanoseconds(self) -> int:
        return cpu_nanoseconds(self._pids) - self._before
