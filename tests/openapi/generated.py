"""Requests that schemathesis generates from openapi.yaml, sent to a running gateway.

Knows: the `st` command, its settings, and the words that lead it to what exists. Refuses to know: the contract.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[2]
SETTINGS: Final = Path(__file__).with_name("schemathesis.toml")
GENERATED: Final = re.compile(r"^ +(\d+) generated", re.MULTILINE)
# Texts that break out of headers, paths and pages where somebody forgot to write them as text.
HOSTILE: Final = (
    "a\r\nX-Injected: yes",
    "%0d%0aX-Injected: yes",
    "\u2028\u202e",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "'; DROP TABLE recordings; --",
    "${jndi:ldap://x}",
)

Words = Mapping[str, Sequence[str | int]]


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of it: `clean` if every answer was in order, how many requests there were, and the whole report."""

    clean: bool
    requests: int
    report: str


def write_settings(folder: Path, words: Words) -> Path:
    """The settings with these dictionaries, in a file of their own."""
    tables = [f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n" for name, values in words.items()]
    path = folder / "schemathesis.toml"
    path.write_text("\n".join([SETTINGS.read_text("utf-8"), *tables]), "utf-8")
    return path


def ask(base_url: str, key: str, settings: Path, *options: str) -> Findings:
    """Let schemathesis ask; the same requests for the same settings, but for what the gateway itself makes up."""
    environ = os.environ | {"CONTRACT_URL": base_url, "CONTRACT_KEY": key, "PYTHONPATH": str(TOP)}
    command = Path(sys.executable).with_name("st")
    done = subprocess.run(
        [command, "--config-file", settings, "--no-color", "run", "openapi.yaml", *options],
        cwd=TOP,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    report = done.stdout + done.stderr
    counted = GENERATED.search(report)
    return Findings(done.returncode == 0, int(counted[1]) if counted else 0, report)
