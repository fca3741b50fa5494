"""Safari's requests, replayed over raw sockets: probe, read to the end, disconnect, reconnect elsewhere, If-Range.

The trace is `safari.json`; its first line describes its origin.
"""

import json
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from string import Template
from typing import Any, Final

from tests.conformance.calling import playback_target
from tests.conformance.media import Media
from tests.conformance.raw_http import Connection, compose, connect
from tests.gateway_process import Gateway
from tests.uploads.waiting import wait_until

TRACE: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("safari.json").read_text("utf-8"))
MARK: Final = "safari"
REQUESTS: Final = [event for event in TRACE["events"] if "ask" in event]


class Replay:
    """The connections of the trace."""

    def __init__(self, site: Gateway, media: Media, target: str, stack: AsyncExitStack) -> None:
        self._site = site
        self._media = media
        self._target = target
        self._stack = stack
        self._connections: dict[int, Connection] = {}
        size = len(media.content)
        self._words = {"size": size, "last": size - 1, "middle": size // 2, "etag": media.etag}

    async def act(self, event: dict[str, Any]) -> None:
        """Perform the next event."""
        if "leave" in event:
            await self._leave(event)
        else:
            await self._ask(event)

    def _filled(self, text: str) -> str:
        return Template(text).substitute(self._words)

    async def _connection(self, number: int) -> Connection:
        if number not in self._connections:
            opened = await self._stack.enter_async_context(connect(self._site.host, self._site.port))
            self._connections[number] = opened
        return self._connections[number]

    async def _ask(self, event: dict[str, Any]) -> None:
        connection = await self._connection(event["on"])
        asked = {name: self._filled(value) for name, value in event["ask"].items()}
        # Not part of Safari's requests: it identifies them in the access log.
        fields = TRACE["fields"] | asked | {"X-Request-Id": f"{MARK}-{event['on']}"}
        await connection.send(compose("GET", self._target, fields.items(), host=self._site.authority))
        head = await connection.read_head()
        span = self._filled(event["span"]) if event["span"] else None
        expected = self._media.slice(span) if span else b""
        size = self._words["size"]
        assert (head.status, head.promised_bytes("GET")) == (event["status"], len(expected)), event
        content_range = {200: None, 206: f"bytes {span}/{size}", 416: f"bytes */{size}"}[head.status]
        assert (head.get("Content-Range"), head["ETag"], head["Accept-Ranges"]) == (
            content_range,
            self._media.etag,
            "bytes",
        )
        count = len(expected) if event["take"] == "all" else event["take"]
        assert await connection.read_exactly(count) == expected[:count], event

    async def _leave(self, event: dict[str, Any]) -> None:
        connection = self._connections.pop(event["on"])
        if event["leave"] == "reset":
            connection.reset()
        else:
            await self._ask_for_the_end(connection)

    async def _ask_for_the_end(self, connection: Connection) -> None:
        """Check that the connection is in step, and close it."""
        await connection.send(compose("GET", "/livez", [("Connection", "close")], host=self._site.authority))
        assert (await connection.read_response()).status == 200
        await connection.expect_end()


async def test_safari_gets_exact_ranges_however_it_disconnects(site: Gateway, media: Media) -> None:
    target = await playback_target(site, media)
    async with AsyncExitStack() as stack:
        replay = Replay(site, media, target, stack)
        for event in TRACE["events"]:
            await replay.act(event)

    def outcomes() -> Counter[str]:
        lines = map(json.loads, site.process.accesses)
        return Counter(line["outcome"] for line in lines if line["request_id"].startswith(MARK))

    left = sum(event.get("leave") == "reset" for event in TRACE["events"])
    await wait_until(lambda: outcomes() == {"client_closed": left, "complete": len(REQUESTS) - left})
