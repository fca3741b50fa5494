"""CPU time and memory of a server's processes, read from /proc.

CPU time is the sum of `/proc/PID/task/*/schedstat` (nanoseconds on a CPU), which is exact to the context switch, whereas
`stat` counts ticks of 10 ms. The time of a thread that ended is lost; the servers here keep their threads.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def process_tree(pid: int) -> list[int]:
    """The PIDs of a process and of all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            children.setdefault(_parent(folder), []).append(int(folder.name))
    found = [pid]
    for each in found:  # the list grows during the iteration
        found += children.get(each, [])
    return found


def _parent(folder: Path) -> int:
    # The command's name is in parentheses and may contain any character, so parse after the last one (proc(5)).
    return int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])


def cpu_nanoseconds(pids: Iterable[int]) -> int:
    """The time that the threads of these processes have spent on a CPU."""
    total = 0
    for pid in pids:
        for schedstat in _PROC.glob(f"{pid}/task/*/schedstat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                total += int(schedstat.read_text().split()[0])
    return total


def memory_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes; a page that several of them share counts once (PSS)."""
    return sum(_proportional_bytes(_PROC / str(pid) / "smaps_rollup") for pid in pids)


def _proportional_bytes(path: Path) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in path.read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "Pss":
                return int(rest.split()[0]) * 1024
    return 0


class CpuMeter:
    """Measures the CPU time of a server's processes since the meter was created."""

    def __init__(self, pid: int) -> None:
        self._pids = process_tree(pid)
        self._before = cpu_nanoseconds(self._pids)

    def nanoseconds(self) -> int:
        return cpu_nanoseconds(self._pids) - self._before
