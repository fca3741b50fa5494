"""Confines a decoding process before it reads the first byte of a file.

The process keeps standard input, output and error, and bounded memory and CPU time. It cannot open or write files,
start processes or threads, or gain privileges; if root started it, it becomes another user in an empty root folder.
With only a limit on their number, a process that was taken over could close one and open a file or a socket instead.
If libseccomp is installed, the kernel therefore refuses every system call that decoding does not need.
"""

import ctypes
import os
import resource
import signal
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

_MEMORY_BYTES: Final = 1 << 30
_NOBODY: Final = 65_534
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
# SCMP_ACT_ALLOW, and SCMP_ACT_ERRNO with EPERM.
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050001
# Reading and writing open descriptors, memory, time, locks of running threads, and exit.
_SYSTEM_CALLS: Final = (
    *("read", "write", "readv", "writev", "lseek", "close", "fstat", "poll", "ppoll"),
    *("brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "membarrier", "sysinfo"),
    *("clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "times", "getrusage", "getrandom"),
    *("futex", "sched_yield", "sched_getaffinity", "getpid", "gettid", "rseq"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "exit", "exit_group"),
)


def prepare() -> None:
    """Do what `confine` needs once, for all processes that are forked from this one."""
    _load_seccomp()
    with suppress(OSError):
        tempfile.gettempdir()  # tries the folder out


def confine(cpu_seconds: int, niceness: int) -> None:
    """Give up everything that decoding does not need. Nothing can be imported after this."""
    os.nice(niceness)
    seccomp = _load_seccomp()
    if os.geteuid() == 0:
        # Root in a container may lack these rights, or a folder for temporary files: then the step is skipped.
        with suppress(OSError):
            _leave_the_file_system()
        with suppress(OSError):
            os.setgroups([])
        with suppress(OSError):
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        with suppress(OSError):
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _limit(resource.RLIMIT_AS, _MEMORY_BYTES)
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    _limit(resource.RLIMIT_NOFILE, 3)
    for forbidden in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        _limit(forbidden, 0)
    _set_process_flags()
    if seccomp is not None:
        _refuse_system_calls(seccomp)


@cache
def _load_seccomp() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return None


def _refuse_system_calls(seccomp: ctypes.CDLL) -> None:
    """Refuse all but _SYSTEM_CALLS, irrevocably. If the kernel does not accept the filter, nothing is refused."""
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(_REFUSE))
    for name in _SYSTEM_CALLS:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # not every architecture has every call
            seccomp.seccomp_rule_add_array(rules, _ALLOW, number, 0, None)
    seccomp.seccomp_load(rules)


def _leave_the_file_system() -> None:
    """Make an empty folder, which is already removed, the root folder."""
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    Path(folder).rmdir()
    os.chroot(".")


def _limit(what: int, value: int) -> None:
    with suppress(ValueError, OSError):  # not every system has every limit
        resource.setrlimit(what, (value, value))


def _set_process_flags() -> None:
    """Die with the fork server, gain no privileges by execve, and deny access to other processes of this account."""
    with suppress(OSError, AttributeError):  # only Linux has prctl
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
