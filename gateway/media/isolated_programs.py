"""Builds the commands that start decoding processes, which can import only the gateway and its libraries."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

import gateway

# The libraries that a process imports, besides the standard library and this gateway.
_LIBRARIES: Final = ("av", "orjson")


def _folders() -> tuple[str, ...]:
    """The folders where this gateway and _LIBRARIES are installed; the working directory is not searched."""
    started_in = Path.cwd()
    trusted = [entry for entry in sys.path if entry and Path(entry).resolve() != started_in]
    found = (PathFinder.find_spec(name, trusted) for name in _LIBRARIES)
    libraries = (str(Path(each.origin).parent.parent) for each in found if each is not None and each.origin is not None)
    own = str(Path(gateway.__file__).resolve().parent.parent)
    return tuple(dict.fromkeys((own, *libraries)))


def program_of(module: str) -> tuple[str, ...]:
    """The command that runs the module's `main` in a process of its own.

    The options -I and -S leave only the standard library of the interpreter's own search path.
    """
    boot = f"import sys; sys.path += sys.argv[1:]; from {module} import main; main()"
    return (sys.executable, "-I", "-S", "-c", boot, *_folders())
