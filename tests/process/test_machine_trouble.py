"""No descriptors, no space and unreadable disks: reported by name as the gateway's own trouble, and no longer than they last."""

import asyncio
import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.calling import call
from tests.conformance.raw_http import compose, connect
from tests.gateway_process import Gateway, running_gateway
from tests.process.test_blocked_log import processor_seconds
from tests.uploads.client import open_client
from tests.web.access.test_hostile_requests import logged

SETTINGS: Final = {"SEEKGATE_RATE_LIMITS__ENABLED": "false"}
# More than the threads that write, and than the connections to the database.
WRITERS: Final = 50
FULL: Final = "The file storage has no space left"


@pytest.fixture
def site(postgres: str, tmp_path: Path) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path, SETTINGS) as gateway:
        yield gateway


def target_of(ids: tuple[int, int]) -> str:
    return f"/recordings/{ids[0]}/media/{ids[1]}/raw"


@contextmanager
def limited(site: Gateway, what: int, value: int) -> Iterator[None]:
    """One of the gateway's own limits, lowered."""
    usual = resource.prlimit(site.pid, what)
    resource.prlimit(site.pid, what, (value, usual[1]))
    try:
        yield
    finally:
        resource.prlimit(site.pid, what, usual)


@contextmanager
def without_descriptors(site: Gateway) -> Iterator[None]:
    """The gateway can open nothing: the lowest free descriptor is beyond its limit."""
    used = {int(each.name) for each in Path(f"/proc/{site.pid}/fd").iterdir()}
    with limited(site, resource.RLIMIT_NOFILE, min(set(range(len(used) + 1)) - used)):
        yield


def caused(site: Gateway, words: str) -> bool:
    return any(words in event for event in site.process.events)


async def test_a_file_that_no_descriptor_is_left_for_is_503_and_the_log_says_why(site: Gateway) -> None:
    first, second = (site.add(name, os.urandom(300_000), "mp3") for name in ("first", "second"))
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("GET", target_of(first), [("X-API-Key", site.key)]))
        assert (await connection.read_response()).status == 200
        with without_descriptors(site):
            await connection.send(compose("GET", target_of(second), [("X-API-Key", site.key)]))
            refused = await connection.read_response()
            # A file that is open already is served on.
            await connection.send(compose("GET", target_of(first), [("X-API-Key", site.key), ("Range", "bytes=5-9")]))
            assert (await connection.read_response()).status == 206
        assert (refused.status, refused.head["Retry-After"]) == (503, "2")
        await connection.send(compose("GET", target_of(second), [("X-API-Key", site.key)]))
        assert (await connection.read_response()).status == 200
    line = await logged(site, refused.head["X-Request-Id"])
    assert (line["status"], line["outcome"]) == (503, "complete")
    assert caused(site, os.strerror(errno.EMFILE))


async def test_connections_that_cannot_be_accepted_cost_no_processor_time(site: Gateway) -> None:
    with without_descriptors(site):
        waiting = [await asyncio.open_connection(site.host, site.port) for _ in range(5)]
        before = processor_seconds(site.pid)
        await asyncio.sleep(1)
        assert processor_seconds(site.pid) - before < 0.5
    for _, writer in waiting:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    assert (await call(site, "/livez")).status == 200


async def test_an_upload_without_descriptors_is_503_on_every_route(site: Gateway) -> None:
    async with open_client(site.base_url, site.key) as client:
        recording = await client.new_recording()
        promised = await client.promise(recording)
        with without_descriptors(site):
            assert (await client.put(promised, b"bytes")).status == 503
        assert (await client.put(promised, b"bytes")).status == 200
        with without_descriptors(site):
            # No process can be started to read it.
            assert (await client.complete(recording)).status == 503
    assert not caused(site, '"traceback"')


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    folder = tmp_path / "small"
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=0700", "none", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot run here: no file system can be mounted: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


async def test_a_full_disk_is_503_by_its_name_on_every_way_in(postgres: str, tmp_path: Path, small_disk: Path) -> None:
    settings = SETTINGS | {"SEEKGATE_STORAGES__LOCAL__ROOT": str(small_disk)}
    with running_gateway(postgres, tmp_path / "data", settings) as site:
        await every_way_in_is_full(site)
        async with open_client(site.base_url, site.key) as client:
            promised = await client.promise(await client.new_recording())
            assert (await client.put(promised, bytes(1000))).status == 200, "what was refused took its space"


