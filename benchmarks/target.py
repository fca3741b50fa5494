"""What a load is aimed at: one address of one running server.

Knows: ports, paths, headers, PIDs. Refuses to know: how the server was started.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.processes import HOST

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Target:
    """`server` is the name in tables; `pid` the process whose tree is counted; `log` is emptied between loads.

    `database_pid` is a database that works for this server, counted apart.
    """

    server: str
    pid: int
    port: int
    path: str
    log: Path
    headers: Mapping[str, str] = field(default_factory=dict)
    database_pid: int | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}{self.path}"

    def empty_log(self) -> None:
        """Keep what an access log writes from filling the disk."""
        os.truncate(self.log, 0)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(target: Target, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    """One request on a connection of its own; a body shorter than promised raises IncompleteRead."""
    return request(target.port, target.path, method=method, headers={**target.headers, **(headers or {})})


def request(port: int, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    """The same without a target. Raises OSError or HTTPException."""
    connection = HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read())
    finally:
        connection.close()
