"""URLs that carry their own permission, created with an API key: one function for each kind."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from tests.uploads.client import Client

TUS: Final = {"Tus-Resumable": "1.0.0"}


class CreatedUrl(NamedTuple):
    """A URL, and how it is asked for: method, header fields, body, and the status of success."""

    url: str
    method: str
    headers: dict[str, str]
    body: bytes | None
    status: int


async def create_playback_url(client: Client, key: str, target: str) -> CreatedUrl:
    response = await client.call("POST", target.replace("/raw", "/playback-url"), key=key)
    return CreatedUrl(response.json["url"], "GET", {"Range": "bytes=0-9"}, None, 206)


async def create_download_url(client: Client, key: str, target: str) -> CreatedUrl:
    response = await client.call("GET", target.replace("/raw", "/download"), key=key)
    return CreatedUrl(response.json["download_url"], "HEAD", {}, None, 200)


async def create_upload_url(client: Client, key: str, _target: str) -> CreatedUrl:
    recording = (await client.call("POST", "/v1/recordings", {}, key=key)).json["id"]
    response = await client.call("POST", f"/v1/recordings/{recording}/upload-url", {"type": "audio"}, key=key)
    return CreatedUrl(response.json["upload_url"], "PUT", {}, b"not a sound yet", 200)


async def create_tus_url(client: Client, key: str, _target: str) -> CreatedUrl:
    recording = (await client.call("POST", "/v1/recordings", {}, key=key)).json["id"]
    encoded = base64.b64encode(recording.encode()).decode()
    headers = {
        **TUS,
        "Authorization": f"Bearer {key}",
        "Upload-Length": "100",
        "Upload-Metadata": f"recording_id {encoded},filetype YXVkaW8vbXBlZw==",
    }
    response = await client.ask("POST", "/v1/uploads/tus", headers=headers)
    assert response.status == 201, response
    return CreatedUrl(response.headers["Location"], "HEAD", TUS, None, 200)


Creator = Callable[[Client, str, str], Awaitable[CreatedUrl]]
CREATORS: Final[dict[str, Creator]] = {
    "playback": create_playback_url,
    "download": create_download_url,
    "put": create_upload_url,
    "tus": create_tus_url,
}


WITHIN_SECONDS: Final = 1.0
"""The promise: so soon after a URL's permission has ended, no process grants it."""
_GIVE_UP_SECONDS: Final = 60.0


async def expect_refusal(client: Client, created: CreatedUrl, since: float) -> None:
    """Ask for the URL until it is 403. No request that began a second after `since` (monotonic clock) is granted.

    What the machine is late by is seen in the same requests: the slowest one's time is added to the second.
    """
    granted = since
    slowest = 0.0
    while time.monotonic() - since < _GIVE_UP_SECONDS:
        began = time.monotonic()
        status = await status_of(client, created)
        slowest = max(slowest, time.monotonic() - began)
        if status == 403:
            break
        assert status == created.status
        granted = began
        await asyncio.sleep(0.01)
    assert granted - since <= WITHIN_SECONDS + slowest


async def status_of(client: Client, created: CreatedUrl) -> int:
    return (await client.ask(created.method, created.url, created.body, headers=created.headers)).status
