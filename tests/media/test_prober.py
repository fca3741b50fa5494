"""A decoding process that a hostile file has taken over, or taken down: the gateway is none the worse."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.media.peaks import Waveform
from gateway.media.prober import UNDECODABLE, decode
from storage_adapters.memory import MemoryObject, MemoryStorage
from tests.media.signals import wav

CONTENT = wav(bytes(96_000))
PRELUDE = """
import json, os, signal, struct, sys
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


def children() -> list[Path]:
    """The processes of this one that run PRELUDE, as folders of /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
            command = (path / "cmdline").read_text()
        except OSError:  # it has just ended
            continue
        if int(parent) == os.getpid() and PRELUDE in command:
            found.append(path)
    return found


async def told(stored: MemoryObject, script: str) -> list[Waveform]:
    """What a process that runs this makes the gateway tell."""
    async with aclosing(decode(stored, 60, (sys.executable, "-c", PRELUDE + script))) as waveforms:
        return [waveform async for waveform in waveforms]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("", id="says-nothing"),
        pytest.param("os.write(1, b'R\\0\\0')", id="breaks-off-in-a-message"),
        pytest.param("say(b'D', 1, 0, bytes(999))", id="breaks-off-in-the-bins"),
        pytest.param("say(b'R', size, 1)", id="reads-behind-the-end"),
        pytest.param("say(b'R', 2**64 - 1, 2**64 - 1)", id="reads-far-out"),
        pytest.param("say(b'?')\nsys.stdin.read()", id="speaks-another-language"),
        pytest.param("os.write(1, bytes(1 << 20))\nsys.stdin.read()", id="babbles"),
        pytest.param("say(b'R', 0, size)\nos.close(0)", id="does-not-listen"),
        pytest.param("os.kill(os.getpid(), signal.SIGSEGV)", id="crashes"),
    ],
)
async def test_what_it_says_amiss_is_a_file_that_cannot_be_decoded(stored: MemoryObject, script: str) -> None:
    assert await told(stored, script) == [UNDECODABLE]
    assert children() == []


async def test_it_gets_the_bytes_that_it_asks_for_and_no_secret(
    stored: MemoryObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEKGATE_DATABASE__URL", "postgresql://owner:secret@db/seekgate")
    script = f"""
say(b"R", 4, 8)
same = sys.stdin.buffer.read(8) == {CONTENT[4:12]!r} and size == {len(CONTENT)}
bare = set(os.environ) <= {{"LC_CTYPE", "PYTHONHOME", "LD_LIBRARY_PATH"}}
say(b"D", 2_000_000, 0, bytes([same, bare]) * 500)
"""
    assert await told(stored, script) == [Waveform(b"\1" * 1000, 2.0, complete=True)]


async def test_who_stops_listening_ends_it(stored: MemoryObject) -> None:
    endless = PRELUDE + "while True: say(b'P', 1, 0, bytes(1000))"
    async with aclosing(decode(stored, 60, (sys.executable, "-c", endless))) as waveforms:
        assert not (await anext(waveforms)).complete
        (child,) = children()
        await until_its_pipe_is_full(child)
    assert children() == []


async def until_its_pipe_is_full(child: Path) -> None:
    """Return once it sleeps turn after turn of the event loop: it has said more than anybody reads."""
    asleep = 0
    async with asyncio.timeout(60):
        while asleep < 100:
            asleep = asleep + 1 if (child / "stat").read_text().rpartition(")")[2].split()[0] == "S" else 0
            await asyncio.sleep(0)
