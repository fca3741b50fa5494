"""The commands that start confined processes, which find this gateway and its libraries, and nothing else."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

import gateway

# What a process imports besides the standard library and this gateway.
_LIBRARIES: Final = ("av", "orjson")


def _folders() -> tuple[str, ...]:
    """Where this gateway and these libraries are installed; the folder where the gateway was started is not asked."""
    started_in = Path.cwd()
    trusted = [entry for entry in sys.path if entry and Path(entry).resolve() != started_in]
    found = (PathFinder.find_spec(name, trusted) for name in _LIBRARIES)
    libraries = (str(Path(each.origin).parent.parent) for each in found if each is not None and each.origin is not None)
    own = str(Path(gateway.__file__).resolve().parent.parent)
    return tuple(dict.fromkeys((own, *libraries)))


def program_of(module: str) -> tuple[str, ...]:
    """The command that runs the module's `main` in a process of its own.

    Isolated (-I -S): of the interpreter's own search path only its standard library is left.
    """
    boot = f"import sys; sys.path += sys.argv[1:]; from {module} import main; main()"
    return (sys.executable, "-I", "-S", "-c", boot, *_folders())
