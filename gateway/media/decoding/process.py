"""The program of a decoding process: it does one job for the gateway at the other end of its pipes, and exits.

Decoding holds the interpreter lock: in a thread of the gateway it would delay the event loop by milliseconds.
"""

import json
import math
import pkgutil
from functools import partial
from importlib import import_module
from typing import Final

import av

from gateway.media.decoding.confinement import confine
from gateway.media.decoding.object_file import Gateway, ObjectBlocks, ObjectFile, ReadBudget
from gateway.media.decoding.probing import probe
from gateway.media.decoding.remuxing import join
from gateway.media.decoding.sound import count_decoded, listen
from gateway.media.facts import NotMedia
from gateway.media.messages import DONE, FACTS, HEARD, JOINED, REFUSED, SILENT, SO_FAR, Job

# A client waits for a probe; waveforms are the least urgent.
_NICENESS: Final = {"probe": 5, "count": 10, "join": 10, "waveform": 19}
# Modules of PyAV that are programs, or that import far more than this process needs.
_UNUSED: Final = {"__main__", "about", "datasets", "filter"}
# After this share of its time a process answers with what it knows, before the gateway kills it.
_SHARE_OF_TIME: Final = 0.8


def main() -> None:
    """Read one job from the gateway, confine this process, and do the job."""
    av.logging.set_level(None)
    for module in pkgutil.walk_packages(av.__path__, "av."):  # a confined process can import nothing
        if module.name.split(".")[1] not in _UNUSED:
            import_module(module.name)
    gateway = Gateway()
    job = gateway.job()
    confine(math.ceil(job.seconds), _NICENESS[job.kind])
    do(job, gateway)


def do(job: Job, gateway: Gateway) -> None:
    """Do the job and send its messages."""
    # A join gets no deadline: a partial file would pass for the whole one, so the gateway kills the process instead.
    budget = ReadBudget(job.budget_bytes, math.inf if job.kind == "join" else job.seconds * _SHARE_OF_TIME)
    files = [
        ObjectFile(ObjectBlocks(partial(gateway.read, part), size, job.block_bytes, budget))
        for part, size in enumerate(job.sizes)
    ]
    file, size = files[0], job.sizes[0]
    try:
        if job.kind == "probe":
            facts = probe(file, sparing=job.budget_bytes is not None and size > job.budget_bytes)
            gateway.say(FACTS, content=json.dumps(facts.fields()).encode())
        elif job.kind == "count":
            gateway.say(HEARD, one=count_decoded(file))
        elif job.kind == "join":
            gateway.say(JOINED, one=join(files, gateway.write))
        else:
            heard = listen(file, lambda covered, bins: gateway.say(SO_FAR, one=covered, content=bins))
            if heard is None:
                gateway.say(SILENT)
            else:
                gateway.say(DONE, one=heard[0], content=heard[1])
    except NotMedia as error:
        gateway.say(REFUSED, content=str(error).encode())
