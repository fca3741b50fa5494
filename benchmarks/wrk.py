"""Runs wrk with seeded random ranges, and measures one load from outside the server.

wrk sends the next request when the previous one was answered (a closed loop), so its latencies are those of a server at
full load. `open_loop` measures latencies at a fixed rate.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.corpus import WrongResponse
from benchmarks.cpu import CpuMeter
from benchmarks.target import Target

SCRIPT: Final = Path(__file__).with_name("random_ranges.lua")
RESULT: Final = "RESULT "
LARGE_BYTES: Final = 1 << 20
# An upper bound of the length of a response head.
_HEAD_BYTES: Final = 4096
_GRACE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Load:
    """Random ranges of `length` bytes of a file of `size` bytes; a length of 0 requests the whole file."""

    size: int
    length: int
    connections: int = 32
    seed: int = 1

    @property
    def body_bytes(self) -> int:
        return self.length or self.size

    @property
    def is_large(self) -> bool:
        """Whether only a few responses can be sent in a second."""
        return self.body_bytes > LARGE_BYTES

    @property
    def status(self) -> int:
        return 206 if self.length else 200


def measure(target: Target, load: Load, *, warm_seconds: int, seconds: int) -> dict[str, float]:
    """The values of a row. Large bodies get twice the time. Raises WrongResponse if a response was wrong.

    Large bodies are not checked one by one, because copying them to Lua would take most of the CPU time. As for all loads,
    the number of bytes must fit the number of responses, and `corpus.verify` has compared some responses.
    """
    if not load.is_large:
        _check(target, load)
    if warm_seconds:
        _run(target, load, warm_seconds)
    target.empty_log()
    server = CpuMeter(target.pid)
    database = CpuMeter(target.database_pid) if target.database_pid else None
    result = _run(target, load, 2 * seconds if load.is_large else seconds)
    _refuse_silence(target, result)
    values = _values(result, load, server.nanoseconds())
    if database:
        values["database_us"] = database.nanoseconds() / 1e3 / _count_requests(result, load)
    target.empty_log()
    return values


def _refuse_silence(target: Target, result: Mapping[str, Any]) -> None:
    if not result["requests"]:
        raise WrongResponse(f"{target.server}: no response in {result['seconds']} s")


def _count_requests(result: Mapping[str, float], load: Load) -> float:
    """How many responses were sent. Of large ones, those that were incomplete at the end count as fractions."""
    return result["bytes"] / load.body_bytes if load.is_large else result["requests"]


def _values(result: Mapping[str, float], load: Load, nanoseconds: int) -> dict[str, float]:
    requests, seconds = _count_requests(result, load), result["seconds"]
    return {
        "cpu_us": nanoseconds / 1e3 / requests,
        "cpu_ns_per_kib": nanoseconds / requests / load.body_bytes * 1024,
        "requests_per_second": requests / seconds,
        "mb_per_second": requests * load.body_bytes / seconds / 1e6,
        **{name: result[name] for name in ("p50_ms", "p99_ms", "p999_ms")},
    }


def _check(target: Target, load: Load) -> None:
    """Run for a second and check the status and the length of every response."""
    result = _run(target, load, 1, {"CHECK_LENGTH": str(load.body_bytes)}, connections=2)
    if result["wrong"] or not result["checked"]:
        raise WrongResponse(f"{target.server}: {result['wrong']} of {result['checked']} responses were wrong")


def _run(
    target: Target, load: Load, seconds: int, more: Mapping[str, str] | None = None, *, connections: int | None = None
) -> dict[str, Any]:
    command = ["wrk", "--threads", "1", "--connections", str(connections or load.connections)]
    command += ["--duration", f"{seconds}s", "--timeout", "30s", "--script", str(SCRIPT), target.url]
    done = subprocess.run(
        command,
        env={**os.environ, **_environ(target, load), **(more or {})},
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + _GRACE_SECONDS,
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(RESULT)]
    result: dict[str, Any] = json.loads(line.removeprefix(RESULT))
    _refuse_failures(target, load, result, connections or load.connections)
    return result


def _environ(target: Target, load: Load) -> dict[str, str]:
    return {
        "RANGE_LENGTH": str(load.length),
        "OBJECT_SIZE": str(load.size),
        "RANGE_SEED": str(load.seed),
        "EXPECTED_STATUS": str(load.status),
        "REQUEST_HEADERS": "\n".join(f"{name}: {value}" for name, value in target.headers.items()),
    }


def _refuse_failures(target: Target, load: Load, result: Mapping[str, Any], connections: int) -> None:
    """Check wrk's count of error statuses and broken connections, and that the bytes received fit the responses."""
    requests, each = result["requests"], load.body_bytes
    least, most = requests * each, (requests + connections) * (each + _HEAD_BYTES)
    if result["failed"] or not least <= result["bytes"] <= most:
        raise WrongResponse(f"{target.server}: {dict(result)} for bodies of {each} bytes")
