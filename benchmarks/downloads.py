"""Clients that download the whole file at a bounded rate while something else is measured.

They are the transfers of one curl, in a process of its own: unlimited ones, or ones in this process, would take CPU time
from the client that measures.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.corpus import WrongResponse
from benchmarks.target import Target


@contextmanager
def downloads(target: Target, *, count: int, rate: str) -> Iterator[None]:
    """Let `count` clients download during the block, each at `rate` bytes a second (in curl's notation).

    Raises WrongResponse if one of them fails.
    """
    command = ["curl", "--silent", "--fail", "--limit-rate", rate, "--header", "@-"]
    command += ["--parallel", "--parallel-immediate", "--parallel-max", str(count)]
    command += ["--output", os.devnull, target.url] * count
    with tempfile.TemporaryFile() as headers:
        headers.writelines(f"{name}: {value}\n".encode() for name, value in target.headers.items())
        headers.seek(0)
        curl = subprocess.Popen(command, stdin=headers, stderr=subprocess.DEVNULL)  # of progress, even if silent
    try:
        yield
        if curl.poll():
            raise WrongResponse(f"{target.server}: curl ended with {curl.returncode} beside another measurement")
    finally:
        curl.terminate()
        curl.wait()
