"""A tab with the stage in it, the same in Chromium and in Firefox.

Knows: how a tab is opened in each, and how the functions of `stage.js` are called. Refuses to know: gateways,
and what is played.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser
from playwright.async_api import Error as PlaywrightError

from tests.browser.bidi import Bidi, BidiError

PATIENCE_SECONDS: Final = 60
PAGE: Final = """<!doctype html><html lang="en"><title>Stage</title>
<script type="module">import * as stage from "/stage.js"; window.stage = stage;</script>"""


@dataclass(frozen=True)
class Tab:
    """An open tab: `evaluate` an expression, `visit` a URL, `type` on the keyboard; `browser` is whose it is."""

    browser: str
    evaluate: Callable[[str], Awaitable[Any]]
    visit: Callable[[str], Awaitable[Any]]
    type: Callable[[str], Awaitable[Any]]

    async def ask(self, function: str, *arguments: Any) -> Any:
        """What a function of the stage comes to; the test fails if it throws or takes too long."""
        given = ", ".join(map(json.dumps, arguments))
        try:
            return await self.attempt(f"stage.{function}({given})")
        except (BidiError, PlaywrightError) as error:
            pytest.fail(f"{self.browser}: {function}({given}): {error}")
        except TimeoutError:
            pytest.fail(f"{self.browser}: {function}({given}) takes too long")

    async def attempt(self, expression: str) -> Any:
        """The value of an expression; raises what the browser says if it throws."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.evaluate(expression)


@asynccontextmanager
async def stage_server() -> AsyncGenerator[str]:
    """The stage at an origin of its own."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def script(_: web.Request) -> web.FileResponse:
        return web.FileResponse(Path(__file__).with_name("stage.js"))

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/stage.js", script)])
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@asynccontextmanager
async def chromium_tab(browser: Browser, url: str) -> AsyncGenerator[Tab]:
    """A tab of a new user at this URL."""
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(url)
        yield Tab("chromium", page.evaluate, page.goto, page.keyboard.type)


@asynccontextmanager
async def firefox_tab(bidi: Bidi, url: str) -> AsyncGenerator[Tab]:
    """A tab of a new user (a container with cookies and a cache of its own) at this URL."""
    user = (await bidi.command("browser.createUserContext"))["userContext"]
    context = (await bidi.command("browsingContext.create", type="tab", userContext=user))["context"]
    visit, evaluate, write = (partial(act, context) for act in (bidi.navigate, bidi.evaluate, bidi.type))
    try:
        await visit(url)
        yield Tab("firefox", evaluate, visit, write)
    finally:
        await bidi.command("browser.removeUserContext", userContext=user)
