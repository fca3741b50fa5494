"""The values at a gateway's /metrics, read by Prometheus' own parser."""

import asyncio

from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry.latest_metrics import FRESH_SECONDS
from tests.conformance.calling import call
from tests.gateway_process import Gateway


async def scrape(site: Gateway) -> bytes:
    """The metrics as of now: a body that was rendered earlier is not served any more."""
    await asyncio.sleep(FRESH_SECONDS * 1.1)
    return (await call(site, "/metrics")).body


async def samples(site: Gateway) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample's value by its name and labels."""
    families = text_string_to_metric_families((await scrape(site)).decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


async def sample(site: Gateway, name: str, **labels: str) -> float:
    """The value of the sample with this name and these labels; 0 if it does not exist yet."""
    return (await samples(site)).get((name, frozenset(labels.items())), 0.0)
