"""Fixtures: Chromium, Firefox and WebKitGTK, gateways with real media, and listeners at the player page.

The browsers are the system's: Playwright controls Chromium, WebDriver BiDi controls Firefox, WebKitWebDriver controls
WebKitGTK. One process of each serves the whole run; each test gets a new context, which is like a new user.
"""

import json
import os
import shutil
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Playwright, ViewportSize, async_playwright, expect

from gateway.demo import recording as demo
from tests.browser.bidi import Bidi
from tests.browser.firefox import running_firefox
from tests.browser.lecture import Lecture, give_lecture
from tests.browser.library import Library, fill
from tests.browser.listener import Listener
from tests.browser.sound_gateway import SoundGateway, import_sound
from tests.browser.tabs import (
    PATIENCE_SECONDS,
    Tab,
    chromium_context,
    chromium_tab,
    firefox_tab,
    other_origin_server,
    webkit_tab,
)
from tests.browser.webkit import mini_browser, running_webkit_driver
from tests.gateway_process import Gateway, running_gateway
from tests.made_once import made_once
from tests.s3.processes import S3Server
from tests.s3_gateway.s3_site import gateway_over

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    # A microphone that beeps, which every page may use.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
DESK: Final = ViewportSize(width=1280, height=820)


async def launch(playwright: Playwright, *names: str) -> Browser:
    """The first of these browsers that is installed."""
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"{names[-1]} is not installed; .ci/run installs it")
    return await playwright.chromium.launch(executable_path=path, args=FLAGS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncGenerator[Playwright]:
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    async with async_playwright() as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(playwright: Playwright) -> AsyncGenerator[Browser]:
    """Chromium as listeners have it, for the test of its windows."""
    async with await launch(playwright, "chromium") as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium_shell(playwright: Playwright) -> AsyncGenerator[Browser]:
    """Chromium's headless shell: the same engine and codecs, and a tab costs a quarter."""
    async with await launch(playwright, "chromium-headless-shell", "chromium") as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def firefox(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Bidi]:
    path = shutil.which("firefox-esr")
    if path is None:
        pytest.skip("firefox-esr is not installed; .ci/run installs it")
    async with running_firefox(path, tmp_path_factory.mktemp("firefox")) as bidi:
        yield bidi


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def webkit_driver(webkit_program: str) -> AsyncGenerator[str]:
    async with running_webkit_driver() as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def other_origin() -> AsyncGenerator[str]:
    """The URL of a page of another origin, the only one that the gateways allow."""
    async with other_origin_server() as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium_shared(chromium_shell: Browser, other_origin: str) -> AsyncGenerator[Tab]:
    async with chromium_tab(chromium_shell, other_origin) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def firefox_shared(firefox: Bidi, other_origin: str) -> AsyncGenerator[Tab]:
    async with firefox_tab(firefox, other_origin) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def chromium_reloaded(chromium_shared: Tab, other_origin: str) -> Tab:
    """The media page, loaded anew in a tab that one test after the other uses: opening a tab costs more than many tests do."""
    await chromium_shared.visit(other_origin)
    return chromium_shared


@pytest_asyncio.fixture(loop_scope="session")
async def firefox_reloaded(firefox_shared: Tab, other_origin: str) -> Tab:
    await firefox_shared.visit(other_origin)
    return firefox_shared


@pytest_asyncio.fixture(loop_scope="session")
async def chromium_newcomer(chromium_shell: Browser, other_origin: str) -> AsyncGenerator[Tab]:
    async with chromium_tab(chromium_shell, other_origin) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def firefox_newcomer(firefox: Bidi, other_origin: str) -> AsyncGenerator[Tab]:
    async with firefox_tab(firefox, other_origin) as opened:
        yield opened


@pytest.fixture(scope="session")
def webkit_program() -> str:
    program = mini_browser()
    if program is None:
        pytest.skip("WebKitGTK is not installed; .ci/run installs it")
    return program


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def webkit_shared(webkit_program: str, webkit_driver: str, other_origin: str) -> AsyncGenerator[Tab]:
    async with webkit_tab(webkit_driver, webkit_program, other_origin) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def webkit_reloaded(webkit_shared: Tab, other_origin: str) -> Tab:
    await webkit_shared.visit(other_origin)
    return webkit_shared


@pytest.fixture(params=["chromium", "firefox"])
def tab(request: pytest.FixtureRequest) -> Tab:
    """The shared tab at the media page, in each browser."""
    opened: Tab = request.getfixturevalue(f"{request.param}_reloaded")
    return opened


@pytest.fixture
def tabs(chromium_reloaded: Tab, firefox_reloaded: Tab) -> tuple[Tab, Tab]:
    """The shared tabs at the media page: for tests that wait for long, in both browsers at the same time."""
    return chromium_reloaded, firefox_reloaded


@pytest.fixture(params=["chromium", "firefox"])
def newcomer(request: pytest.FixtureRequest) -> Tab:
    """The tab of a new user, with nothing stored or cached, in each browser."""
    opened: Tab = request.getfixturevalue(f"{request.param}_newcomer")
    return opened


@pytest.fixture(scope="session")
def settings(other_origin: str) -> dict[str, str]:
    """Settings that allow the other origin."""
    return {"SEEKGATE_CORS__ALLOWED_ORIGINS": json.dumps([other_origin.rstrip("/")])}


@pytest.fixture(scope="session")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    # All tests share the owner's key, and ask faster than a person does.
    fast = {"SEEKGATE_RATE_LIMITS__REQUESTS_PER_MINUTE": "60000", "SEEKGATE_RATE_LIMITS__BURST": "10000"}
    with running_gateway(postgres, tmp_path_factory.mktemp("browser"), fast) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def sound_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo recording, whose tone identifies each second."""
    return made_once(tmp_path_factory, "demo", demo.write_recording)


@pytest.fixture(scope="session")
def files(
    postgres: str, settings: dict[str, str], sound_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SoundGateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("files"), settings) as gateway:
        yield import_sound(gateway, sound_path)


@pytest.fixture(scope="session")
def bucket(
    s3_server: S3Server,
    postgres: str,
    settings: dict[str, str],
    sound_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SoundGateway]:
    with gateway_over(s3_server, postgres, tmp_path_factory.mktemp("bucket"), settings) as gateway:
        yield import_sound(gateway, sound_path)


@pytest.fixture(scope="session")
def lecture(postgres: str, other_origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lecture]:
    """A lecture at a gateway that lets the other origin embed it."""
    folder = tmp_path_factory.mktemp("lecture")
    settings = {"SEEKGATE_SHARING__EMBED_ORIGINS": json.dumps([other_origin.rstrip("/")])}
    with running_gateway(postgres, folder / "gateway", settings) as gateway:
        yield give_lecture(gateway, folder, gateway.key)


@pytest.fixture(params=["files", "bucket"])
def gateway(request: pytest.FixtureRequest) -> SoundGateway:
    """A gateway over each kind of storage backend."""
    imported: SoundGateway = request.getfixturevalue(request.param)
    return imported


@pytest.fixture(scope="session")
def library(site: Gateway, sound_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The recordings of the site's owner."""
    return fill(site, sound_path, tmp_path_factory.mktemp("library"))


@pytest_asyncio.fixture(loop_scope="session")
async def context(chromium_shell: Browser) -> AsyncGenerator[BrowserContext]:
    """The browser of a new user, with nothing stored or cached."""
    async with chromium_context(chromium_shell, viewport=DESK, reduced_motion="reduce") as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_tab(chromium_shell: Browser, site: Gateway) -> AsyncGenerator[Listener]:
    async with chromium_context(chromium_shell, viewport=DESK, reduced_motion="reduce") as context:
        yield Listener(await context.new_page(), site)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_clocked_tab(chromium_shell: Browser, site: Gateway) -> AsyncGenerator[Listener]:
    async with chromium_context(chromium_shell, viewport=DESK, reduced_motion="reduce") as context:
        page = await context.new_page()
        await page.clock.install()
        yield Listener(page, site)


@pytest_asyncio.fixture(loop_scope="session")
async def somebody(shared_tab: Listener) -> AsyncGenerator[Listener]:
    """A person who is about to `begin`. The test fails if the page reports an error or breaks its policy.

    The tests share the tab, because opening one costs more than many tests do: they may change only the page, its storage,
    and what `shared_browser` undoes.
    """
    yield shared_tab
    assert shared_tab.faults == []


@pytest_asyncio.fixture(loop_scope="session")
async def clocked(shared_clocked_tab: Listener) -> AsyncGenerator[Listener]:
    """As `somebody`, in another tab: the test advances the page's clock."""
    yield shared_clocked_tab
    assert shared_clocked_tab.faults == []


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(somebody: Listener) -> Listener:
    """A person at the sign-in form."""
    await somebody.begin(None)
    return somebody


@pytest_asyncio.fixture(loop_scope="session")
async def listener(somebody: Listener, library: Library) -> Listener:
    """A person who signed in earlier and sees the list."""
    await somebody.begin(somebody.site.key)
    await expect(somebody.rows.first).to_be_visible()
    return somebody


@pytest_asyncio.fixture(loop_scope="session")
async def shared_browser(shared_tab: Listener) -> AsyncGenerator[BrowserContext]:
    """The browser of `somebody`, to change its network and its permissions and to open other tabs."""
    context = shared_tab.page.context
    yield context
    await context.set_offline(offline=False)
    await context.clear_permissions()
    for page in context.pages:
        if page is not shared_tab.page:
            await page.close()


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """The folder for screenshots, SCREENSHOT_DIR; without it, none are made."""
    given = os.environ.get("SCREENSHOT_DIR")
    if given is None:
        return None
    folder = Path(given)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
