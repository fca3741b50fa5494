"""A gateway as a separate process (`python -m gateway serve`), with a database, a storage backend and keys.

The catalogue is reached as the command line reaches it, from an event loop in a thread, so that plain and
asynchronous tests may both add media.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar
from urllib.parse import urlsplit

import asyncpg

from gateway import keys
from gateway.assembly.backends import Backends, open_backends
from gateway.catalog import ALL_SCOPES, MediaFile, MediaType, NewMedia, NewMeeting, Owner, Scope, Segment
from gateway.settings.load import load
from storage_adapters.base import Writable
from tests.conftest import scratch_database
from tests.forked_process import ForkedProcess

# Time-outs for a hanging process; a slow machine must not reach them.
START_SECONDS: Final = 180
STOP_SECONDS: Final = 120
CONTENT_TYPES: Final = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
    "png": "image/png",
}

Result = TypeVar("Result")


class Loop:
    """An event loop in a thread, for synchronous code that has to await something."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tests-loop")
        self._thread.start()

    def run(self, awaitable: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(awaitable, self._loop).result(START_SECONDS)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Process:
    """`python -m gateway serve` and its output: events on standard error, the access log on standard output.

    A `fresh` one is a new interpreter, which inherits the limits and the umask of this process.
    """

    def __init__(self, environ: Mapping[str, str], *, fresh: bool = False) -> None:
        with _pipe() as (accesses, stdout), _pipe() as (events, stderr):
            start = start_fresh if fresh else ForkedProcess
            self._process = start(["serve"], environ, Path.cwd(), stdout=stdout, stderr=stderr)
        self.pid = self._process.pid
        self.events: list[str] = []
        self.accesses: list[str] = []
        self._listening = threading.Event()
        self._base_url = ""
        streams = ((events, self._hear_event), (accesses, self.accesses.append))
        self._threads = [threading.Thread(target=_listen, args=pair) for pair in streams]
        for thread in self._threads:
            thread.start()

    @property
    def base_url(self) -> str:
        """The address on which it listens; waits until it does."""
        if not self._listening.wait(START_SECONDS) or not self._base_url:
            raise RuntimeError(f"the gateway did not start:\n{''.join(self.events)}")
        return self._base_url

    def _hear_event(self, line: str) -> None:
        self.events.append(line)
        if '"message":"listening"' in line:
            self._base_url = json.loads(line)["url"]
            self._listening.set()
        if line == "":
            self._listening.set()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit code, once the process has ended and its output was read."""
        code = self._process.wait(seconds)
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        return code

    def stop(self) -> int:
        """End the process with SIGTERM, or with SIGKILL if it does not end."""
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.wait()
            raise


def start_fresh(
    arguments: Sequence[str], environ: Mapping[str, str], folder: Path, *, stdout: int, stderr: int
) -> "subprocess.Popen[bytes]":
    """`python -m gateway` in a new interpreter."""
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.Popen(
        command, env=dict(environ), cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
    )


@contextmanager
def _pipe() -> Iterator[tuple[BinaryIO, int]]:
    """The two ends of a pipe; the caller closes the first, and this the second."""
    output, end = os.pipe()
    try:
        yield os.fdopen(output, "rb"), end
    finally:
        os.close(end)


def _listen(stream: Any, hear: Any) -> None:
    with stream:
        for line in stream:
            hear(line.decode())
    hear("")


class Gateway:
    """A running gateway with keys of one user (`user_id`) and of another, and media."""

    def __init__(self, process: Process, loop: Loop, backends: Backends, database_url: str) -> None:
        parts = urlsplit(process.base_url)
        self.process = process
        self.pid = process.pid
        self.base_url = process.base_url
        self.host = parts.hostname or ""
        self.port = parts.port or 0
        self._loop = loop
        self.backends = backends
        self.database_url = database_url
        self.scrapes = 0
        """How often tests/conformance/metrics.py read the metrics."""
        self.user_id = loop.run(backends.api_keys.ensure_user("owner@example.org"))
        self.other_user_id = loop.run(backends.api_keys.ensure_user("other@example.org"))
        self.key = self.add_key()
        self.other_key = self.add_key(user_id=self.other_user_id)
        self.test_key = self.add_key(live=False)
        self.read_only_key = self.add_key(scopes=frozenset({Scope.RECORDINGS_READ}))
        self.write_only_key = self.add_key(scopes=frozenset({Scope.RECORDINGS_WRITE}))
        self.expired_key = self.add_key(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        self.revoked_key = self.add_key()
        loop.run(backends.api_keys.revoke_key(keys.visible_prefix(self.revoked_key)))

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"

    def add_key(
        self,
        *,
        user_id: int | None = None,
        live: bool = True,
        scopes: frozenset[Scope] = ALL_SCOPES,
        expires_at: datetime | None = None,
    ) -> str:
        key = keys.new_key(live=live, restricted=scopes != ALL_SCOPES)
        owner = Owner(self.user_id if user_id is None else user_id, live)
        created = self.backends.api_keys.create_key(
            digest=keys.digest(key), prefix=keys.visible_prefix(key), owner=owner, scopes=scopes, expires_at=expires_at
        )
        self._loop.run(created)
        return key

    def add(
        self,
        name: str,
        content: bytes,
        format: str,
        *,
        modified_at: float | None = None,
        meeting: tuple[str, str] | None = None,
        segments: Sequence[str] = (),
        live: bool = True,
    ) -> tuple[int, int]:
        """Add an object to the default storage backend and the catalogue; returns (recording id, media file id)."""
        spoken = tuple(Segment(float(n), n + 1.0, text, "Speaker", "en") for n, text in enumerate(segments))
        about = NewMeeting(*meeting, segments=spoken) if meeting else None
        return self._loop.run(self._add(name, content, format, modified_at, about, live=live))

    async def _add(
        self,
        name: str,
        content: bytes,
        format: str,
        modified_at: float | None,
        meeting: NewMeeting | None,
        *,
        live: bool,
    ) -> tuple[int, int]:
        key = f"{name}.{format}"
        storage = next(iter(self.backends.storages.values()))
        assert isinstance(storage.adapter, Writable)
        async with storage.adapter.create(key, content_type=CONTENT_TYPES[format]) as writer:
            await writer.write(content)
        if modified_at is not None and storage.root is not None:
            os.utime(storage.root / key, (modified_at, modified_at))
        async with storage.adapter.open(key) as stored:
            stat = stored.stat
        type: MediaType = "image" if format == "png" else "audio"
        media = NewMedia(
            type, format, CONTENT_TYPES[format], storage.name, key, stat.size, stat.etag, stat.last_modified, 1.0
        )
        added, _ = await self.backends.catalog.register(Owner(self.user_id, live), media, name=name, meeting=meeting)
        return added.recording_id, added.id

    def media_file(self, ids: tuple[int, int]) -> MediaFile:
        """The media file as the catalogue has it now, without the cached look-up."""
        recording = self.wait(self.backends.catalog.find_recording(Owner(self.user_id), ids[0]))
        assert recording is not None
        return next(file for file in recording.media_files if file.id == ids[1])

    def wait(self, awaitable: Coroutine[Any, Any, Result]) -> Result:
        """The result of an awaitable that uses `backends`."""
        return self._loop.run(awaitable)

    async def execute(self, statement: str) -> None:
        """Change rows without the gateway, so that a test need not wait for time to pass."""
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def path_of(self, name: str) -> Path:
        """The file that contains the object, in local storage."""
        root = next(iter(self.backends.storages.values())).root
        assert root is not None
        (path,) = root.glob(f"{name}.*")
        return path

    def log_text(self) -> str:
        """The output of the gateway so far, events and accesses."""
        return "".join((*self.process.events, *self.process.accesses))


@contextmanager
def running_gateway(
    server_url: str, folder: Path, settings: Mapping[str, str] | None = None, *, fresh: bool = False
) -> Iterator[Gateway]:
    """A gateway with a new database on the tests' PostgreSQL server and its files in `folder`.

    `settings` are environment variables (`SEEKGATE_…`) on top of a free port and the two above. `Process` describes `fresh`.
    """
    loop = Loop()
    try:
        with (
            _entered(loop, scratch_database(server_url)) as url,
            _gateway(loop, url, folder, settings, fresh=fresh) as gateway,
        ):
            yield gateway
    finally:
        loop.close()


@contextmanager
def gateway_on(database_url: str, folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Gateway]:
    """A gateway as `running_gateway` starts it, on an existing database."""
    loop = Loop()
    try:
        with _gateway(loop, database_url, folder, settings) as gateway:
            yield gateway
    finally:
        loop.close()


@contextmanager
def _gateway(
    loop: Loop, database_url: str, folder: Path, settings: Mapping[str, str] | None, *, fresh: bool = False
) -> Iterator[Gateway]:
    environ = gateway_environ(database_url, folder, settings or {})
    process = Process(environ, fresh=fresh)
    try:
        with _entered(loop, open_backends(load(None, environ))) as backends:
            yield Gateway(process, loop, backends, database_url)
    finally:
        process.stop()


def gateway_environ(database_url: str, folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a gateway, without the developer's settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEEKGATE_")}
    return inherited | {
        "SEEKGATE_SERVER__PORT": "0",
        "SEEKGATE_DATA_DIR": str(folder),
        "SEEKGATE_DATABASE__URL": database_url,
        **settings,
    }


@contextmanager
def _entered(loop: Loop, context: Any) -> Iterator[Any]:
    """An asynchronous context, entered and exited in the thread's loop."""
    entered = loop.run(context.__aenter__())
    try:
        yield entered
    finally:
        loop.run(context.__aexit__(None, None, None))
