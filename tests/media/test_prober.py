"""A decoding process that a hostile file has taken over, or taken down, does the gateway no harm."""

import asyncio
import ctypes.util
import os
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from gateway.errors import Unavailable
from gateway.media.facts import NotMedia
from gateway.media.fork_server import ForkServer, program_of
from gateway.media.peaks import Waveform
from gateway.media.prober import Prober
from gateway.media.waveforms import NO_SOUND, UNDECODABLE, decode
from storage_adapters.memory import MemoryObject, MemoryStorage
from tests.media.signals import wav

CONTENT = wav(bytes(96_000))
SERVERS: Final[list[ForkServer]] = []
PRELUDE = """
import json, os, signal, struct, sys, time
say = lambda kind, one=0, other=0, more=b"": os.write(1, struct.pack(">cIQQ", kind, 0, one, other) + more)
length = struct.unpack(">I", sys.stdin.buffer.read(4))[0]
size = json.loads(sys.stdin.buffer.read(length))["sizes"][0]
"""


@pytest_asyncio.fixture
async def stored() -> AsyncGenerator[MemoryObject]:
    storage = MemoryStorage()
    async with storage.create("object") as writer:
        await writer.write(CONTENT)
    async with storage.open("object") as opened:
        yield opened


def forking(boot: str, script: str = "", *, idle_milliseconds: int = 300_000) -> ForkServer:
    """A fork server that runs `boot`, and ends when it is idle; its processes run PRELUDE and `script`."""
    *command, _, own, libraries = program_of("gateway.media.decoding.process")
    boot += (
        f"import sys\nsys.path += {[own, libraries]!r}\n"
        "from gateway.media.decoding import forking\n"
        f"forking._IDLE_MILLISECONDS = {idle_milliseconds}\n"
        f"forking.fork_for_each_connection(lambda: exec({PRELUDE + script!r}, {{}}))"
    )
    SERVERS.append(ForkServer((*command, boot)))
    return SERVERS[-1]


@pytest.fixture(autouse=True)
def ended_servers() -> Iterator[None]:
    """End the servers of the test, and wait until they have ended: the next test looks for its own."""
    yield
    for server in SERVERS:
        if server._requests is not None:
            with server._requests as requests, suppress(ConnectionError):
                requests.settimeout(60)
                requests.shutdown(socket.SHUT_WR)
                assert requests.recv(1) == b""  # a process closes its connections after it has given up its memory
    SERVERS.clear()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def processes(generation: int, command: str = "fork_for_each_connection") -> list[Path]:
    """The fork servers of this process (1), or the processes that they forked (2), as folders of /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            ancestor = int(path.name)
            for _ in range(generation):
                ancestor = parent_of(ancestor)
            if ancestor == os.getpid() and command in (path / "cmdline").read_text():
                found.append(path)
        except OSError:  # it has just ended
            continue
    return found


def children() -> list[Path]:
    return processes(2)


async def waveforms_of(stored: MemoryObject, script: str) -> list[Waveform]:
    """The waveforms that the gateway makes of a process that runs this."""
    async with aclosing(decode(stored, 60, forking("", script))) as waveforms:
        return [waveform async for waveform in waveforms]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("", id="says-nothing"),
        pytest.param("os.write(1, b'R\\0\\0')", id="breaks-off-in-a-message"),
        pytest.param("say(b'D', 1, 0, bytes(999))", id="breaks-off-in-the-bins"),
        pytest.param("say(b'R', size, 1)", id="reads-after-the-end"),
        pytest.param("say(b'R', 2**64 - 1, 2**64 - 1)", id="reads-far-out"),
        pytest.param("say(b'?')\nsys.stdin.read()", id="speaks-another-language"),
        pytest.param("os.write(1, bytes(1 << 20))\nsys.stdin.read()", id="babbles"),
        pytest.param("say(b'R', 0, size)\nos.close(0)", id="does-not-listen"),
        pytest.param("os.kill(os.getpid(), signal.SIGSEGV)", id="crashes"),
    ],
)
async def test_a_process_that_answers_nonsense_means_a_file_that_cannot_be_decoded(
    stored: MemoryObject, script: str
) -> None:
    assert await waveforms_of(stored, script) == [UNDECODABLE]
    assert children() == []


async def test_a_process_gets_the_bytes_that_it_asks_for_and_no_secret(
    stored: MemoryObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEKGATE_DATABASE__URL", "postgresql://owner:secret@db/seekgate")
    script = f"""
