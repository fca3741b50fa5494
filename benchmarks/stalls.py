"""The event loop's longest stall while a file is read that is not in the page cache.

Knows: that an answer which touches no storage (`/livez`) waits only for the event loop. Refuses to know: how the
gateway reads ahead.
"""

from collections.abc import Iterator
from typing import Final

from benchmarks.corpus import Corpus
from benchmarks.open_loop import measure_open_loop
from benchmarks.seekgate import Gateway
from benchmarks.target import ask
from benchmarks.wrk import Load
from storage_adapters.pages import is_resident

_RATE: Final = 500


def measure_stalls(gateway: Gateway, corpus: Corpus, *, seconds: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Latencies (ms) of `/livez` while the whole file is read: from memory, then from disk.

    Each is the worst of as many passes of one second. The second is left out where the file cannot be evicted
    (a file system in memory).
    """
    yield "resident", _worst([_pass(gateway, corpus) for _ in range(seconds)])
    if _evicts(corpus):
        yield "cold", _worst([_pass(gateway, corpus) for _ in range(seconds) if _evicts(corpus)])


def _pass(gateway: Gateway, corpus: Corpus) -> dict[str, float]:
    probe = gateway.at("seekgate", "/livez", with_key=False)
    load = Load(len(ask(probe).body), 0, connections=8)
    reading = (gateway.by_key(), Load(corpus.size, 0, connections=1))
    return measure_open_loop(probe, load, rate=_RATE, seconds=1, beside=reading)


def _evicts(corpus: Corpus) -> bool:
    corpus.evict()
    with corpus.path.open("rb") as file:
        return not is_resident(file.fileno(), 0, corpus.size)


def _worst(passes: list[dict[str, float]]) -> dict[str, float]:
    return {name: max(values[name] for values in passes) for name in passes[0]}
