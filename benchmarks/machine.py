"""Describes the machine and the software of a run: processor, kernel, versions, commit, load."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parent.parent
PEER_PYTHON: Final = REPOSITORY / ".venv-bench" / "bin" / "python"
_PACKAGES: Final = ("aiohttp", "uvloop", "asyncpg", "orjson")
_PEER_PACKAGES: Final = ("starlette", "uvicorn", "httptools", "uvloop")


def describe_machine() -> dict[str, str]:
    """What a reader needs to know before comparing a run with another."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": _memory(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load average before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        **{name: _version(name) for name in _PACKAGES},
        **_peer_versions(),
        "nginx": _found(["nginx", "-v"], r"nginx/(\S+)"),
        "wrk": _found(["wrk", "-v"], r"wrk (\S+)"),
    }


def _commit() -> str:
    commit = _found(["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"], r"(\w+)")
    # The files that a benchmark writes are not part of what it measures.
    others = ["--", ".", ":!benchmarks/results", ":!README.md", ":!docs/performance.md"]
    changed = _found(["git", "-C", str(REPOSITORY), "status", "--porcelain", "--untracked-files=no", *others], r"(\S+)")
    return commit if changed == "none" else f"{commit} with changes"


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _peer_versions() -> dict[str, str]:
    """Versions in the peers' own environment."""
    program = f"from importlib.metadata import version\nfor name in {_PEER_PACKAGES}: print(version(name))"
    text = _output([str(PEER_PYTHON), "-c", program])
    return {f"{name} (peer)": found for name, found in zip(_PEER_PACKAGES, text.split(), strict=False)}


def _found(command: list[str], pattern: str) -> str:
    found = re.search(pattern, _output(command))
    return found[1] if found else "none"


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except OSError:
        return ""
    return done.stdout + done.stderr  # nginx and wrk write their version to standard error
