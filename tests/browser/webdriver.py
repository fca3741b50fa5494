"""W3C WebDriver over HTTP: one command is one request, and its response has the value or the error.

POST /session/ID/url {"url": …}  →  200 {"value": null}  or  4xx, 5xx {"value": {"error", "message"}}
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aiohttp

SCRIPT_MS: Final = 60_000
COMMAND_SECONDS: Final = 90
# WebKitWebDriver waits for ever for one new browser in about a hundred: probably it chooses a free port that something else
# takes before the browser listens on it. After NEW_SESSION_SECONDS another browser is started.
NEW_SESSION_SECONDS: Final = 60
NEW_SESSION_TRIES: Final = 3
# The last argument of an asynchronous script is the function that ends it.
_EVALUATE: Final = """const done = arguments[arguments.length - 1];
(async () => JSON.stringify(await (%s)) ?? "null")().then(
  (json) => done({ json }),
  (error) => done({ error: String(error) }),
);"""


class WebDriverError(Exception):
    """The browser refused a command, or an expression threw; the text is the browser's."""


class WebDriver:
    """An open session. Its commands run one after the other."""

    def __init__(self, client: aiohttp.ClientSession, base_url: str) -> None:
        self._client = client
        self._base_url = base_url

    async def command(self, method: str, path: str, **body: Any) -> Any:
        """The value of the command. Raises WebDriverError."""
        sent = body if method == "POST" else None
        async with self._client.request(method, f"{self._base_url}{path}", json=sent) as response:
            value = (await response.json(content_type=None))["value"]
        if response.status != 200:
            raise WebDriverError(f"{method} {path}: {value['error']}: {value['message']}")
        return value

    async def visit(self, url: str) -> None:
        """Load this page completely."""
        await self.command("POST", "/url", url=url)

    async def type(self, text: str) -> None:
        """Press and release the key of each character."""
        strokes = [{"type": way, "value": key} for key in text for way in ("keyDown", "keyUp")]
        await self.command("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    async def evaluate(self, expression: str) -> Any:
        """The JSON value of an asynchronous JavaScript expression in the page. Raises WebDriverError if it throws."""
        outcome = await self.command("POST", "/execute/async", script=_EVALUATE % expression, args=[])
        if "error" in outcome:
            raise WebDriverError(outcome["error"])
        return json.loads(outcome["json"])


@asynccontextmanager
async def webdriver_session(url: str, capabilities: dict[str, Any]) -> AsyncGenerator[WebDriver]:
    """A new browser of the driver at this URL, closed at the end."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=COMMAND_SECONDS)) as client:
        driver = WebDriver(client, f"{url}/session/{await _new_session(WebDriver(client, url), capabilities)}")
        try:
            await driver.command("POST", "/timeouts", script=SCRIPT_MS)
            yield driver
        finally:
            await driver.command("DELETE", "")


async def _new_session(service: WebDriver, capabilities: dict[str, Any]) -> str:
    """The id of a new session. Raises WebDriverError, or TimeoutError if no browser answers."""
    for _ in range(NEW_SESSION_TRIES):
        with suppress(TimeoutError):
            async with asyncio.timeout(NEW_SESSION_SECONDS):
                made = await service.command("POST", "/session", capabilities={"alwaysMatch": capabilities})
                return str(made["sessionId"])
    raise TimeoutError(f"no browser answered within {NEW_SESSION_SECONDS} seconds, {NEW_SESSION_TRIES} times")
