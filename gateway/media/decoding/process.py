"""The decoding process: one job for the gateway at the other end of its pipes, then the end.

Decoding keeps the interpreter lock busy, so that in a thread it would also delay the gateway's event loop by milliseconds.
"""

import json
import math
import pkgutil
from importlib import import_module
from typing import Final

import av

from gateway.media.decoding.confinement import confine
from gateway.media.decoding.object_file import Gateway, ObjectBlocks, ObjectFile, ReadBudget
from gateway.media.decoding.probing import probe
from gateway.media.decoding.sound import listen
from gateway.media.facts import NotMedia
from gateway.media.messages import DONE, FACTS, REFUSED, SILENT, SO_FAR, Job

# A waveform is nobody's first need; somebody waits for a probe.
_NICENESS: Final = {"probe": 5, "waveform": 19}
# FileParts of PyAV that are programs, or that import far more than this process needs.
_UNUSED: Final = {"__main__", "about", "datasets", "filter"}
# What is known by then is the answer, so that the gateway need not kill the process.
_SHARE_OF_TIME: Final = 0.8


def main() -> None:
    """Do one job, as the process that was started for it."""
    av.logging.set_level(None)
    for module in pkgutil.walk_packages(av.__path__, "av."):  # a confined process can import nothing
        if module.name.split(".")[1] not in _UNUSED:
            import_module(module.name)
    gateway = Gateway()
    job = gateway.job()
    confine(math.ceil(job.seconds), _NICENESS[job.kind])
    do(job, gateway)


def do(job: Job, gateway: Gateway) -> None:
    """Answer the job."""
    budget = ReadBudget(job.budget_bytes, job.seconds * _SHARE_OF_TIME)
    size = job.sizes[0]
    file = ObjectFile(
        ObjectBlocks(lambda offset, length: gateway.read(0, offset, length), size, job.block_bytes, budget)
    )
    try:
        if job.kind == "probe":
            text = json.dumps(
                probe(file, sparing=job.budget_bytes is not None and size > job.budget_bytes).fields()
            ).encode()
            gateway.say(FACTS, other=len(text), content=text)
        else:
            heard = listen(file, lambda covered, bins: gateway.say(SO_FAR, one=covered, content=bins))
            if heard is None:
                gateway.say(SILENT)
            else:
                gateway.say(DONE, one=heard[0], content=heard[1])
    except NotMedia as error:
        text = str(error).encode()
        gateway.say(REFUSED, other=len(text), content=text)
