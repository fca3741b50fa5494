"""Files that take long to make. Each is made once in a run: all workers of pytest-xdist get the same file, to read only."""

import os
from collections.abc import Callable
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Path]) -> Path:
    """The file that `make` writes into the folder that it is given. The name identifies it among all tests."""
    folder = shared_folder(factory, name)
    finished, begun = folder / "finished", folder / "begun"
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not finished.exists():
            begun.mkdir(exist_ok=True)
            make(begun)
            begun.rename(finished)
    (path,) = finished.iterdir()
    return path


def shared_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """The folder of this name that all workers of a run share."""
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made-once" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
