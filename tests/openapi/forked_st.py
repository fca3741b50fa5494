"""The command `st` of schemathesis, which takes more than a second to import: imported once, and forked for each run.

Reads lines of JSON, each with the command's arguments, its environment and the file for its output, and prints the exit
code of each.
"""

import gc
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn

# With what each of them imports only when it runs.
IMPORTED: Final = ("schemathesis.cli", "schemathesis.specs.openapi.schemas", "schemathesis.transport.asgi")


def serve() -> None:
    """Fork for each line."""
    for name in IMPORTED:
        import_module(name)
    gc.collect()
    gc.freeze()  # so that collections in the children copy none of these pages
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            run(**json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the tests read it


def run(arguments: list[str], environ: dict[str, str], output: str) -> NoReturn:
    """What `st` does with these arguments."""
    with Path(output).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(environ)
    sys.exit(import_module("schemathesis.cli").schemathesis(arguments, prog_name="st"))


if __name__ == "__main__":
    serve()
