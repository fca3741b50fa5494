"""The resources of a gateway's process, from Linux's /proc and its own metrics."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conformance.metrics import scrape
from tests.gateway_process import Gateway

RUNNING_STREAMS: Final = re.compile(rb"^seekgate_streams_running (\d+)(?:\.0)?$", re.MULTILINE)
ABANDONED: Final = re.compile(rb'^seekgate_requests_total{.*outcome="client_closed".*} (\S+)$', re.MULTILINE)
SENT: Final = re.compile(rb"^seekgate_sent_bytes_total{.*} (\S+)$", re.MULTILINE)
RESIDENT_KIB: Final = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)
PATIENCE_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Footprint:
    """Open descriptors and resident memory of the gateway's process."""

    descriptors: int
    resident_bytes: int

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        status = Path(f"/proc/{pid}/status").read_text("ascii")
        match = RESIDENT_KIB.search(status)
        assert match is not None
        return cls(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()), int(match[1]) * 1024)


async def running_streams(site: Gateway) -> int:
    """The number of bodies that are being sent now."""
    match = RUNNING_STREAMS.search(await scrape(site))
    assert match is not None
    return int(match[1])


async def abandoned_answers(site: Gateway) -> int:
    """The number of responses so far whose clients disconnected."""
    return sum(int(float(count)) for count in ABANDONED.findall(await scrape(site)))


async def sent_bytes(site: Gateway) -> int:
    """The number of body bytes passed to the kernel so far."""
    return sum(int(float(count)) for count in SENT.findall(await scrape(site)))


async def settle(site: Gateway) -> Footprint:
    """The footprint once no stream is running."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await running_streams(site):
            pass  # each check waits until the metrics are new
    return Footprint.of(site.pid)