async def test_files_beyond_the_accounts_limit_are_503_by_their_name_on_every_way_in(site: Gateway) -> None:
    with limited(site, resource.RLIMIT_FSIZE, 2**18):
        await every_way_in_is_full(site)


async def every_way_in_is_full(site: Gateway) -> None:
    content = bytes(900_000)
    async with open_client(site.base_url, site.key) as client:
        recording = await client.new_recording()
        promised = await client.promise(recording)
        put = await client.put(promised, content)
        form = b'--B\r\nContent-Disposition: form-data; name="session_uid"\r\n\r\ns\r\n--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        fields = {"X-API-Key": site.key, "Content-Type": "multipart/form-data; boundary=B"}
        bot = await client.ask("POST", "/internal/recordings/upload", form + content + b"\r\n--B--\r\n", headers=fields)
        for response in (put, bot):
            assert response.status == 503, response
            assert FULL in response.body.decode()
            assert int(response.headers["Retry-After"]) > 0
            line = await logged(site, response.headers["X-Request-Id"])
            assert (line["status"], line["outcome"]) == (503, "complete")
    assert caused(site, '"kind":"StorageFull"')
    assert not caused(site, '"traceback"')


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """Whatever would write to this file system, or wait for its disk, waits until the end."""
    if shutil.which("fsfreeze") is None or subprocess.run(["fsfreeze", "--freeze", folder], check=False).returncode:
        pytest.skip("cannot run here: no file system can be frozen")
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", folder], check=True)


async def test_uploads_that_wait_for_the_disk_delay_no_other_request(
    postgres: str, tmp_path: Path, disk_in_a_file: tuple[Path, Path]
) -> None:
    folder, _ = disk_in_a_file
    settings = SETTINGS | {"SEEKGATE_STORAGES__LOCAL__ROOT": str(folder)}
    with running_gateway(postgres, tmp_path / "data", settings) as site:
        target = target_of(site.add("sound", os.urandom(300_000), "mp3"))
        async with open_client(site.base_url, site.key) as client:
            recordings = [await client.new_recording() for _ in range(WRITERS)]
            promised = [await client.promise(recording) for recording in recordings]
            with frozen(folder):
                puts = [asyncio.create_task(client.put(each, bytes(1000))) for each in promised]
                await asyncio.sleep(1)
                for path in ("/livez", "/v1/recordings", target):
                    assert (await call(site, path, key=site.key)).status == 200, path
                assert not any(put.done() for put in puts)
            assert {(await put).status for put in puts} == {200}


@pytest.fixture
def disk_in_a_file(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A file system in a file: (where it is mounted, the file)."""
    image, folder = tmp_path / "disk", tmp_path / "failing"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(16 * 2**20)
    commands = (["mkfs.ext4", "-q", "-O", "^has_journal", str(image)], ["mount", "-o", "loop", str(image), str(folder)])
    for command in commands:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed; .ci/run installs it")
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip(f"cannot run here: {command[0]} makes no file system in a file")
    yield folder, image
    subprocess.run(["umount", "--lazy", folder], check=True)


async def test_a_disk_that_cannot_be_read_is_503_or_cuts_the_response_as_our_own_trouble(
    postgres: str, tmp_path: Path, disk_in_a_file: tuple[Path, Path]
) -> None:
    folder, image = disk_in_a_file
    settings = SETTINGS | {"SEEKGATE_STORAGES__LOCAL__ROOT": str(folder)}
    with running_gateway(postgres, tmp_path / "data", settings) as site:
        target = target_of(site.add("sound", os.urandom(6 * 2**20), "mp3"))
        path = site.path_of("sound")
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        os.truncate(image, 2**20)  # the blocks beyond cannot be read
        response = await call(site, target, key=site.key)
    assert response.status == 503, response.head
    line = await logged(site, response.head["X-Request-Id"])
    assert (line["status"], line["outcome"]) == (503, "complete")
    assert caused(site, os.strerror(errno.EIO))
