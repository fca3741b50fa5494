"""Streams are limited in number, and a drain waits for the last of them."""

import pytest

from gateway.errors import RateLimited, Unavailable
from gateway.web.bytes.streams import Streams


async def test_one_more_than_the_limit_is_refused() -> None:
    streams = Streams(1)
    with streams.of(None), pytest.raises(Unavailable), streams.of(None):
        pytest.fail("two streams run where one may")
    assert streams.running == 0


async def test_a_reader_has_a_limit_of_its_own() -> None:
    streams = Streams(10, limit_per_reader=2)
    with streams.of("link"), streams.of("link"):
        assert not streams.has_room("link")
        with pytest.raises(RateLimited), streams.of("link"):
            pytest.fail("a third stream runs where two may")
        with streams.of("other"), streams.of(None):
            assert streams.running == 4
    assert streams.running == 0
    assert streams.has_room("link")


async def test_streams_altogether_are_limited_before_those_of_one_reader() -> None:
    streams = Streams(1, limit_per_reader=1)
    with streams.of("link"), pytest.raises(Unavailable):
        streams.begin("link")
    assert streams.running == 0