say(b"R", 4, 8)
same = sys.stdin.buffer.read(8) == {CONTENT[4:12]!r} and size == {len(CONTENT)}
bare = set(os.environ) <= {{"LC_CTYPE", "PYTHONHOME", "LD_LIBRARY_PATH"}}
say(b"D", 2_000_000, 0, bytes([same, bare]) * 500)
"""
    assert await waveforms_of(stored, script) == [Waveform(b"\1" * 1000, 2.0, complete=True)]


async def test_a_reader_that_stops_kills_the_process(stored: MemoryObject) -> None:
    endless = "while True: say(b'P', 1, 0, bytes(1000))"
    async with aclosing(decode(stored, 60, forking("", endless))) as waveforms:
        assert not (await anext(waveforms)).complete
        (child,) = children()
        await until_its_pipe_is_full(child)
    assert children() == []


async def until(holds: Callable[[], bool]) -> None:
    while True:
        await asyncio.sleep(0)
        if holds():
            return


async def until_its_pipe_is_full(child: Path) -> None:
    """Return once it sleeps turn after turn of the event loop: it has written more than is read."""
    asleep = 0
    async with asyncio.timeout(60):
        while asleep < 100:
            asleep = asleep + 1 if (child / "stat").read_text().rpartition(")")[2].split()[0] == "S" else 0
            await asyncio.sleep(0)


# --- probing


def facts(**changed: object) -> str:
    """A script that responds to a probe with these facts."""
    fields = {"type": "audio", "format": "wav", "content_type": "audio/wav", "duration_seconds": 1.0, **changed}
    return f"text = json.dumps({fields!r}).encode()\nsay(b'F', 0, len(text), text)"


def prober(script: str, seconds: float = 60) -> Prober:
    return Prober(seconds=seconds, processes=forking("", script))


async def test_a_probe_returns_the_facts_that_the_process_sends(stored: MemoryObject) -> None:
    assert (await prober(facts()).probe(stored)).duration_seconds == 1.0


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("", id="nothing"),
        pytest.param("say(b'F', 0, 1 << 40)", id="too long"),
        pytest.param("say(b'F', 0, 5, b'{\\xff}')", id="not JSON"),
        pytest.param("say(b'F', 0, 2, b'[]')", id="no facts"),
        pytest.param(facts(type="program"), id="an unknown type"),
        pytest.param(facts(content_type="text/html\r\nX: y"), id="a header in a type"),
        pytest.param(facts(duration_seconds=-1), id="a negative duration"),
        pytest.param(facts(duration_seconds=float("nan")), id="a duration of NaN"),
        pytest.param(facts(channels=True), id="a count that is none"),
        pytest.param(facts(metadata={"codec": {"deep": 1}}), id="nested metadata"),
        pytest.param(facts(metadata={str(n): n for n in range(1000)}), id="much metadata"),
        pytest.param(facts(extra=1), id="another field"),
        pytest.param("say(b'D', 1, 0, bytes(1000))", id="a waveform"),
        pytest.param("import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass", id="no end"),
    ],
)
async def test_a_process_that_answers_wrong_facts_means_a_file_that_is_not_media(
    stored: MemoryObject, script: str
) -> None:
    with pytest.raises(NotMedia, match="the process that read it failed"):
        await prober(script).probe(stored)
    assert children() == []


async def test_a_probe_that_outlasts_its_deadline_is_killed_and_refused(stored: MemoryObject) -> None:
    with pytest.raises(NotMedia, match=r"reading it took longer than 0\.5 seconds"):
        await prober("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(600)", 0.5).probe(stored)
    assert children() == []


async def test_a_probe_that_is_cancelled_kills_its_process(stored: MemoryObject, tmp_path: Path) -> None:
    got_its_job = tmp_path / "got its job"
    probing = asyncio.create_task(prober(f"open({str(got_its_job)!r}, 'w')\nsys.stdin.read()").probe(stored))
    async with asyncio.timeout(60):
        await until(got_its_job.exists)
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    assert children() == []


# --- confinement

# What limits and accounts alone do, as where libseccomp is not installed.
CONFINED = """
import ctypes, resource, socket, threading
from gateway.media.decoding import confinement
descriptors = os.listdir("/proc/self/fd")
refuse, libraries = confinement._refuse_system_calls, []
confinement._refuse_system_calls = libraries.append
confinement.confine(60, 0)
def refused(act):
    try:
        act()
    except (OSError, RuntimeError):
        return True
    return False
