"""A gateway that is ended while it decodes."""

import asyncio
import os
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from tests.gateway_process import START_SECONDS, running_gateway
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
    """The processes that the fork server of this gateway has forked."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    ours = [pid for pid in pids if "gateway.media.decoding" in state_of(pid)[2]]
    return [pid for pid in ours if state_of(state_of(pid)[1])[1] == parent]


def started_processes(parent: int) -> list[int]:
    """The decoding processes, once there are any: on a busy machine the fork server may still be starting."""
    deadline = time.monotonic() + START_SECONDS
    while not decoding_processes(parent) and time.monotonic() < deadline:
        time.sleep(0.05)
    return decoding_processes(parent)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_gateway_that_is_ended_ends_its_decoding_in_time(
    postgres: str, tmp_path: Path, number: signal.Signals
) -> None:
    sound = make_sound(tmp_path / "sound.mp3").read_bytes() * 3000
    settings = {"SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": str(DRAIN_SECONDS)}
    with running_gateway(postgres, tmp_path, settings, fresh=True) as site:
        asyncio.run(ask(site.authority, site.add("long", sound, "mp3"), site.key))
        (decoding,) = started_processes(site.pid)
        ending = (site.pid, decoding, state_of(decoding)[1])
        os.kill(site.pid, number)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while {state_of(pid)[0] for pid in ending} != {"Z"} and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [state_of(pid)[0] for pid in ending] == ["Z", "Z", "Z"]


async def ask(authority: str, ids: tuple[int, int], key: str) -> None:
    """Ask for a waveform that is far from complete when the response comes."""
    path = "/recordings/{}/media/{}/waveform".format(*ids)
    async with (
        aiohttp.ClientSession(f"http://{authority}") as client,
        client.get(path, headers={"X-API-Key": key}) as response,
    ):
        assert not (await response.json())["complete"]
