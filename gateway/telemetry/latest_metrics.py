"""The body of /metrics as it was last rendered, in a file that all workers share.

If each worker kept a body of its own, one could report less than another had reported before. To Prometheus, a counter
that goes back means that the gateway was restarted.
"""

import fcntl
import os
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from gateway.telemetry.metrics import workers_folder

FRESH_SECONDS: Final = 1.0
"""How long a body is served: reading the files of all workers takes milliseconds."""

# The file: when the body was rendered (seconds of the clock that all processes share), then the body. The time is
# written last, so that a body that was not written whole is never served.
_TIME: Final = struct.Struct("d")


class LatestMetrics:
    """The latest body."""

    def __init__(self) -> None:
        folder = workers_folder()
        if folder is not None:
            self._file = os.open(Path(folder) / "latest", os.O_RDWR | os.O_CREAT, 0o600)
        elif hasattr(os, "memfd_create"):
            self._file = os.memfd_create("metrics")
        else:
            self._file, path = tempfile.mkstemp(prefix="seekgate-metrics-")
            Path(path).unlink()

    def read(self) -> bytes | None:
        """The body; None if there is none, or it is too old."""
        with self._locked():
            return self._fresh()

    def renew(self, render: Callable[[], bytes]) -> bytes:
        """A new body, unless another worker has just rendered one."""
        with self._locked():
            body = self._fresh()
            if body is None:
                body = render()
                # On a full disk nothing is shared.
                with suppress(OSError):
                    os.truncate(self._file, 0)
                    if os.pwrite(self._file, body, _TIME.size) == len(body):
                        os.pwrite(self._file, _TIME.pack(time.monotonic()), 0)
            return body

    def _fresh(self) -> bytes | None:
        content = os.pread(self._file, os.fstat(self._file).st_size, 0)
        if len(content) <= _TIME.size:
            return None
        (rendered,) = _TIME.unpack_from(content)
        return content[_TIME.size :] if time.monotonic() - rendered < FRESH_SECONDS else None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait while another worker renders, which takes milliseconds."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
