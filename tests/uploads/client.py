"""A client of the upload routes: Bota's dialect with a bearer key, and plain HTTP without one."""

import io
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from gateway.protocol.ids import decode_id

Payload = bytes | io.BytesIO | AsyncIterable[bytes] | None


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any


class Client:
    def __init__(self, session: aiohttp.ClientSession, base_url: str, key: str) -> None:
        self._session = session
        self.base_url = base_url
        self.key = key

    async def ask(
        self, method: str, url: str, data: Payload = None, *, headers: Mapping[str, str] | None = None, **rest: Any
    ) -> Response:
        """One request, without a key; `url` may be a path of the gateway's."""
        where = URL(self.base_url + url if url.startswith("/") else url, encoded=True)
        async with self._session.request(method, where, data=data, headers=headers, **rest) as response:
            body = await response.read()
            is_json = response.content_type == "application/json" and body
            return Response(response.status, response.headers, body, await response.json() if is_json else None)

    async def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Response:
        """One JSON request with a key."""
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
        return await self.ask(method, path, json=body, headers=headers)

    async def new_recording(self) -> str:
        return str((await self.succeed("POST", "/v1/recordings", {}, status=201))["id"])

    async def succeed(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        response = await self.call(method, path, body)
        assert response.status == status, response
        return response.json

    async def promise(self, recording: str, type: str = "audio", **more: Any) -> Any:
        """The response of upload-url."""
        return await self.succeed("POST", f"/v1/recordings/{recording}/upload-url", {"type": type, **more})

    async def put(self, promised: Any, data: Payload, headers: Mapping[str, str] | None = None) -> Response:
        """Send the file to where upload-url said, with the fields that it named."""
        return await self.ask("PUT", promised["upload_url"], data, headers={**promised["headers"], **(headers or {})})

    async def complete(self, recording: str) -> Response:
        return await self.call("POST", f"/v1/recordings/{recording}/upload-complete")

    async def raw(self, recording: str, media: str, span: str | None = None) -> Response:
        """The byte route, in Vexa's dialect."""
        headers = {"X-API-Key": self.key, **({"Range": span} if span else {})}
        return await self.ask("GET", raw_path(recording, media), headers=headers)

    async def upload(self, content: bytes, type: str = "audio") -> tuple[str, str]:
        """The plain way: (recording id, media id), completed."""
        recording = await self.new_recording()
        promised = await self.promise(recording, type)
        assert (await self.put(promised, content)).status == 200
        assert (await self.complete(recording)).status == 200
        return recording, promised["media_id"]


def raw_path(recording: str, media: str) -> str:
    return f"/recordings/{decode_id('rec', recording)}/media/{decode_id('med', media)}/raw"


@asynccontextmanager
async def open_client(base_url: str, key: str) -> AsyncGenerator[Client, None]:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout, skip_auto_headers=["Content-Type"]) as session:
        yield Client(session, base_url, key)
