"""A waveform of an object in a bucket, of a kind that is read from its end first."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.calling import fetch
from tests.gateway_process import Gateway
from tests.media.signals import SECONDS, half_silent
from tests.s3.processes import S3Server
from tests.s3_gateway.s3_site import gateway_over


@pytest.fixture(scope="module")
def site(s3_server: S3Server, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_over(s3_server, postgres, tmp_path_factory.mktemp("s3-waveforms"), {}) as gateway:
        yield gateway


async def test_the_waveform_has_silence_and_noise_where_the_object_has_them(site: Gateway, tmp_path: Path) -> None:
    content = half_silent(tmp_path / "half-moov-last.m4a").read_bytes()
    target = "/recordings/{}/media/{}/waveform".format(*site.add("half", content, "m4a"))
    while not (waveform := await fetch(site, target))["complete"]:
        pass
    assert waveform["seconds_covered"] == pytest.approx(SECONDS, abs=0.1)
    assert max(waveform["bins"][20:470]) <= 8
    assert min(waveform["bins"][530:960]) >= 150
