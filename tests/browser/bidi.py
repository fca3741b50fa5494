"""W3C WebDriver BiDi over one WebSocket: commands are sent, and each response has the number of its command.

-> {"id": 1, "method": "session.new", "params": {…}}
<- {"id": 1, "type": "success", "result": {…}}      or {"id": 1, "type": "error", "error", "message"}
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp


class BidiError(Exception):
    """The browser refused a command; the text is its own."""


class Bidi:
    """An open session, without subscriptions. Its commands may run at the same time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of the command. Raises BidiError."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json({"id": number, "method": method, "params": params})
            response = await waiting
        finally:
            del self._waiting[number]
        if response["type"] != "success":
            raise BidiError(f"{method}: {response['error']}: {response['message']}")
        result: dict[str, Any] = response["result"]
        return result

    async def receive(self) -> None:
        """Give each response to its command until the browser closes the session."""
        async for message in self._socket:
            response = json.loads(message.data)
            waiting = self._waiting.get(response.get("id"))
            if waiting and not waiting.done():  # else the command has timed out
                waiting.set_result(response)
        for waiting in self._waiting.values():
            if not waiting.done():  # else its task has not run since
                waiting.set_exception(ConnectionError("the browser has closed the session"))

    async def navigate(self, context: str, url: str) -> None:
        """Load this page completely in the tab."""
        await self.command("browsingContext.navigate", context=context, url=url, wait="complete")

    async def type(self, context: str, text: str) -> None:
        """Press and release the key of each character."""
        strokes = [{"type": way, "value": key} for key in text for way in ("keyDown", "keyUp")]
        keyboard = {"type": "key", "id": "keyboard", "actions": strokes}
        await self.command("input.performActions", context=context, actions=[keyboard])

    async def choose_file(self, context: str, selector: str, path: Path) -> None:
        """Choose this file in the field that matches the CSS selector."""
        located = await self.command(
            "browsingContext.locateNodes", context=context, locator={"type": "css", "value": selector}
        )
        element = {"sharedId": located["nodes"][0]["sharedId"]}
        await self.command("input.setFiles", context=context, element=element, files=[str(path)])

    async def evaluate(self, context: str, expression: str) -> Any:
        """The JSON value of an asynchronous JavaScript expression in this tab, evaluated with user activation.

        Raises BidiError with the exception's text.
        """
        outcome = await self.command(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": context},
            awaitPromise=True,
            userActivation=True,
        )
        if outcome["type"] == "exception":
            raise BidiError(outcome["exceptionDetails"]["text"])
        return json.loads(outcome["result"].get("value", "null"))


@asynccontextmanager
async def bidi_session(url: str) -> AsyncGenerator[Bidi]:
    """A session with the browser at this URL, which is closed at the end."""
    async with aiohttp.ClientSession() as client, client.ws_connect(url, max_msg_size=0) as socket:
        bidi = Bidi(socket)
        receiving = asyncio.create_task(bidi.receive())
        await bidi.command("session.new", capabilities={})
        try:
            yield bidi
        finally:
            await bidi.command("browser.close")
            await receiving