checks = {
    "only three descriptors and the folder's": len(descriptors) == 4,
    "open": refused(lambda: open("/etc/hostname")),
    "socket": refused(socket.socket),
    "fork": refused(os.fork),
    "thread": refused(threading.Thread(target=int).start),
    "memory": resource.getrlimit(resource.RLIMIT_AS)[1] <= 1 << 30,
    "cpu": resource.getrlimit(resource.RLIMIT_CPU) == (60, 60),
    "file size": resource.getrlimit(resource.RLIMIT_FSIZE) == (0, 0),
    "account": os.geteuid() != 0 and os.getegid() != 0,
}
text = "It cannot: " + ", ".join(name for name, good in checks.items() if not good)
say(b"N", 0, len(text), text.encode())
"""


async def unmet(stored: MemoryObject, script: str) -> str:
    """The checks of the script that failed in a process with the decoding process's start."""
    with pytest.raises(NotMedia) as caught:
        await prober(script).probe(stored)
    return str(caught.value)


async def test_a_confined_process_can_open_nothing_start_nothing_and_is_not_root(stored: MemoryObject) -> None:
    assert await unmet(stored, CONFINED) == "It cannot: "


# A process that was taken over has one place for a file, once it has closed its standard error.
TAKEN_OVER: Final = """
refuse(*libraries)
os.close(2)
pid = os.getpid()
checks |= {
    "open in a pipe's place": refused(lambda: os.open("/", os.O_RDONLY)),
    "a unix socket": refused(lambda: socket.socket(socket.AF_UNIX)),
    "a network socket": refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    "another program": refused(lambda: os.execv("/bin/true", ["true"])),
    "a signal": refused(lambda: os.kill(pid, 0)),
    "another's memory": ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == -1,
    "a namespace": ctypes.CDLL(None).unshare(0x10000000) == -1,
}
"""


@pytest.mark.skipif(
    ctypes.util.find_library("seccomp") is None, reason="libseccomp is not installed; .ci/run installs it"
)
@pytest.mark.parametrize("root", [True, False], ids=["root", "another account"])
async def test_a_process_that_was_taken_over_reaches_nothing_with_the_pipes_that_it_has(
    stored: MemoryObject, *, root: bool
) -> None:
    script = CONFINED.replace("text =", TAKEN_OVER + "text =")
    if not root:
        script = script.replace("confinement.confine", "os.setresuid(65534, 65534, 65534)\nconfinement.confine")
    assert await unmet(stored, script) == ("It cannot: " if root or os.geteuid() else "It cannot: account")


async def test_modules_planted_where_the_gateway_was_started_are_not_loaded(
    stored: MemoryObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("av", "json", "gateway", "encodings", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'loaded')!r}, 'a').write(__name__)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    SERVERS.append(ForkServer(program_of("gateway.media.decoding.process")))
    assert (await Prober(processes=SERVERS[-1]).probe(stored)).content_type == "audio/wav"
    assert not (tmp_path / "loaded").exists()


# --- the fork server


async def server_pid() -> int:
    """The process id of the only fork server; one that has forked its last process may still be ending."""
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0)
            if len(servers := processes(1)) == 1:
                return int(servers[0].name)


async def until_no_server_is_left() -> None:
    while True:
        await asyncio.sleep(0)
        if not processes(1):
            return


def threads() -> list[int]:
    """How many threads each server of decoding processes has."""
    return [len(list((path / "task").iterdir())) for path in processes(1, "gateway.media.decoding.process")]


async def test_the_libraries_start_no_thread_before_the_fork(stored: MemoryObject) -> None:
    await Prober().probe(stored)
    assert threads() == [1]


async def test_one_server_forks_all_processes(stored: MemoryObject) -> None:
    gentle = prober(facts())
    await gentle.probe(stored)
    server = await server_pid()
    await asyncio.gather(*(gentle.probe(stored, account) for account in range(10)))
    assert (await server_pid(), children()) == (server, [])


async def test_a_server_that_was_killed_is_started_again(stored: MemoryObject) -> None:
    gentle = prober(facts())
    await gentle.probe(stored)
    killed = await server_pid()
    os.kill(killed, signal.SIGKILL)
    async with asyncio.timeout(60):
        await until_no_server_is_left()
    await gentle.probe(stored)
    assert await server_pid() != killed


