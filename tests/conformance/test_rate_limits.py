"""Rate limits: the header fields, the refusal in each dialect, and what is not counted."""

from collections.abc import Iterator

import pytest

from tests.conformance.bota_calls import RECORDINGS, check_error, send
from tests.conformance.calling import call, document
from tests.conformance.raw_http import Response
from tests.gateway_process import Gateway, running_gateway

BURST = 3
SETTINGS = {
    "SEEKGATE_RATE_LIMITS__REQUESTS_PER_MINUTE": "1",
    "SEEKGATE_RATE_LIMITS__BURST": str(BURST),
    "SEEKGATE_RATE_LIMITS__BYTE_ROUTE": "false",
}


@pytest.fixture(scope="module")
def limited(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("limited"), SETTINGS) as gateway:
        yield gateway


def left(response: Response) -> tuple[str, str]:
    assert int(response.head["X-RateLimit-Reset"]) > 1_700_000_000
    return response.head["X-RateLimit-Limit"], response.head["X-RateLimit-Remaining"]


async def test_a_burst_is_accepted_and_the_next_request_gets_429_with_retry_after(limited: Gateway) -> None:
    key = limited.add_key()
    responses = [await send(limited, "GET", RECORDINGS, key=key) for _ in range(BURST)]
    assert [response.status for response in responses] == [200] * BURST
    assert [left(response) for response in responses] == [("3", "2"), ("3", "1"), ("3", "0")]
    refused = await send(limited, "GET", RECORDINGS, key=key)
    check_error(refused, 429, "rate_limit_exceeded")
    assert left(refused) == ("3", "0")
    assert 0 < int(refused.head["Retry-After"]) <= 60


async def test_both_dialects_share_one_bucket(limited: Gateway) -> None:
    key = limited.add_key()
    for target in ("/recordings", RECORDINGS, f"{RECORDINGS}/none"):
        assert left(await call(limited, target, key=key))[0] == "3"
    refused = await call(limited, "/recordings", key=key)
    assert (refused.status, document(refused)) == (429, {"detail": "Too many requests"})
    assert "Retry-After" in [name for name, _ in refused.head.fields]


async def test_a_refused_request_creates_nothing(limited: Gateway) -> None:
    key = limited.add_key()
    for _ in range(BURST):
        await send(limited, "GET", RECORDINGS, key=key)
    check_error(await send(limited, "POST", RECORDINGS, b'{"device_id": "late"}', key=key), 429, "rate_limit_exceeded")
    listed = await send(limited, "GET", f"{RECORDINGS}?device_id=late", key=limited.add_key())
    assert document(listed)["data"] == []


async def test_byte_requests_and_public_routes_are_not_counted(limited: Gateway) -> None:
    recording_id, media_file_id = limited.add("uncounted", b"0123456789", "mp3")
    key = limited.add_key()
    for target in (f"/recordings/{recording_id}/media/{media_file_id}/raw", "/livez"):
        for _ in range(BURST + 1):
            response = await call(limited, target, key=key)
            assert (response.status, response.head.get("X-RateLimit-Limit")) == (200, None)
    assert left(await call(limited, "/recordings", key=key)) == ("3", "2")


async def test_each_key_has_its_own_bucket(limited: Gateway) -> None:
    for _ in range(BURST + 1):
        assert left(await send(limited, "GET", RECORDINGS, key=limited.add_key())) == ("3", "2")


async def test_without_limits_there_are_no_rate_limit_fields(site: Gateway) -> None:
    response = await send(site, "GET", RECORDINGS)
    assert (response.status, response.head.get("X-RateLimit-Limit")) == (200, None)
