"""Runs a benchmark as `python -m` does, in this process, which has imported the libraries already."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest


def run_here(monkeypatch: pytest.MonkeyPatch, module: str, *arguments: str, output: Path) -> dict[str, Any]:
    """The rows of the results that it wrote into `output`. It must exit with 0."""
    monkeypatch.delitem(sys.modules, module, raising=False)  # runpy warns of a module that would run twice
    monkeypatch.setattr(sys, "argv", [module, *arguments, "--output", str(output)])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(module, run_name="__main__")
    assert end.value.code == 0
    rows: dict[str, Any] = json.loads((output / "results.json").read_text())["rows"]
    return rows
