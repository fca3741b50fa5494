"""Debian's Firefox as a process, controlled by WebDriver BiDi; Playwright can only control its own build of Firefox.

Firefox plays into a mock sound card (`media.cubeb.force_mock_context`), which takes samples at the real pace. Without a sound
card its WebAudio stays suspended. Its microphone hums (`media.navigator.streams.fake`), and every page may use it.
"""

import asyncio
import re
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from tests.browser.bidi import Bidi, bidi_session

# The last ones turn off what no page needs: otherwise Firefox takes a tenth of a CPU while it does nothing.
PREFERENCES: Final = """
user_pref("media.autoplay.default", 0);
user_pref("media.cubeb.force_mock_context", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.navigator.streams.fake", true);
user_pref("services.settings.server", "data:,");
user_pref("app.normandy.enabled", false);
user_pref("browser.ml.enable", false);
user_pref("browser.newtab.preload", false);
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.sessionstore.interval", 10000000);
user_pref("browser.startup.page", 0);
user_pref("browser.translations.enable", false);
user_pref("dom.ipc.processPrelaunch.enabled", false);
user_pref("extensions.webextensions.remote", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("toolkit.cosmeticAnimations.enabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("toolkit.telemetry.unified", false);
"""
LISTENING: Final = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
PATIENCE_SECONDS: Final = 120


@asynccontextmanager
async def running_firefox(program: str, profile: Path) -> AsyncGenerator[Bidi]:
    """Firefox with an empty profile in that folder, until the block ends."""
    (profile / "user.js").write_text(PREFERENCES)
    arguments = ("--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile))
    process = await asyncio.create_subprocess_exec(program, *arguments, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            url = await _until_listening(process.stderr)
        said = asyncio.create_task(process.stderr.read())  # Firefox would block on a full pipe
        async with bidi_session(f"{url}/session") as bidi:
            yield bidi
        async with asyncio.timeout(PATIENCE_SECONDS):
            await said
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _until_listening(stream: asyncio.StreamReader) -> str:
    heard = b""
    while line := await stream.readline():
        if match := LISTENING.search(line):
            return match[1].decode()
        heard += line
    raise RuntimeError(f"Firefox ended: {heard.decode()}")
