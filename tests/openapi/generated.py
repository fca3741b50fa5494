"""Requests that schemathesis generates from openapi.yaml, sent to a running gateway.

Schemathesis runs as the command `st` in a process of its own, with dictionaries of ids and tokens that exist.
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
INHERITED: Final = ("HOME", "PATH", "PYTHONPYCACHEPREFIX", "TMPDIR")
GENERATED: Final = re.compile(r"^ +(\d+) generated", re.MULTILINE)
# Texts that would break out of headers, paths and pages that do not escape them.
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
    """The result: `clean` if every response was correct, the number of requests, and the whole report."""

    clean: bool
    requests: int
    report: str


def write_settings(folder: Path, words: Words) -> Path:
    """A file of settings with these dictionaries."""
    tables = [f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n" for name, values in words.items()]
    path = folder / "schemathesis.toml"
    path.write_text("\n".join([SETTINGS.read_text("utf-8"), *tables]), "utf-8")
    return path


class Schemathesis:
    """The command `st`, ready to run."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.openapi.forked_st"]
        self._server = subprocess.Popen(command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, base_url: str, key: str, settings: Path, *options: str) -> Findings:
        """Run it. The same settings give the same requests, except for ids that the gateway generates."""
        # Only these variables: for each request it looks through all of them for those that name proxies.
        environ = {name: value for name, value in os.environ.items() if name in INHERITED}
        environ |= {"CONTRACT_URL": base_url, "CONTRACT_KEY": key, "PYTHONPATH": str(TOP)}
        arguments = ["--config-file", str(settings), "--no-color", "run", "openapi.yaml", *options]
        output = settings.with_name("report.txt")
        request = {"arguments": arguments, "environ": environ, "output": str(output)}
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        code, report = self._server.stdout.readline(), output.read_text("utf-8")
        counted = GENERATED.search(report)
        return Findings(code == "0\n", int(counted[1]) if counted else 0, report)

    def close(self) -> None:
        """Let the process end."""
        self._server.communicate()
