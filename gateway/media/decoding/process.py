"""The program of decoding processes: each does one job for the gateway at the other end of its connection, and exits.

Decoding holds the interpreter lock: in a thread of the gateway it would delay the event loop by milliseconds.
"""

import json
import math
import pkgutil
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Final

import av

from gateway.media.captions import READERS, encode_segments, parse_captions
from gateway.media.cues import BadCaptions
from gateway.media.decoding.confinement import confine, prepare
from gateway.media.decoding.forking import fork_for_each_connection
from gateway.media.decoding.object_file import Gateway, ObjectBlocks, ObjectFile, ReadBudget
from gateway.media.decoding.probing import probe
from gateway.media.decoding.remuxing import join
from gateway.media.decoding.sound import compute_waveform, count_decoded
from gateway.media.facts import NotMedia
from gateway.media.messages import COUNTED, DONE, FACTS, JOINED, REFUSED, SILENT, SO_FAR, TEXT_BYTES, Job

# A client waits for a probe, and for a transcript; waveforms are the least urgent.
_NICENESS: Final = {"probe": 5, "captions": 5, "count": 10, "join": 10, "waveform": 19}
# Modules of PyAV that are programs, or that import far more than this process needs.
_UNUSED: Final = {"__main__", "about", "datasets", "filter"}
# After this share of its time a process sends what it knows, before the gateway kills it.
_SHARE_OF_TIME: Final = 0.8


def main() -> None:
    """Import what a decoding process may need, and fork one for each job."""
    av.logging.set_level(None)
    for module in pkgutil.walk_packages(av.__path__, "av."):  # a confined process can import nothing
        if module.name.split(".")[1] not in _UNUSED:
            import_module(module.name)
    for content_type in READERS:  # not even a codec
        with suppress(BadCaptions):
            parse_captions(content_type, b" ")
    prepare()
    fork_for_each_connection(work)


def work() -> None:
    """Read one job from the gateway, confine this process, and do the job."""
    gateway = Gateway()
    job = gateway.read_job()
    confine(math.ceil(job.seconds), _NICENESS[job.kind])
    try:
        _do(job, gateway)
    except (NotMedia, BadCaptions) as error:
        gateway.send(REFUSED, content=str(error).encode(errors="replace")[:TEXT_BYTES])


def _do(job: Job, gateway: Gateway) -> None:
    """Do the job and send its messages."""
    # A join gets no deadline: a partial file would pass for the whole one, so the gateway kills the process instead.
    budget = ReadBudget(job.budget_bytes, math.inf if job.kind == "join" else job.seconds * _SHARE_OF_TIME)
    files = [
        ObjectFile(ObjectBlocks(partial(gateway.read, part), size, job.block_bytes, budget))
        for part, size in enumerate(job.sizes)
    ]
    file, size = files[0], job.sizes[0]
    match job.kind:
        case "probe":
            facts = probe(file, sparing=job.budget_bytes is not None and size > job.budget_bytes)
            gateway.send(FACTS, content=json.dumps(facts.fields()).encode())
        case "count":
            gateway.send(COUNTED, one=count_decoded(file))
        case "join":
            gateway.send(JOINED, one=join(files, gateway.write))
        case "captions":
            gateway.write(encode_segments(parse_captions(job.content_type, gateway.read(0, 0, size))))
            gateway.send(JOINED)
        case "waveform":
            waveform = compute_waveform(file, lambda covered, bins: gateway.send(SO_FAR, one=covered, content=bins))
            gateway.send(SILENT) if waveform is None else gateway.send(DONE, one=waveform[0], content=waveform[1])
