"""Idempotency-Key: a repeated request gets the first response and has no further effect."""

import asyncio
import json
from typing import Final

import pytest

from tests.conformance.bota_calls import RECORDINGS, Fields, check_error, create, get, send
from tests.conformance.raw_http import Response
from tests.gateway_process import Gateway


def keyed(text: str) -> Fields:
    return [("Idempotency-Key", text)]


async def made(site: Gateway, device: str) -> list[str]:
    return [shown["id"] for shown in (await get(site, f"{RECORDINGS}?device_id={device}&limit=100"))["data"]]


async def test_a_repeated_request_gets_the_first_response(site: Gateway) -> None:
    body = b'{"device_id": "again", "metadata": {"n": 1.50}}'
    first, second = [await send(site, "POST", RECORDINGS, body, fields=keyed("again")) for _ in range(2)]
    assert first.status == second.status == 201
    assert first.body == second.body
    assert await made(site, "again") == [json.loads(first.body)["id"]]


async def test_the_first_response_is_repeated_after_its_recording_was_deleted(site: Gateway) -> None:
    first = await send(site, "POST", RECORDINGS, b'{"device_id": "gone"}', fields=keyed("gone"))
    assert (await send(site, "DELETE", f"{RECORDINGS}/{json.loads(first.body)['id']}")).status == 204
    again = await send(site, "POST", RECORDINGS, b'{"device_id": "gone"}', fields=keyed("gone"))
    assert (again.status, again.body) == (201, first.body)
    assert await made(site, "gone") == []


@pytest.mark.parametrize(
    ("target", "body"),
    [
        pytest.param(RECORDINGS, b'{"device_id": "two"}', id="another body"),
        pytest.param(RECORDINGS, b'{"device_id":"one"}', id="the same JSON in other octets"),
        pytest.param(f"{RECORDINGS}?again=1", b'{"device_id": "one"}', id="another target"),
    ],
)
async def test_another_request_with_the_key_is_a_conflict(site: Gateway, target: str, body: bytes) -> None:
    await send(site, "POST", RECORDINGS, b'{"device_id": "one"}', fields=keyed("other"))
    response = await send(site, "POST", target, body, fields=keyed("other"))
    check_error(response, 409, "resource_already_exists", "Idempotency-Key")
    assert len(await made(site, "one")) == 1


async def test_a_refused_request_does_not_use_its_key(site: Gateway) -> None:
    refused = await send(site, "POST", RECORDINGS, b'{"name": 7}', fields=keyed("refused"))
    check_error(refused, 400, "invalid_request", "name")
    assert (await send(site, "POST", RECORDINGS, b'{"name": "7"}', fields=keyed("refused"))).status == 201


async def test_one_of_many_simultaneous_requests_creates_the_recording(site: Gateway) -> None:
    def ask() -> asyncio.Task[Response]:
        return asyncio.create_task(send(site, "POST", RECORDINGS, b'{"device_id": "race"}', fields=keyed("race")))

    responses = [await task for task in [ask() for _ in range(24)]]
    assert {response.status for response in responses} == {201}
    assert len({response.body for response in responses}) == 1
    assert len(await made(site, "race")) == 1


async def test_keys_of_different_owners_are_different(site: Gateway) -> None:
    responses = [
        await send(site, "POST", RECORDINGS, body, key=key, fields=keyed("mine"))
        for key, body in ((site.key, b"{}"), (site.other_key, b'{"name": "x"}'), (site.test_key, b'{"name": "y"}'))
    ]
    assert [response.status for response in responses] == [201, 201, 201]
    assert len({json.loads(response.body)["id"] for response in responses}) == 3


async def test_each_request_without_a_key_creates_a_recording(site: Gateway) -> None:
    assert (await create(site))["id"] != (await create(site))["id"]


BAD: Final = {
    "empty": [("Idempotency-Key", "")],
    "too long": [("Idempotency-Key", "k" * 256)],
    "no ASCII": [("Idempotency-Key", b"\xc3\xbc")],
    "twice": [("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
async def test_a_key_that_cannot_be_stored_is_refused(site: Gateway, fields: Fields) -> None:
    response = await send(site, "POST", RECORDINGS, b"{}", fields=fields)
    check_error(response, 400, "invalid_request", "Idempotency-Key")


async def test_the_longest_key_is_accepted(site: Gateway) -> None:
    responses = [await send(site, "POST", RECORDINGS, b"{}", fields=keyed("~" * 255)) for _ in range(2)]
    assert (responses[0].status, responses[0].body) == (201, responses[1].body)
