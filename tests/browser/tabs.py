"""A tab that shows the media page (`media_page.js`), with the same functions in Chromium, Firefox and WebKitGTK."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext
from playwright.async_api import Error as PlaywrightError

from tests.browser.bidi import Bidi, BidiError
from tests.browser.webdriver import WebDriverError, webdriver_session
from tests.browser.webkit import capabilities

Result = TypeVar("Result")

PATIENCE_SECONDS: Final = 60
PAGE: Final = """<!doctype html><html lang="en"><title>Media page</title>
<script type="module">import * as mediaPage from "/media_page.js"; window.mediaPage = mediaPage;</script>"""


@dataclass(frozen=True)
class Tab:
    """An open tab of `browser`: `evaluate` an expression, `visit` a URL, `type` on the keyboard."""

    browser: str
    evaluate: Callable[[str], Awaitable[Any]]
    visit: Callable[[str], Awaitable[Any]]
    type: Callable[[str], Awaitable[Any]]

    async def ask(self, function: str, *arguments: Any) -> Any:
        """The result of a function of the media page. The test fails if it throws or takes too long."""
        given = ", ".join(map(json.dumps, arguments))
        try:
            return await self.attempt(f"mediaPage.{function}({given})")
        except (BidiError, PlaywrightError, WebDriverError) as error:
            pytest.fail(f"{self.browser}: {function}({given}): {error}")
        except TimeoutError:
            pytest.fail(f"{self.browser}: {function}({given}) takes too long")

    async def attempt(self, expression: str) -> Any:
        """The value of an expression. Raises the browser's error if it throws."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.evaluate(expression)


async def together(tabs: Sequence[Tab], act: Callable[[Tab], Coroutine[Any, Any, Result]]) -> list[Result]:
    """Act in all tabs at the same time, so that they wait for their players together. The results are in the tabs' order."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(act(tab)) for tab in tabs]
    return [task.result() for task in tasks]


@asynccontextmanager
async def other_origin_server() -> AsyncGenerator[str]:
    """Serve the media page from another origin than the gateways'."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def script(_: web.Request) -> web.FileResponse:
        return web.FileResponse(Path(__file__).with_name("media_page.js"))

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/media_page.js", script)])
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@asynccontextmanager
async def chromium_context(browser: Browser, **options: Any) -> AsyncGenerator[BrowserContext]:
    """The browser of a new user, with nothing stored or cached. Playwright's `options`, but its patience is ours."""
    async with await browser.new_context(**options) as context:
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield context


@asynccontextmanager
async def chromium_tab(browser: Browser, url: str) -> AsyncGenerator[Tab]:
    """A tab at this URL, of a new user."""
    async with chromium_context(browser) as context:
        page = await context.new_page()
        await page.goto(url)
        yield Tab("chromium", page.evaluate, page.goto, page.keyboard.type)


@asynccontextmanager
async def firefox_context(bidi: Bidi) -> AsyncGenerator[str]:
    """The BiDi id of a tab of a new user: a container with its own cookies and cache."""
    user = (await bidi.command("browser.createUserContext"))["userContext"]
    try:
        yield (await bidi.command("browsingContext.create", type="tab", userContext=user))["context"]
    finally:
        await bidi.command("browser.removeUserContext", userContext=user)


def firefox_tab_of(bidi: Bidi, context: str) -> Tab:
    """The tab with this BiDi id."""
    visit, evaluate, write = (partial(act, context) for act in (bidi.navigate, bidi.evaluate, bidi.type))
    return Tab("firefox", evaluate, visit, write)


@asynccontextmanager
async def firefox_tab(bidi: Bidi, url: str) -> AsyncGenerator[Tab]:
    """A tab at this URL, of a new user."""
    async with firefox_context(bidi) as context:
        tab = firefox_tab_of(bidi, context)
        await tab.visit(url)
        yield tab


@asynccontextmanager
async def webkit_tab(driver_url: str, program: str, url: str) -> AsyncGenerator[Tab]:
    """A tab at this URL, in a new browser: WebKitWebDriver has one session at a time."""
    async with webdriver_session(driver_url, capabilities(program)) as driver:
        await driver.visit(url)
        yield Tab("webkit", driver.evaluate, driver.visit, driver.type)
