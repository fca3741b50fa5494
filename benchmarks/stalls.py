"""The event loop's longest stall while a file is read that is not in the page cache.

A response that reads no storage (`/livez`) waits only for the event loop, so its latency shows stalls. The reader is curl,
in its own process and at the rate of a gigabit link: an unlimited reader, or one in this process, would take CPU time
from the client that measures. The same measurement while a file in memory is read, and while no file is read, shows what
the machine and the client add.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Final

from benchmarks.corpus import Corpus, WrongAnswer
from benchmarks.open_loop import measure_open_loop
from benchmarks.seekgate import Gateway
from benchmarks.target import Target, ask
from benchmarks.wrk import Load
from storage_adapters.page_cache import is_resident

_RATE: Final = 500
_BYTES_PER_SECOND: Final = "100M"
"""100 MB/s, in curl's notation."""

Reading = Callable[[], AbstractContextManager[None]]


def measure_stalls(gateway: Gateway, corpus: Corpus, *, seconds: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Latencies (ms) of `/livez` while no file is read, then while one is read from memory, then from disk.

    Each is the worst of `seconds` passes of one second. The last is left out if the file cannot be evicted (a file system in
    memory).
    """
    reading = partial(_reading, gateway.by_key())
    yield "no", _worst([_pass(gateway, nullcontext) for _ in range(seconds)])
    yield "resident", _worst([_pass(gateway, reading) for _ in range(seconds)])
    if _evicts(corpus):
        yield "cold", _worst([_pass(gateway, reading) for _ in range(seconds) if _evicts(corpus)])


def _pass(gateway: Gateway, reading: Reading) -> dict[str, float]:
    probe = gateway.at("seekgate", "/livez", with_key=False)
    load = Load(len(ask(probe).body), 0, connections=8)
    with reading():
        return measure_open_loop(probe, load, rate=_RATE, seconds=1)


@contextmanager
def _reading(target: Target) -> Iterator[None]:
    """Let curl read the file during the block."""
    command = ["curl", "--silent", "--fail", "--limit-rate", _BYTES_PER_SECOND, "--output", os.devnull]
    with tempfile.TemporaryFile() as headers:
        headers.writelines(f"{name}: {value}\n".encode() for name, value in target.headers.items())
        headers.seek(0)
        curl = subprocess.Popen([*command, "--header", "@-", target.url], stdin=headers)
    try:
        yield
        if curl.poll():
            raise WrongAnswer(f"{target.server}: curl ended with {curl.returncode} beside the measurement of stalls")
    finally:
        curl.terminate()
        curl.wait()


def _evicts(corpus: Corpus) -> bool:
    corpus.evict()
    with corpus.path.open("rb") as file:
        return not is_resident(file.fileno(), 0, corpus.size)


def _worst(passes: list[dict[str, float]]) -> dict[str, float]:
    return {name: max(values[name] for values in passes) for name in passes[0]}
