"""The values at a gateway's /metrics, read by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

from tests.conformance.calling import call
from tests.gateway_process import Gateway


async def sample(site: Gateway, name: str, **labels: str) -> float:
    """The value of the sample with this name and these labels; 0 if it does not exist yet."""
    text = (await call(site, "/metrics")).body.decode()
    samples = (each for family in text_string_to_metric_families(text) for each in family.samples)
    return next((each.value for each in samples if (each.name, each.labels) == (name, labels)), 0.0)
