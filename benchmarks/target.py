"""The target of a load: one path of one running server."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.processes import HOST

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Target:
    """`server` is the name in tables. CPU time is measured for `pid` and its descendants. `log` is truncated between loads.

    `database_pid` is the server's database, which is measured separately.
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
        """Truncate the log, so that an access log does not fill the disk."""
        os.truncate(self.log, 0)


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(target: Target, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Response:
    """Send one request on a new connection. Raises IncompleteRead if the body is shorter than its Content-Length."""
    return request(target.port, target.path, method=method, headers={**target.headers, **(headers or {})})


def request(port: int, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Response:
    """Send one request to a port of this machine. Raises OSError or HTTPException."""
    connection = HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, fields, response.read())
    finally:
        connection.close()
