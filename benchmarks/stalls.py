"""The event loop's longest stall while a file is read that is not in the page cache.

A response that reads no storage (`/livez`) waits only for the event loop, so its latency shows stalls. One client
downloads the file meanwhile, at the rate of a gigabit link. It shares a core with the client that measures, whose
latencies are therefore counted by its own CPU time. A stall counts for less than it lasts, by what the downloader runs
during it: a loop that was blocked for 20 ms counted as 20.4 ms alone, and as 10.3 ms beside a process that took half of
the core.
The same measurement while a file in memory is read, and while no file is read, shows what the machine adds. The three
take turns, so that noise reaches them alike.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from time import thread_time
from typing import Final

from benchmarks.corpus import Corpus
from benchmarks.downloads import downloads
from benchmarks.open_loop import measure_open_loop
from benchmarks.seekgate import Gateway
from benchmarks.target import ask
from benchmarks.wrk import Load
from storage_adapters.page_cache import is_resident

_RATE: Final = 500
_DOWNLOAD_RATE: Final = "100M"


def measure_stalls(
    gateway: Gateway, corpus: Corpus, *, passes: int, seconds: float
) -> Iterator[tuple[str, dict[str, float]]]:
    """Latencies (ms) of `/livez` while no file is read, while one is read from memory, and while one is read from disk.

    Each is the worst of `passes` of that many seconds. The last is left out if the file cannot be evicted (a file system in
    memory).
    """
    measured: dict[str, list[dict[str, float]]] = {}
    for _ in range(passes):
        measured.setdefault("no", []).append(_pass(gateway, nullcontext(), seconds))
        measured.setdefault("resident", []).append(_pass(gateway, _reading(gateway), seconds))
        if _evicts(corpus):
            measured.setdefault("cold", []).append(_pass(gateway, _reading(gateway), seconds))
    for state, found in measured.items():
        yield state, _worst(found)


def _reading(gateway: Gateway) -> AbstractContextManager[None]:
    return downloads(gateway.by_key(), count=1, rate=_DOWNLOAD_RATE)


def _pass(gateway: Gateway, reading: AbstractContextManager[None], seconds: float) -> dict[str, float]:
    probe = gateway.at("seekgate", "/livez", with_key=False)
    load = Load(len(ask(probe).body), 0, connections=8)
    with reading:
        return measure_open_loop(probe, load, rate=_RATE, seconds=seconds, clock=thread_time)


def _evicts(corpus: Corpus) -> bool:
    corpus.evict()
    with corpus.path.open("rb") as file:
        return not is_resident(file.fileno(), 0, corpus.size)


def _worst(passes: list[dict[str, float]]) -> dict[str, float]:
    return {name: max(values[name] for values in passes) for name in passes[0]}
