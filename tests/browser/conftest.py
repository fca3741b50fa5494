"""Chromium, a gateway with real media in it, and a listener who uses the one on the other.

Chromium is the system's: Playwright drives it and brings none of its own. One process serves the run; each
test gets a context of its own, which is as much as a new user.
"""

import os
import shutil
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ViewportSize, async_playwright

from tests.browser.library import Library, fill
from tests.browser.listener import Listener
from tests.gateway_process import Gateway, running_gateway

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
PATIENCE_MS: Final = 20_000
DESK: Final = ViewportSize(width=1280, height=820)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncGenerator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed; .ci/run installs it")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("browser"), {}) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def library(site: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The recordings of the site's owner."""
    return fill(site, tmp_path_factory.mktemp("library"))


@pytest_asyncio.fixture(loop_scope="session")
async def context(chromium: Browser) -> AsyncGenerator[BrowserContext]:
    """A new user's browser: nothing stored, nothing cached."""
    async with await chromium.new_context(viewport=DESK, reduced_motion="reduce") as opened:
        opened.set_default_timeout(PATIENCE_MS)
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(context: BrowserContext, site: Gateway) -> AsyncGenerator[Listener]:
    """Someone at the sign-in form. The page must end the test without a fault or a breach of its policy."""
    listener = Listener(await context.new_page(), site)
    await listener.arrive()
    yield listener
    assert listener.faults == []


@pytest_asyncio.fixture(loop_scope="session")
async def listener(visitor: Listener, library: Library) -> Listener:
    """Someone signed in, before the list of recordings."""
    await visitor.sign_in(visitor.site.key)
    return visitor


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: SCREENSHOT_DIR, to look at them, else a folder that is forgotten."""
    folder = os.environ.get("SCREENSHOT_DIR")
    if folder is None:
        return tmp_path_factory.mktemp("screenshots")
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)
