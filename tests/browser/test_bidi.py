"""The BiDi session of the tests."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import aiohttp

from tests.browser.bidi import Bidi


class Closing:
    """The socket of a browser that closes the session with the response to the first command: both arrive together."""

    def __init__(self) -> None:
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send_json(self, command: dict[str, Any]) -> None:
        await self._sent.put(command)

    async def __aiter__(self) -> AsyncIterator[SimpleNamespace]:
        command = await self._sent.get()
        yield SimpleNamespace(data=json.dumps({"id": command["id"], "type": "success", "result": {"closed": True}}))


async def test_a_command_whose_response_arrives_with_the_end_of_the_session_gets_it() -> None:
    bidi = Bidi(cast("aiohttp.ClientWebSocketResponse", Closing()))
    async with asyncio.TaskGroup() as group:
        group.create_task(bidi.receive())
        assert await bidi.command("browser.close") == {"closed": True}
