"""The values at a gateway's /metrics, read by Prometheus' own parser."""

import asyncio
import re
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.conformance.calling import call
from tests.gateway_process import Gateway

# The requests that `scrape` sends; no test sends one to a gateway that it scrapes.
_COUNTED: Final = re.compile(
    rb'^seekgate_requests_total{method="HEAD",outcome="complete",route="/docs",status="200"} (\S+)$', re.MULTILINE
)
PATIENCE_SECONDS: Final = 60


async def scrape(site: Gateway) -> bytes:
    """The metrics as of now: /metrics may be a second old, so it is read until it counts a request that is sent first."""
    assert (await call(site, "/docs", method="HEAD")).status == 200
    site.scrapes += 1
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            response = await call(site, "/metrics")
            assert response.status == 200
            if sum(map(float, _COUNTED.findall(response.body))) >= site.scrapes:
                return response.body
            await asyncio.sleep(0.02)


async def samples(site: Gateway) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample's value by its name and labels."""
    families = text_string_to_metric_families((await scrape(site)).decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


async def sample(site: Gateway, name: str, **labels: str) -> float:
    """The value of the sample with this name and these labels; 0 if it does not exist yet."""
    return (await samples(site)).get((name, frozenset(labels.items())), 0.0)
