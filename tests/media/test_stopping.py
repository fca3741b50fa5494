"""A gateway that receives SIGTERM while it decodes."""

import asyncio
import os
import signal
import time
from pathlib import Path

import aiohttp

from tests.gateway_process import running_gateway
from tests.media_files import make_sound

DRAIN_SECONDS = 2
# Draining, what aiohttp takes to cancel its handlers, and the end of an interpreter on a busy machine.
PATIENCE_SECONDS = DRAIN_SECONDS + 20


def state_of(pid: int) -> tuple[str, int, str]:
    """A process's state, parent and command line; Z for one that has ended."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        return state, int(parent), Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return "Z", 0, ""


def decoding_processes(parent: int) -> list[int]:
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if state_of(pid)[1] == parent and "gateway.media.decoding" in state_of(pid)[2]]


def test_sigterm_ends_a_gateway_and_its_decoding_in_time(postgres: str, tmp_path: Path) -> None:
    sound = make_sound(tmp_path / "sound.mp3").read_bytes() * 3000
    settings = {"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": str(DRAIN_SECONDS)}
    with running_gateway(postgres, tmp_path, settings) as site:
        asyncio.run(ask(site.authority, site.add("long", sound, "mp3"), site.key))
        (decoding,) = decoding_processes(site.pid)
        os.kill(site.pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while {state_of(site.pid)[0], state_of(decoding)[0]} != {"Z"} and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (state_of(site.pid)[0], state_of(decoding)[0]) == ("Z", "Z")


async def ask(authority: str, ids: tuple[int, int], key: str) -> None:
    """Ask for a waveform that is far from complete when the answer comes."""
    path = "/recordings/{}/media/{}/waveform".format(*ids)
    async with (
        aiohttp.ClientSession(f"http://{authority}") as client,
        client.get(path, headers={"X-API-Key": key}) as answer,
    ):
        assert not (await answer.json())["complete"]