async def test_a_server_that_could_not_be_started_is_started_later(stored: MemoryObject) -> None:
    server = forking("", facts())
    gentle = Prober(processes=server)
    await gentle.probe(stored)
    command, server._program = server._program, ("/missing",)
    os.kill(await server_pid(), signal.SIGKILL)
    async with asyncio.timeout(60):
        await until_no_server_is_left()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await gentle.probe(stored)
    server._program = command
    await gentle.probe(stored)


async def test_a_job_that_a_dying_server_did_not_take_goes_to_the_next_server(stored: MemoryObject) -> None:
    gentle = prober(facts())
    await gentle.probe(stored)
    stopped = await server_pid()
    os.kill(stopped, signal.SIGSTOP)
    probing = asyncio.create_task(gentle.probe(stored))
    await asyncio.sleep(0)  # the job has been sent
    os.kill(stopped, signal.SIGKILL)
    assert (await probing).duration_seconds == 1.0


async def test_a_file_is_not_to_blame_if_the_server_is_killed_with_all_its_processes(stored: MemoryObject) -> None:
    script = "for pid in (os.getppid(), os.getpid()): os.kill(pid, signal.SIGKILL)"
    with pytest.raises(Unavailable, match="cannot be read now"):
        await prober(script).probe(stored)


async def test_a_probe_that_is_cancelled_does_not_wait_for_the_start_of_the_server(stored: MemoryObject) -> None:
    starting = (
        "import select\nends = select.poll()\nends.register(0, select.POLLRDHUP)\nends.poll()\nraise SystemExit\n"
    )
    probing = asyncio.create_task(Prober(processes=forking(starting)).probe(stored))
    await asyncio.sleep(0)  # the server is starting, and goes on until the test ends
    probing.cancel()
    async with asyncio.timeout(60):
        await asyncio.wait({probing})
    assert probing.cancelled()


@pytest.mark.parametrize(("end", "is_last"), [("SIGSEGV", True), ("SIGKILL", False)])
async def test_no_process_has_the_addresses_of_one_that_crashed(
    stored: MemoryObject, end: str, *, is_last: bool
) -> None:
    script = f"size == {len(CONTENT)} or os.kill(os.getpid(), signal.{end})\n" + facts()
    mixed = prober(script)
    await mixed.probe(stored)
    server = await server_pid()
    with pytest.raises(NotMedia):
        await mixed.probe(MemoryObject(stored.stat._replace(size=1), b"-"))
    await mixed.probe(stored)
    assert (await server_pid() != server) == is_last


@pytest.mark.parametrize(
    "boot",
    [
        pytest.param("raise SystemExit(1)\n", id="the server does not start"),
        pytest.param("import os\ndef fork(): raise BlockingIOError\nos.fork = fork\n", id="it cannot fork"),
    ],
)
async def test_a_file_is_not_to_blame_if_no_process_can_be_forked(stored: MemoryObject, boot: str) -> None:
    with pytest.raises(Unavailable, match="cannot be read now"):
        await Prober(processes=forking(boot)).probe(stored)


SAY_SILENT: Final = "say(b'S')"


async def test_signals_to_all_processes_of_a_service_end_no_job_and_no_server(stored: MemoryObject) -> None:
    script = "for pid in (os.getppid(), os.getpid()):\n    for each in (signal.SIGTERM, signal.SIGINT):\n        os.kill(pid, each)\n"
    server = forking("", script + SAY_SILENT)
    for _ in range(2):
        async with aclosing(decode(stored, 60, server)) as waveforms:
            assert [each async for each in waveforms] == [NO_SOUND]
        (running,) = processes(1)
        assert parent_of(int(running.name)) == os.getpid()
    assert server._server is not None
    assert server._server.pid == int(running.name)


async def test_an_idle_server_ends_and_no_job_is_lost_when_it_does(stored: MemoryObject) -> None:
    server = forking("", SAY_SILENT, idle_milliseconds=1)
    for _ in range(10):
        async with aclosing(decode(stored, 60, server)) as waveforms:
            assert [each async for each in waveforms] == [NO_SOUND]
    assert server._server is not None
    assert await asyncio.to_thread(server._server.wait, 60) == 0
    async with aclosing(decode(stored, 60, server)) as waveforms:
        assert [each async for each in waveforms] == [NO_SOUND]
