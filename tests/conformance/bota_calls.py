"""Calls as a Bota client makes them: a bearer key, JSON in both directions."""

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from gateway.protocol.ids import encode_id
from tests.conformance.ask import exchange
from tests.conformance.calling import document
from tests.conformance.media import Media
from tests.conformance.raw_http import Response, compose
from tests.gateway_process import Gateway

RECORDINGS: Final = "/v1/recordings"

Fields = Iterable[tuple[str, str | bytes]]


async def send(
    site: Gateway, method: str, target: str, body: bytes | None = None, *, key: str | None = None, fields: Fields = ()
) -> Response:
    """One request on a new connection, with the owner's key unless another is given; an empty key sends none."""
    key = site.key if key is None else key
    sent = [
        *([("Authorization", f"Bearer {key}")] if key else []),
        *fields,
        *([("Content-Type", "application/json"), ("Content-Length", str(len(body)))] if body is not None else []),
    ]
    return await exchange(site, compose(method, target, sent, host=site.authority, body=body or b""), method)


async def get(site: Gateway, target: str, *, key: str | None = None, status: int = 200) -> Any:
    """The JSON document at a target."""
    response = await send(site, "GET", target, key=key)
    assert response.status == status, response
    return document(response)


async def post(
    site: Gateway, target: str, body: Any, *, status: int, key: str | None = None, fields: Fields = ()
) -> Any:
    """The JSON document that answers a JSON body."""
    response = await send(site, "POST", target, json.dumps(body).encode(), key=key, fields=fields)
    assert response.status == status, response
    return document(response)


async def create(site: Gateway, *, key: str | None = None, **members: Any) -> Any:
    """A new recording, as the response shows it."""
    return await post(site, RECORDINGS, members, status=201, key=key)


def recording_of(media: Media) -> str:
    """The route of a media's recording."""
    return f"{RECORDINGS}/{encode_id('rec', media.recording_id)}"


def media_id_of(media: Media) -> str:
    return encode_id("med", media.media_file_id)


def query(**given: str | int) -> str:
    """The list with these parameters."""
    return f"{RECORDINGS}?{'&'.join(f'{name}={quote(str(value))}' for name, value in given.items())}"


def check_error(response: Response, status: int, code: str, *fields: str) -> dict[str, Any]:
    """Check that a response is an error of Bota's dialect whose details name exactly these fields."""
    assert response.status == status, response
    shown = document(response)
    assert set(shown) == {"error"}
    error: dict[str, Any] = shown["error"]
    assert set(error) == {"code", "message", *(["details"] if fields else [])}
    assert error["code"] == code
    assert error["message"]
    assert [set(detail) for detail in error.get("details", [])] == [{"field", "message"}] * len(fields)
    assert sorted(detail["field"] for detail in error.get("details", [])) == sorted(fields)
    return error
